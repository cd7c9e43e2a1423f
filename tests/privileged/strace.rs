//! Real programs, traced by strace and by ctrace at the same time: both must tell the same.
//!
//! `ctrace run -- strace -f PROGRAM`: strace's own calls are in the cgroup, too, and told apart by their threads. Each
//! program is run twice. strace prints numbers the first time, so that every register that holds an argument is
//! compared; the second time it prints what they point to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::ctrace::ctrace;
use crate::support::json::{at, lines, list};
use crate::support::process::run;
use crate::support::rootfs::programs;
use crate::support::strace::{Call, Outcome, address, arguments, integer, parse, string};
use crate::support::wait::until;

/// In what they may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// ctrace has no such call.
    Missing,
    Result,
    Path,
}

struct Explained {
    /// None: any.
    call: Option<&'static str>,
    what: What,
    /// Whether it is this difference: of strace's call and ctrace's event, which is null if it is missing.
    is: fn(&Call, &Value) -> bool,
    /// An entry of the list in `docs/trace.md`, without its line breaks.
    why: &'static str,
}

/// All differences that there may be. What is not in here fails a test.
const EXPLAINED: [Explained; 4] = [
    Explained {
        call: None,
        what: What::Result,
        is: |strace, ours| strace.result == Outcome::None && !at(ours, "syscall.return_value").is_null(),
        why: "A call that is over because its process ends has no result for strace (`?`). The kernel gives it \
              one, often `ERESTARTSYS`, and ctrace prints that.",
    },
    Explained {
        call: None,
        what: What::Missing,
        is: |strace, _| strace.result == Outcome::None,
        why: "A call that has not come to its end when its thread is killed (`?` for strace, too) is not printed: \
              ctrace prints a call when it is over. `exit` and `exit_group`, which never are, it prints.",
    },
    Explained {
        call: Some("rt_sigreturn"),
        what: What::Result,
        is: |strace, ours| {
            matches!(strace.result, Outcome::Error(_)) && *at(ours, "syscall.return_value") == 0
        },
        why: "`rt_sigreturn` gives back the result of what the signal interrupted. Where that is an error, strace \
              prints it as that of `rt_sigreturn`, too; ctrace prints 0, as `rt_sigreturn` has not failed.",
    },
    Explained {
        call: Some("execve"),
        what: What::Path,
        is: |strace, _| strace.result == Outcome::Value(0),
        why: "The path of an `execve` that works is missing if its page was not in memory when the call began: \
              once it is over, the memory is gone. The event `process.exec` has it.",
    },
];

/// Exit code of `--fail-on-loss`.
const LOST: i32 = 7;

/// What strace prints of arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prints {
    Numbers,
    Memory,
}

fn agree(command: &[&str]) {
    for prints in [Prints::Numbers, Prints::Memory] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (ours, theirs) = trace(command, prints, folder.path());
        let differences = differences(ours, &theirs, prints);
        assert!(
            differences.is_empty(),
            "{} differences, the first ones: {:#?}",
            differences.len(),
            &differences[..differences.len().min(10)]
        );
    }
}

/// What ctrace and strace write of it. The command runs in a new folder inside `folder`.
fn trace(command: &[&str], prints: Prints, folder: &Path) -> (Vec<Value>, String) {
    let output = tempfile::tempdir().expect("a temporary folder can be made");
    let (ours, theirs) = (output.path().join("ctrace"), output.path().join("strace"));
    let all_there = || {
        let made = tempfile::tempdir_in(folder).expect("a temporary folder can be made");
        both(command, prints, made.path(), &ours, &theirs)
    };
    // What others do meanwhile can fill the ring buffer, before ctrace knows that they are others.
    until("a trace from which nothing was lost", || all_there().then_some(()));
    let read = |path: &Path| fs::read_to_string(path).expect("a tracer has written it");
    (lines(&read(&ours)), read(&theirs))
}

