//! Events in datagrams, one in each: UDP and unix sockets. Over UDP nobody learns what is lost on the way.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use memchr::memchr_iter;
use rustix::fd::AsFd;
use rustix::io::Errno;

use super::line;
use super::syslog::Syslog;
use super::{Failure, Progress, Receiver};

/// A socket that is connected, in non-blocking mode.
pub trait Socket: AsFd + Send {
    fn send(&self, datagram: &[u8]) -> io::Result<usize>;
}

impl Socket for UdpSocket {
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        Self::send(self, datagram)
    }
}

impl Socket for UnixDatagram {
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        Self::send(self, datagram)
    }
}

type Connect = Box<dyn Fn() -> io::Result<Box<dyn Socket>> + Send>;

pub struct Datagrams {
    connect: Connect,
    socket: Option<Box<dyn Socket>>,
    syslog: Option<Syslog>,
    /// A refusal is about the datagram before: so UDP learns of a port that nobody listens at.
    bounces: bool,
    /// Reused from line to line.
    message: Vec<u8>,
}

impl Datagrams {
    pub fn new(connect: impl Fn() -> io::Result<Box<dyn Socket>> + Send + 'static) -> Self {
        Self { connect: Box::new(connect), socket: None, syslog: None, bounces: false, message: Vec::new() }
    }

    /// `HOST:PORT`. The name is looked up by the C library.
    pub fn udp(host_port: String) -> Self {
        let connect = move || -> io::Result<Box<dyn Socket>> {
            let mut addresses = host_port.to_socket_addrs()?;
            let peer = addresses.next().ok_or_else(|| io::Error::other("the name has no address"))?;
            let any: SocketAddr = match peer {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            socket.connect(peer)?;
            socket.set_nonblocking(true)?;
            Ok(Box::new(socket))
        };
        Self { bounces: true, ..Self::new(connect) }
    }

    pub fn unix(path: &Path) -> Self {
        let path = path.to_owned();
        Self::new(move || {
            let socket = UnixDatagram::unbound()?;
            socket.connect(&path)?;
            socket.set_nonblocking(true)?;
            Ok(Box::new(socket))
        })
    }

    #[must_use]
    pub fn with_syslog(mut self, syslog: Syslog) -> Self {
        self.syslog = Some(syslog);
        self
    }

    fn send(&mut self, line: &[u8]) -> Result<(), Failure> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert((self.connect)().map_err(Failure::Unreachable)?),
        };
        let datagram = match &self.syslog {
            None => line,
            Some(syslog) => {
                self.message.clear();
                syslog.message(line, &mut self.message);
                &self.message
            }
        };
        loop {
            match socket.send(datagram) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => match line::is_ready(&**socket) {
                    Ok(true) => {}
                    Ok(false) => return Err(Failure::Stalled),
                    Err(error) => return Err(Failure::Refused(error)),
                },
                Err(error) => {
                    return Err(match Errno::from_io_error(&error) {
                        Some(Errno::NOBUFS) => Failure::NoRoom(error),
                        Some(Errno::MSGSIZE) => Failure::Refused(error),
                        _ => Failure::Unreachable(error),
                    });
                }
            }
        }
    }
}

impl Receiver for Datagrams {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        let mut progress = Progress::default();
        let mut start = 0;
        for end in memchr_iter(b'\n', lines) {
            match self.send(lines.get(start..end).unwrap_or_default()) {
                Ok(()) => {}
                // Too long, but the next one may not be.
                Err(Failure::Refused(_)) => progress.missed.push(progress.done..progress.done + 1),
                Err(stop) => {
                    if let Failure::Unreachable(error) = &stop {
                        self.socket = None;
                        let refused = error.kind() == ErrorKind::ConnectionRefused;
                        progress.late = u32::from(self.bounces && refused);
                    }
                    progress.stop = Some(stop);
                    return progress;
                }
            }
            progress.done += 1;
            start = end + 1;
        }
        progress
    }
}
