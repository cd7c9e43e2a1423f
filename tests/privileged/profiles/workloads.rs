//! What runs in the containers of the matrix. Each says something and ends with a code of its own, so that
//! nothing which did not run can pass for something that did.

pub struct Workload {
    pub name: &'static str,
    /// While it is recorded, and without a profile.
    pub args: &'static [&'static str],
    /// Under the profile; None: the same.
    pub again: Option<&'static [&'static str]>,
    /// Its programs are this machine's.
    pub usr: bool,
}

const fn own(name: &'static str, args: &'static [&'static str]) -> Workload {
    Workload { name, args, again: None, usr: false }
}

const fn of_usr(name: &'static str, args: &'static [&'static str]) -> Workload {
    Workload { name, args, again: None, usr: true }
}

const BUSYBOX: &str = "mkdir /tmp/d && echo one >/tmp/d/f && cat /tmp/d/f | tr a-z A-Z; ls /tmp/d; \
    find /etc -name hostname; rm -r /tmp/d; exit 3";

pub const PYTHON: &str = "
import json, os, socket, subprocess, sys, tempfile, threading
numbers = []
threads = [threading.Thread(target=numbers.append, args=(i,)) for i in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ours, theirs = socket.socketpair()
ours.sendall(b'ping')
with tempfile.TemporaryFile() as file:
    file.write(b'x' * 10000)
    file.seek(0)
    length = len(file.read())
child = subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout.decode()
print(json.dumps([sorted(numbers), theirs.recv(4).decode(), length, child, 'bin' in os.listdir('/usr')]))
sys.exit(10)";

pub const REDIS: &str = "
cli() { /usr/bin/redis-cli -s /tmp/redis.sock \"$@\"; }
/usr/bin/redis-server --port 0 --unixsocket /tmp/redis.sock --save '' --dir /tmp >/dev/null &
i=0
until cli ping 2>/dev/null | grep -q PONG; do i=$((i + 1)); [ $i -lt 400 ] || exit 1; sleep 0.02; done
cli set a 41; cli incr a; cli rpush l x y z; cli lrange l 0 -1; cli save
cli shutdown nosave
wait
exit 11";

/// A program of the Go runtime: what it calls depends on the moment more than that of a C program.
const GO: &[&str] = &["/usr/sbin/gosu", "1000:1000", "/bin/busybox", "sh", "-c", "id -u; id -g; exit 13"];

pub const WORKLOADS: [Workload; 11] = [
    own("static busybox", &["sh", "-c", BUSYBOX]),
    of_usr("threads, glibc", &["/bin/threads", "4"]),
    of_usr("python3", &["/usr/bin/python3", "-c", PYTHON]),
    of_usr("redis", &["sh", "-c", REDIS]),
    own("int 0x80", &["/bin/int80"]),
    of_usr("Go", GO),
    own("like Go", &["/bin/golike"]),
    own("10 ms `true`", &["/bin/true"]),
    own("forks, unshare", &["/bin/forks"]),
    own("signal handlers", &["/bin/signals"]),
    // SIGCONT does nothing to what runs. SIGSTOP is what the profile's maker did not see.
    Workload {
        name: "stop, continue",
        args: &["/bin/naps", "18"],
        again: Some(&["/bin/naps", "19"]),
        usr: false,
    },
];