/// Runs it in `folder`. False: ctrace lost something.
fn both(command: &[&str], prints: Prints, folder: &Path, ours: &Path, theirs: &Path) -> bool {
    let mut both: Command = ctrace(&["run", "-e", "syscall", "--format", "json", "--fail-on-loss", "-o"]);
    both.arg(ours).args(["--", "strace", "-f", "-qq", "-v", "-a1", "-s4096", "-o"]).arg(theirs);
    if prints == Prints::Numbers {
        both.arg("-eraw=all");
    }
    let done = run(both.args(command).current_dir(folder));
    done.code != LOST && done.expect(0).code == 0
}

/// In words; none if both tell the same.
fn differences(events: Vec<Value>, theirs: &str, prints: Prints) -> Vec<String> {
    let (first, threads) = parse(theirs);
    let mut ours: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for event in events.into_iter().filter(|event| !event["syscall"].is_null()) {
        let tid = at(&event, "process.tid").as_u64().and_then(|tid| tid.try_into().ok()).expect("a thread");
        ours.entry(tid).or_default().push(event);
    }
    let mut found = Vec::new();
    for (tid, calls) in threads {
        let mut events = ours.remove(&tid).unwrap_or_default().into_iter().peekable();
        if tid == first {
            // Before, strace prepares its child.
            while events.next_if(|event| *at(event, "syscall.name") != *"execve").is_some() {}
        }
        for call in calls {
            let Some(event) = events.next_if(|event| *at(event, "syscall.name") == *call.name) else {
                // strace met it only when it was killed.
                if call.name != "???" && !explained(What::Missing, &call, &Value::Null) {
                    found.push(format!("{tid}: ctrace has {:?} in place of {call:?}", events.peek()));
                }
                continue;
            };
            let different = compare(&call, &event, prints);
            let different = different.into_iter().filter(|what| !explained_or_argument(what, &call, &event));
            found.extend(
                different.map(|what| format!("{tid}: {} of {call:?}: ctrace has {event}", what.said())),
            );
        }
        found.extend(events.map(|event| format!("{tid}: strace has no such call: {event}")));
    }
    found
}

/// What of a call is different.
enum Difference {
    Of(What),
    /// Never explained: the arguments' number, if none of them.
    Arguments(Vec<usize>),
    Address,
}

impl Difference {
    fn said(&self) -> String {
        match self {
            Self::Of(what) => format!("{what:?}"),
            Self::Arguments(which) => format!("arguments {which:?}"),
            Self::Address => "address".to_owned(),
        }
    }
}

fn explained_or_argument(difference: &Difference, call: &Call, event: &Value) -> bool {
    match difference {
        Difference::Of(what) => explained(*what, call, event),
        Difference::Arguments(_) | Difference::Address => false,
    }
}

fn explained(what: What, call: &Call, event: &Value) -> bool {
    let mut of_call = EXPLAINED.iter().filter(|entry| entry.call.is_none_or(|name| name == call.name));
    of_call.any(|entry| entry.what == what && (entry.is)(call, event))
}

