//! What processes had open before anybody looked.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::sockets;
use crate::snapshot::Direction;

/// What a descriptor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Lossy where it is not UTF-8.
    File(String),
    /// As in [`crate::snapshot::PeerRow`]; a socket without peer has its own address.
    Socket { protocol: &'static str, address: String, direction: Direction },
    /// A pipe, a timer and the like.
    Other,
}

pub trait OpenFiles {
    /// As the host counts processes. None: it cannot be told.
    fn of(&mut self, pid: u32, fd: u32) -> Option<Found>;

    /// Time has passed: what was remembered may be asked for again.
    fn step(&mut self) {}
}

/// For recordings: the processes are gone.
pub struct Nothing;

impl OpenFiles for Nothing {
    fn of(&mut self, _pid: u32, _fd: u32) -> Option<Found> {
        None
    }
}

/// The running kernel's, as `/proc` has it.
pub struct Proc {
    root: PathBuf,
    /// Of one network namespace, by inode.
    sockets: HashMap<u64, Found>,
    namespace: PathBuf,
    /// Its tables may be read: they can be long, so once a step.
    fresh: bool,
}

/// Bytes read of one of the kernel's tables of sockets: 25,000 of them.
const TABLE_MAX: u64 = 4 << 20;

/// Bytes of a path; see [`tracer_common::limits::STRING_LEN`] for those in records.
const PATH_MAX: usize = 1024;

impl Proc {
    /// `root`: `/proc`.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), sockets: HashMap::new(), namespace: PathBuf::new(), fresh: true }
    }

    fn socket(&mut self, pid: u32, inode: u64) -> Found {
        let unknown = Found::Socket { protocol: "", address: String::new(), direction: Direction::Unknown };
        let process = self.root.join(pid.to_string());
        // The tables are those of the process's network namespace.
        let Ok(namespace) = fs::read_link(process.join("ns/net")) else { return unknown };
        if self.fresh && (namespace != self.namespace || !self.sockets.contains_key(&inode)) {
            self.fresh = false;
            self.sockets.clear();
            self.namespace = namespace;
            for table in &sockets::TABLES {
                self.read(table, &process);
            }
        }
        self.sockets.get(&inode).cloned().unwrap_or(unknown)
    }

    fn read(&mut self, table: &sockets::Table, process: &Path) {
        let Ok(file) = File::open(process.join("net").join(table.file)) else { return };
        for line in BufReader::new(file.take(TABLE_MAX)).split(b'\n').map_while(Result::ok) {
            if let Some((inode, found)) = (table.parse)(table.protocol, &String::from_utf8_lossy(&line)) {
                self.sockets.insert(inode, found);
            }
        }
    }
}

impl OpenFiles for Proc {
    fn of(&mut self, pid: u32, fd: u32) -> Option<Found> {
        let link = self.root.join(format!("{pid}/fd/{fd}"));
        let target = fs::read_link(link).ok()?;
        let target = target.as_os_str().as_bytes();
        if target.starts_with(b"/") {
            let path = target.get(..PATH_MAX).unwrap_or(target);
            return Some(Found::File(String::from_utf8_lossy(path).into_owned()));
        }
        let inode = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
        let inode = inode.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
        Some(inode.map_or(Found::Other, |inode| self.socket(pid, inode)))
    }

    fn step(&mut self) {
        self.fresh = true;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn own() -> (Proc, u32) {
        (Proc::new(Path::new("/proc")), std::process::id())
    }

    fn number(of: &impl AsRawFd) -> u32 {
        of.as_raw_fd().try_into().unwrap()
    }

    #[test]
    fn a_file_has_its_path_and_a_pipe_none() {
        let (mut proc, pid) = own();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"x").unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        assert_eq!(proc.of(pid, number(&file)), Some(Found::File(path)));
        let (reader, _writer) = std::io::pipe().unwrap();
        assert_eq!(proc.of(pid, number(&reader)), Some(Found::Other));
        assert_eq!((proc.of(pid, u32::MAX), proc.of(u32::MAX, 0)), (None, None));
    }

    #[test]
    fn sockets_have_the_address_of_their_peer_or_their_own() {
        let (mut proc, pid) = own();
        let dir = tempfile::tempdir().unwrap();
        let unix = UnixListener::bind(dir.path().join("s")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let client = TcpStream::connect(&address).unwrap();
        let tcp = |direction| Found::Socket { protocol: "tcp", address: address.clone(), direction };
        assert_eq!(proc.of(pid, number(&client)), Some(tcp(Direction::Unknown)));
        assert_eq!(proc.of(pid, number(&listener)), Some(tcp(Direction::Incoming)));
        let address = dir.path().join("s").to_str().unwrap().to_owned();
        let expected = Found::Socket { protocol: "unix", address, direction: Direction::Incoming };
        assert_eq!(proc.of(pid, number(&unix)), Some(expected));

        let late = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let unknown = proc.of(pid, number(&late));
        assert!(matches!(unknown, Some(Found::Socket { protocol: "", .. })), "one reading a step");
        proc.step();
        assert_eq!(proc.of(pid, number(&late)), Some(tcp(Direction::Unknown)));
    }

    #[test]
    fn a_path_can_be_anything() {
        let dir = tempfile::tempdir().unwrap();
        let fds = dir.path().join("7/fd");
        fs::create_dir_all(&fds).unwrap();
        let hostile = std::ffi::OsStr::from_bytes(b"/a\n\x1b[2J\xff");
        symlink(hostile, fds.join("0")).unwrap();
        symlink(format!("/{}", "x".repeat(4000)), fds.join("1")).unwrap();
        symlink("socket:[99999999999999999999999]", fds.join("2")).unwrap();
        let mut proc = Proc::new(dir.path());
        assert_eq!(proc.of(7, 0), Some(Found::File("/a\n\u{1b}[2J\u{fffd}".into())));
        let Some(Found::File(long)) = proc.of(7, 1) else { panic!("a file") };
        assert_eq!(long.len(), PATH_MAX);
        assert_eq!(proc.of(7, 2), Some(Found::Other));
    }
}
