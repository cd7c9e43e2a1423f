//! Lines over a connection that may break: TCP and unix sockets.
//!
//! A connection is made anew when it breaks, and begins with the line that the break has cut. What the kernel had taken
//! and the peer had not read is lost, and nobody can tell how much it was.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;

use super::line::{self, Cut, Wire};
use super::syslog::Syslog;
use super::{Failure, Late, Progress, Receiver};

/// A host that does not answer is as good as one that is not there.
const CONNECT: Duration = Duration::from_secs(3);

/// A connection, in non-blocking mode.
pub trait Connection: Read + Write + AsFd + Send {
    /// No more will be written.
    fn end(&self) -> io::Result<()>;
}

impl Connection for TcpStream {
    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Connection for UnixStream {
    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

type Connect = Box<dyn Fn() -> io::Result<Box<dyn Connection>> + Send>;

pub struct Stream {
    connect: Connect,
    connection: Option<Box<dyn Connection>>,
    /// Messages in frames instead of lines.
    syslog: Option<Syslog>,
    /// Bytes of the next line, or of its frame, that went over this connection already.
    begun: usize,
}

impl Stream {
    pub fn new(connect: impl Fn() -> io::Result<Box<dyn Connection>> + Send + 'static) -> Self {
        Self { connect: Box::new(connect), connection: None, syslog: None, begun: 0 }
    }

    /// `HOST:PORT`. The name is looked up for each connection, by the C library.
    pub fn tcp(host_port: String) -> Self {
        Self::new(move || {
            let mut last = io::Error::other("the name has no address");
            for address in host_port.to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, CONNECT) {
                    Ok(stream) => {
                        stream.set_nonblocking(true)?;
                        return Ok(Box::new(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        })
    }

    pub fn unix(path: &Path) -> Self {
        let path = path.to_owned();
        Self::new(move || {
            let stream = UnixStream::connect(&path)?;
            stream.set_nonblocking(true)?;
            Ok(Box::new(stream))
        })
    }

    #[must_use]
    pub fn with_syslog(mut self, syslog: Syslog) -> Self {
        self.syslog = Some(syslog);
        self
    }

    /// Connects if need be.
    fn ready(&mut self) -> io::Result<()> {
        if self.connection.as_mut().is_some_and(|connection| has_gone(&mut **connection)) {
            self.connection = None;
        }
        if self.connection.is_none() {
            self.begun = 0;
            self.connection = Some((self.connect)()?);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> (usize, Option<Failure>) {
        let Some(connection) = &mut self.connection else { return (0, Some(Failure::Stalled)) };
        match line::write(&mut **connection, bytes) {
            (written, Some(Failure::NoRoom(error) | Failure::Refused(error))) => {
                (written, Some(Failure::Unreachable(error)))
            }
            (written, Some(Failure::Closed)) => {
                (written, Some(Failure::Unreachable(ErrorKind::BrokenPipe.into())))
            }
            other => other,
        }
    }
}

impl Receiver for Stream {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        if let Err(error) = self.ready() {
            return Progress::none(Failure::Unreachable(error));
        }
        let (mut frames, mut ends) = (Vec::new(), Vec::new());
        let wire = match &self.syslog {
            None => Wire { bytes: lines, ends: None },
            Some(syslog) => {
                syslog.frames(lines, &mut frames, &mut ends);
                Wire { bytes: &frames, ends: Some(&ends) }
            }
        };
        let begun = std::mem::take(&mut self.begun);
        let (more, stop) = self.write(wire.bytes.get(begun..).unwrap_or_default());
        let written = begun + more;
        let Cut { whole: done, begun } = wire.cut(written);
        match (&stop, begun) {
            (Some(Failure::Stalled), Some(line)) => self.begun = written - line.start,
            // Over the next connection it goes whole.
            (Some(Failure::Unreachable(_)), _) => self.connection = None,
            _ => {}
        }
        Progress { done, stop, ..Progress::default() }
    }

    fn close(&mut self) -> Late {
        if let Some(mut connection) = self.connection.take() {
            // What was received and not read would make the kernel reset the connection.
            has_gone(&mut *connection);
            // The peer may have been quicker.
            _ = connection.end();
        }
        Late::default()
    }
}

/// Whether the peer has hung up. What it says is of no interest and thrown away.
fn has_gone(connection: &mut dyn Connection) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(connection.as_fd(), PollFlags::RDHUP | PollFlags::IN)];
    if !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(1..)) {
        return false;
    }
    let mut said = [0; 512];
    loop {
        match connection.read(&mut said) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}