fn compare(call: &Call, event: &Value, prints: Prints) -> Vec<Difference> {
    let mut found = Vec::new();
    let same = match &call.result {
        Outcome::Value(value) => bits(at(event, "syscall.return_value")) == Some(*value),
        Outcome::Error(name) => *at(event, "error.type") == **name,
        Outcome::None => at(event, "syscall.return_value").is_null(),
    };
    if !same {
        found.push(Difference::Of(What::Result));
    }
    let theirs = arguments(&call.args);
    match prints {
        Prints::Numbers => {
            let ours = list(at(event, "syscall.args"));
            // By a 32-bit ABI ctrace prints all registers.
            let exact = *at(event, "syscall.abi") == *"x86_64";
            let pairs = theirs.iter().zip(ours).enumerate();
            // Of a 64-bit program that calls by a 32-bit ABI, strace prints the whole registers.
            let looked_at = if exact { u64::MAX } else { u64::from(u32::MAX) };
            let other = pairs
                .filter(|(_, (theirs, ours))| integer(theirs).map(|value| value & looked_at) != bits(ours));
            let other: Vec<usize> = other.map(|(index, _)| index).collect();
            let fits = |value: &Value| bits(value).is_some_and(|value| u32::try_from(value).is_ok());
            let as_many = if exact {
                ours.len() == theirs.len()
            } else {
                ours.len() >= theirs.len() && ours.iter().all(fits)
            };
            if !as_many || !other.is_empty() {
                found.push(Difference::Arguments(other));
            }
        }
        Prints::Memory => {
            // None: strace has not printed it there, or not all of it.
            let printed = |index: &str| theirs.get(usize::try_from(at(event, index).as_u64()?).ok()?);
            if let Some(path) = printed("syscall.path_index").and_then(|text| string(text))
                && at(event, "syscall.path").as_str().map(str::as_bytes) != Some(&path)
            {
                found.push(Difference::Of(What::Path));
            }
            if let Some(address) = printed("syscall.address_index").and_then(|text| address(text))
                && *at(event, "syscall.address") != *address
            {
                found.push(Difference::Address);
            }
        }
    }
    found
}

/// An integer of any 64 bits, which JSON has as a string if it is large.
fn bits(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned)).or_else(|| integer(value.as_str()?))
}

/// What users read is what the tests know.
#[test]
fn the_guide_explains_each_difference() {
    let guide = include_str!("../../docs/trace.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for entry in &EXPLAINED {
        assert!(guide.contains(entry.why), "docs/trace.md does not say: {}", entry.why);
    }
}

/// A shell script. What it makes is in its own folder.
fn script(text: &str) {
    agree(&["sh", "-euc", text]);
}

#[test]
#[ignore = "needs root, BTF, strace"]
fn ls() {
    agree(&["ls", "-laR", "/etc/apt"]);
}

#[test]
#[ignore = "needs root, BTF, strace"]
fn cp_mv_ln_rm() {
    script(
        "mkdir a; cp -a /etc/hostname a/b; mv a/b a/c; ln -s c a/d; ln a/c a/e; chmod 600 a/c; touch a/f; rm -r a",
    );
}

#[test]
#[ignore = "needs root, BTF, strace"]
fn find_and_du() {
    script("find /etc/apt -name '*.list'; du -a /etc/apt; stat /etc; readlink -f /proc/self/exe; df / >df");
}

#[test]
#[ignore = "needs root, BTF, strace"]
fn sort_and_dd() {
    script(
        "dd if=/dev/zero of=zeroes bs=4k count=3; sort -r /etc/passwd >sorted; tail -n1 sorted; wc sorted zeroes",
    );
}

#[test]
#[ignore = "needs root, BTF, strace"]
fn tar_and_gzip() {
    script("cp /etc/passwd a; tar czf a.tar.gz a; mkdir b; tar xzf a.tar.gz -C b; cmp a b/a");
}

#[test]
#[ignore = "needs root, BTF, strace"]
fn pipelines_of_a_shell() {
    script(
        "cat /etc/passwd | sort | uniq -c | wc -l; (exit 3) & wait $! || echo $?; trap 'echo usr1' USR1; kill -USR1 $$",
    );
}

#[test]
#[ignore = "needs root, BTF, strace, bash"]
fn bash() {
    agree(&[
        "bash",
        "-c",
        "x=$(date); for i in 1 2 3; do echo $i; done | while read -r l; do :; done; [[ -d /tmp ]] && echo <(true)",
    ]);
}

#[test]
#[ignore = "needs root, BTF, strace, busybox"]
fn a_static_busybox() {
    agree(&["busybox", "sh", "-c", "busybox ls -l /etc/apt; busybox grep root /etc/passwd | busybox wc -l"]);
}

