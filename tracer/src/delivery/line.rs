//! Lines on their way into something that may take a part of one.

use std::io::{self, ErrorKind, Write};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;

use super::{Failure, Progress};

/// A receiver that takes nothing is left alone after that long, to see whether somebody still waits for it.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Lines, or what stands for each of them on the wire.
pub struct Wire<'a> {
    pub bytes: &'a [u8],
    /// Where each ends; None: at its newline.
    pub ends: Option<&'a [usize]>,
}

/// What a number of bytes comes to; all there are: [`Progress::ALL`].
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    pub whole: u32,
    /// Where the one lies that was begun.
    pub begun: Option<Range<usize>>,
}

impl Wire<'_> {
    pub fn cut(&self, written: usize) -> Cut {
        if written == self.bytes.len() {
            // Nearly always: they are not counted for it.
            return Cut { whole: Progress::ALL, begun: None };
        }
        let (whole, start, end) = if let Some(ends) = self.ends {
            let whole = ends.partition_point(|end| *end <= written);
            let start = whole.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or_default();
            (whole, start, ends.get(whole).copied())
        } else {
            let (before, after) = self.bytes.split_at(written.min(self.bytes.len()));
            let start = memrchr(b'\n', before).map_or(0, |end| end + 1);
            let end = memchr(b'\n', after).map(|end| written + end + 1);
            (memchr_iter(b'\n', before).count(), start, end)
        };
        let begun = end.filter(|_| written > start).map(|end| start..end);
        Cut { whole: u32::try_from(whole).unwrap_or(u32::MAX), begun }
    }
}

/// Writes until all is written, nothing more goes, or it fails. The number of bytes that went.
pub fn write(to: &mut (impl Write + AsFd + ?Sized), bytes: &[u8]) -> (usize, Option<Failure>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..)
        && !rest.is_empty()
    {
        match to.write(rest) {
            Ok(0) => return (written, Some(Failure::Refused(ErrorKind::WriteZero.into()))),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => match is_ready(&*to) {
                Ok(true) => {}
                Ok(false) => return (written, Some(Failure::Stalled)),
                Err(error) => return (written, Some(Failure::Refused(error))),
            },
            Err(error) => return (written, Some(failure(error))),
        }
    }
    (written, None)
}

/// Whether it takes something within [`PATIENCE`].
pub fn is_ready(fd: &(impl AsFd + ?Sized)) -> io::Result<bool> {
    let mut polled = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::OUT)];
    match poll(&mut polled, Some(&PATIENCE)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

pub fn failure(error: io::Error) -> Failure {
    const NO_ROOM: [ErrorKind; 3] =
        [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
    if NO_ROOM.contains(&error.kind()) {
        Failure::NoRoom(error)
    } else if error.kind() == ErrorKind::BrokenPipe {
        Failure::Closed
    } else {
        Failure::Refused(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_lines_and_perhaps_a_part_of_one() {
        let lines = Wire { bytes: b"ab\nc\n", ends: None };
        let frames = Wire { bytes: b"2 ab1 c", ends: Some(&[4, 7]) };
        let cut = |whole, begun| Cut { whole, begun };
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|at| lines.cut(at)),
            [
                cut(0, None),
                cut(0, Some(0..3)),
                cut(0, Some(0..3)),
                cut(1, None),
                cut(1, Some(3..5)),
                cut(Progress::ALL, None)
            ]
        );
        assert_eq!(
            [0, 3, 4, 5, 7].map(|at| frames.cut(at)),
            [cut(0, None), cut(0, Some(0..4)), cut(1, None), cut(1, Some(4..7)), cut(Progress::ALL, None)]
        );
    }
}
