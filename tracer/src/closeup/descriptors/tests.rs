#![expect(clippy::needless_pass_by_value, reason = "a test makes a record for each step")]

use super::super::testing::Record;
use super::*;

/// What `/proc` would tell, and how often it was asked.
#[derive(Clone, Default)]
struct Fake {
    known: HashMap<(u32, u32), Found>,
    asked: Arc<std::sync::atomic::AtomicUsize>,
}

impl OpenFiles for Fake {
    fn of(&mut self, pid: u32, fd: u32) -> Option<Found> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.known.get(&(pid, fd)).cloned()
    }
}

impl Fake {
    fn asked(&self) -> usize {
        self.asked.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn descriptors(known: &[(u32, u32, Found)]) -> (Descriptors, Fake) {
    let known = known.iter().cloned().map(|(pid, fd, found)| ((pid, fd), found)).collect();
    let fake = Fake { known, ..Fake::default() };
    (Descriptors::new(Arch::X86_64, Box::new(fake.clone())), fake)
}

/// `file PATH`, `PROTOCOL ADDRESS DIRECTION` or `-`, and what was done.
fn told(uses: &Uses) -> String {
    let words = uses.iter().flatten().map(|Use { on, deed }| {
        let on = match on {
            Thing::File(path) => format!("file {path}"),
            Thing::Socket(Peer { protocol, address, direction }) => {
                format!("{protocol} {address} {direction:?}")
            }
            Thing::Other => "-".to_owned(),
        };
        match deed {
            Deed::Other => on,
            Deed::Opened | Deed::Connected | Deed::Read(_) | Deed::Written(_) => format!("{on} {deed:?}"),
        }
    });
    words.collect::<Vec<_>>().join(" | ")
}

fn follow(descriptors: &mut Descriptors, record: Record) -> String {
    told(&descriptors.follow(&record.event(), None))
}

fn at(descriptors: &mut Descriptors, record: Record, address: &str) -> String {
    told(&descriptors.follow(&record.event(), Some(address)))
}

fn open(path: &[u8], fd: i64) -> Record {
    Record::call("openat", fd).args([0xffff_ff9c]).path(1, path)
}

fn read(fd: u64) -> Record {
    Record::call("read", 5).args([fd])
}

const CWD: u64 = 0xffff_ff9c;

#[test]
fn a_descriptor_is_what_was_opened_until_it_is_closed() {
    let (mut all, _) = descriptors(&[]);
    assert_eq!(follow(&mut all, open(b"/a", 3)), "file /a Opened");
    assert_eq!(follow(&mut all, read(3)), "file /a Read(5)");
    assert_eq!(follow(&mut all, Record::call("pwrite64", 9).args([3])), "file /a Written(9)");
    assert_eq!(follow(&mut all, Record::call("mmap", 0x7f00).args([0, 0, 0, 0, 3])), "file /a");
    assert_eq!(follow(&mut all, Record::call("close", 0).args([3])), "file /a");
    assert_eq!(follow(&mut all, read(3)), "- Read(5)");
    assert_eq!(follow(&mut all, open(b"/b", -2)), "file /b", "it was not opened");
    assert_eq!(follow(&mut all, open(b"/b", 3).denied()), "file /b", "whatever the filter answered");
    assert_eq!(follow(&mut all, read(3).in_flight()), "", "its arguments are not known");
    assert_eq!(all.count, 1, "that 3 is nothing known");
}

#[test]
fn copies_of_a_descriptor_are_the_same() {
    let (mut all, _) = descriptors(&[]);
    follow(&mut all, open(b"/a", 3));
    follow(&mut all, Record::call("dup", 4).args([3]));
    follow(&mut all, Record::call("dup2", 70).args([3, 70]));
    follow(&mut all, Record::call("dup3", 71).args([3, 71]));
    follow(&mut all, Record::call("fcntl", 80).args([3, F_DUPFD_CLOEXEC, 80]));
    follow(&mut all, Record::call("fcntl", 5).args([3, 3]));
    for fd in [4, 70, 71, 80] {
        assert_eq!(follow(&mut all, read(fd)), "file /a Read(5)", "{fd}");
    }
    assert_eq!(follow(&mut all, read(5)), "- Read(5)", "F_GETFL gives flags");
    let copied = Record::call("sendfile", 8).args([80, 4]);
    assert_eq!(follow(&mut all, copied), "file /a Read(8) | file /a Written(8)");
    follow(&mut all, Record::call("close_range", 0).args([70, 0xffff_ffff, CLOSE_RANGE_CLOEXEC]));
    assert_eq!(follow(&mut all, read(71)), "file /a Read(5)");
    follow(&mut all, Record::call("close_range", 0).args([70, 0xffff_ffff, 0]));
    assert_eq!(follow(&mut all, read(71)), "- Read(5)");
    assert_eq!(follow(&mut all, read(4)), "file /a Read(5)");
}

#[test]
fn children_inherit_and_then_go_their_own_way() {
    let (mut all, _) = descriptors(&[]);
    follow(&mut all, open(b"/a", 3));
    assert_eq!(follow(&mut all, Record::fork(5)), "");
    follow(&mut all, Record::fork(Record::PID));
    follow(&mut all, Record::call("close", 0).args([3]));
    assert_eq!(follow(&mut all, read(3).pid(5)), "file /a Read(5)");
    assert_eq!(follow(&mut all, Record::exec(b"/bin/\xff").pid(5)), "file /bin/\u{fffd}");
    assert_eq!(follow(&mut all, read(3).pid(5)), "file /a Read(5)", "whether it stays open is not known");
    follow(&mut all, Record::exit().pid(5));
    assert_eq!(follow(&mut all, read(3).pid(5)), "- Read(5)");
}

#[test]
fn relative_paths_are_below_their_directory_where_it_is_known() {
    let (mut all, _) = descriptors(&[]);
    follow(&mut all, open(b"/etc", 3));
    let stat = |fd: u64, path: &[u8]| Record::call("newfstatat", 0).args([fd]).path(1, path);
    assert_eq!(follow(&mut all, stat(3, b"passwd")), "file /etc/passwd");
    assert_eq!(follow(&mut all, stat(3, b"/passwd")), "file /passwd");
    assert_eq!(follow(&mut all, stat(3, b"")), "file /etc");
    assert_eq!(follow(&mut all, stat(CWD, b"passwd")), "file passwd");
    assert_eq!(follow(&mut all, stat(9, b"passwd")), "file passwd");
    assert_eq!(follow(&mut all, Record::call("unlink", -1).args([3]).path(0, b"x")), "file x");
    let opened = Record::call("openat", 4).args([3]).path(1, b"passwd");
    assert_eq!(follow(&mut all, opened), "file /etc/passwd Opened");
    assert_eq!(follow(&mut all, read(4)), "file /etc/passwd Read(5)");
}

#[test]
fn a_connection_out() {
    let (mut all, _) = descriptors(&[]);
    assert_eq!(follow(&mut all, Record::call("socket", 3).args([2, 1, 0])), "tcp  Unknown");
    let connect = |ret| Record::call("connect", ret).args([3]);
    let peer = "tcp 192.0.2.1:443 Outgoing";
    assert_eq!(at(&mut all, connect(-111), "192.0.2.1:443"), peer, "refused");
    assert_eq!(follow(&mut all, read(3)), "tcp  Unknown Read(5)");
    assert_eq!(at(&mut all, connect(-115), "192.0.2.1:443"), format!("{peer} Connected"));
    assert_eq!(at(&mut all, connect(0), "192.0.2.1:443"), peer, "once");
    assert_eq!(follow(&mut all, Record::call("write", 9).args([3])), format!("{peer} Written(9)"));
    assert_eq!(follow(&mut all, Record::call("setsockopt", 0).args([3])), peer);
    assert_eq!(follow(&mut all, Record::call("shutdown", 0).args([3])), peer);
    assert_eq!(at(&mut all, connect(0), "[2001:db8::1]:1"), "tcp [2001:db8::1]:1 Outgoing Connected");
}

#[test]
fn a_connection_in() {
    let (mut all, fake) = descriptors(&[]);
    follow(&mut all, Record::call("socket", 3).args([1, 1, 0]));
    assert_eq!(at(&mut all, Record::call("bind", 0).args([3]), "/run/s"), "unix /run/s Unknown");
    assert_eq!(follow(&mut all, Record::call("listen", 0).args([3])), "unix /run/s Incoming");
    let accept = |ret| Record::call("accept4", ret).args([3]);
    assert_eq!(follow(&mut all, accept(-11)), "unix /run/s Incoming");
    assert_eq!(follow(&mut all, accept(4)), "unix /run/s Incoming Connected", "its client has no name");
    assert_eq!(at(&mut all, accept(5), "192.0.2.7:1"), "unix 192.0.2.7:1 Incoming Connected");
    assert_eq!(follow(&mut all, read(5)), "unix 192.0.2.7:1 Incoming Read(5)");
    assert_eq!(fake.asked(), 1, "only for the one without address");
}

#[test]
fn datagrams_go_to_many() {
    let (mut all, _) = descriptors(&[]);
    follow(&mut all, Record::call("socket", 3).args([2, 2, 0]));
    let send = || Record::call("sendto", 7).args([3]);
    assert_eq!(at(&mut all, send(), "192.0.2.1:53"), "udp 192.0.2.1:53 Unknown Written(7)");
    assert_eq!(at(&mut all, send(), "192.0.2.2:53"), "udp 192.0.2.2:53 Unknown Written(7)");
    at(&mut all, Record::call("connect", 0).args([3]), "192.0.2.1:53");
    let receive = Record::call("recvfrom", 7).args([3]);
    assert_eq!(at(&mut all, receive, "192.0.2.1:53"), "udp 192.0.2.1:53 Outgoing Read(7)");
}

#[test]
fn what_was_open_before_is_asked_for_once() {
    let pid = Record::PID;
    let socket =
        Found::Socket { protocol: "tcp", address: "192.0.2.1:443".into(), direction: Direction::Unknown };
    let (mut all, fake) =
        descriptors(&[(pid, 0, Found::Other), (pid, 1, Found::File("/var/log/\n".into())), (pid, 7, socket)]);
    for _ in 0..3 {
        assert_eq!(follow(&mut all, read(0)), "- Read(5)");
        assert_eq!(follow(&mut all, read(1)), "file /var/log/\n Read(5)");
        assert_eq!(follow(&mut all, read(7)), "tcp 192.0.2.1:443 Unknown Read(5)");
        assert_eq!(follow(&mut all, read(8)), "- Read(5)");
    }
    assert_eq!(fake.asked(), 4);
    assert_eq!(follow(&mut all, Record::call("read", -9).args([99])), "- Read(0)");
    assert_eq!(fake.asked(), 4, "a bad descriptor is none");
    let connected = Record::call("connect", 0).args([7]);
    assert_eq!(follow(&mut all, connected), "tcp 192.0.2.1:443 Outgoing Connected", "as /proc has it now");
}

#[test]
fn a_step_asks_for_no_more_than_is_bearable() {
    let (mut all, fake) = descriptors(&[]);
    for fd in 0..1000 {
        follow(&mut all, read(fd));
    }
    assert_eq!(fake.asked(), LOOKUPS);
    all.step();
    follow(&mut all, read(1000));
    assert_eq!(fake.asked(), LOOKUPS + 1);
}

#[test]
fn hostile_descriptors_and_memory() {
    let (mut all, fake) = descriptors(&[]);
    for fd in [u64::MAX, 0xffff_ffff, 0x8000_0000, 1 << 40 | 0xffff_fff0] {
        assert_eq!(follow(&mut all, read(fd)), "- Read(5)", "{fd:#x}");
        follow(&mut all, Record::call("dup2", i64::MAX).args([0, fd]));
        follow(&mut all, Record::call("close", 0).args([fd]));
    }
    assert_eq!(fake.asked(), 1, "only for descriptor 0");
    assert_eq!(follow(&mut all, open(b"/huge", i64::MAX)), "file /huge", "no kernel returns that");
    let event = Record::call("socket", 0).args([2, 1, 0]).event();
    let What::Syscall(call) = event.what else { panic!("{event:?}") };
    for fd in 0..1_000_000 {
        let what = What::Syscall(Syscall { ret: fd, ..call });
        all.follow(&Event { what, ..event }, None);
        assert!(all.count <= DESCRIPTORS);
    }
    let event = Record::fork(5).event();
    for pid in 0..100_000 {
        all.follow(&Event { what: What::Fork { pid, tid: pid, vpid: None }, ..event }, None);
    }
    assert!(all.processes.len() <= PROCESSES && all.count <= DESCRIPTORS);
    let counted: usize = all.processes.values().map(|table| table.len()).sum();
    assert_eq!(counted, all.count);
}

#[test]
fn a_path_does_not_grow_without_end() {
    let (mut all, _) = descriptors(&[]);
    follow(&mut all, open(b"/d", 3));
    for _ in 0..100 {
        let deeper = Record::call("openat", 3).args([3]).path(1, &[b'x'; 200]);
        assert!(follow(&mut all, deeper).len() < 1100);
    }
}