#[test]
#[ignore = "needs root, BTF, strace, gcc"]
fn the_32_bit_abi() {
    agree(&[&program("old_abi")]);
}

#[test]
#[ignore = "needs root, BTF, strace, gcc"]
fn threads_signals_and_vfork() {
    agree(&[&program("workers")]);
}

#[test]
#[ignore = "needs root, BTF, strace, gcc"]
fn a_compiler() {
    script("echo 'int main(void) { return 0; }' >a.c; gcc -o a a.c; ./a");
}

#[test]
#[ignore = "needs root, BTF, strace, perl"]
fn perl() {
    agree(&[
        "perl",
        "-e",
        "open(F, '<', '/etc/passwd'); my @l = <F>; print scalar(@l); system('true'); utime(1, 2, '/none')",
    ]);
}

#[test]
#[ignore = "needs root, BTF, strace, python3"]
fn python_with_threads_and_sockets() {
    agree(&[
        "/usr/bin/python3",
        "-c",
        r#"
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
def serve():
    peer, _ = server.accept()
    peer.sendall(peer.recv(100))
    peer.close()
thread = threading.Thread(target=serve)
thread.start()
client = socket.create_connection(server.getsockname())
client.sendall(b"hello")
assert client.recv(100) == b"hello"
thread.join()
for name in ("/nowhere", "\0abstract"):
    try:
        socket.socket(socket.AF_UNIX).connect(name)
    except OSError:
        pass
with socket.create_server(("::1", 0), family=socket.AF_INET6) as other:
    socket.create_connection(other.getsockname()[:2])
"#,
    ]);
}

#[test]
#[ignore = "needs root, BTF, strace, python3, curl"]
fn curl_on_loopback() {
    agree(&[
        "/usr/bin/python3",
        "-c",
        r#"
import http.server, subprocess, threading
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
thread = threading.Thread(target=server.handle_request)
thread.start()
subprocess.run(["curl", "-sS", "http://127.0.0.1:%d/" % server.server_port], check=True)
thread.join()
"#,
    ]);
}

#[test]
#[ignore = "needs root, BTF, strace, redis-server, redis-benchmark"]
fn redis() {
    script(
        "redis-server --port 0 --unixsocket $PWD/redis --save '' >log & \
         until redis-cli -s redis ping; do :; done; \
         redis-benchmark -s redis -n 100 -c 4 -t set,get -q; redis-cli -s redis shutdown nosave || :; wait",
    );
}

#[test]
#[ignore = "needs root, BTF, strace, sqlite3"]
fn sqlite() {
    agree(&[
        "sqlite3",
        "a.db",
        "create table t(a); insert into t values (1), (2); select sum(a) from t; vacuum",
    ]);
}

#[test]
#[ignore = "needs root, BTF, strace, git"]
fn git() {
    script(
        "git init -q .; echo 1 >a; git add a; \
         git -c user.name=a -c user.email=a@b commit -qm a; git log --stat; git gc -q",
    );
}

#[test]
#[ignore = "needs root, BTF, strace, node"]
fn node() {
    agree(&[
        "node",
        "-e",
        "const fs = require('fs'); fs.readFile('/etc/hostname', () => {}); fs.statSync('/etc'); setTimeout(() => {}, 20)",
    ]);
}

#[test]
#[ignore = "needs root, BTF, strace, xz"]
fn xz_with_threads() {
    script("head -c 3000000 /dev/zero >a; xz -T2 --block-size=1MiB a; xz -dc a.xz | cksum");
}

#[test]
#[ignore = "needs root, BTF, strace, awk"]
fn sed_and_awk() {
    script(
        "sed s/root/ROOT/ /etc/passwd >a; sed -i 1d a; awk -F: '{ n += $3 } END { print n }' a; tee b <a >c",
    );
}

fn program(name: &str) -> String {
    programs().join(name).to_string_lossy().into_owned()
}
