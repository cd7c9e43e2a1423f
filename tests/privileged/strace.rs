//! Real programs, traced by strace and by ctrace at the same time: both must tell the same.
//!
//! `ctrace run -- strace -f PROGRAM`: strace's own calls are in the cgroup, too, and told apart by their threads. Each
//! program is run twice. strace prints numbers the first time, so that every register that holds an argument is
//! compared; the second time it prints what they mean and point to, and every argument must read the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tracer::argument::quoted;
use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::syscall::signature;

use crate::support::ctrace::ctrace;
use crate::support::json::{at, lines, list};
use crate::support::process::run;
use crate::support::rootfs::programs;
use crate::support::strace::{Call, Outcome, arguments, integer, parse, string};
use crate::support::wait::until;

/// An argument of ctrace's: its name, and what it reads like.
type Named<'a> = (&'a str, String);

/// In what they may differ, and whether it is this difference.
#[derive(Clone, Copy)]
enum Is {
    /// ctrace has no such call.
    Missing(fn(&Call) -> bool),
    Result(fn(&Call, &Value) -> bool),
    /// How many arguments there are, or which: those of strace, and of ctrace with their names.
    Arguments(fn(&[&str], &[Named<'_>]) -> bool),
    /// An argument as strace prints it, and as ctrace does.
    Argument(fn(&str, &str) -> bool),
}

struct Explained {
    /// Calls, or arguments (`call.argument`) of some; none: all.
    of: &'static [&'static str],
    is: Is,
    /// An entry of the list in `docs/trace.md`, without its line breaks.
    why: &'static str,
}

/// All differences that there may be. What is not in here fails a test.
const EXPLAINED: &[Explained] = &[
    Explained {
        of: &[],
        is: Is::Result(|strace, ours| {
            strace.result == Outcome::None && !at(ours, "syscall.return_value").is_null()
        }),
        why: "A call that is over because its process ends has no result for strace (`?`). The kernel gives it \
              one, often `ERESTARTSYS`, and ctrace prints that.",
    },
    Explained {
        of: &[],
        is: Is::Missing(|strace| strace.result == Outcome::None),
        why: "A call that has not come to its end when its thread is killed (`?` for strace, too) is not printed: \
              ctrace prints a call when it is over. `exit` and `exit_group`, which never are, it prints.",
    },
    Explained {
        of: &["rt_sigreturn"],
        is: Is::Result(|strace, ours| {
            matches!(strace.result, Outcome::Error(_)) && *at(ours, "syscall.return_value") == 0
        }),
        why: "`rt_sigreturn` gives back the result of what the signal interrupted. Where that is an error, strace \
              prints it as that of `rt_sigreturn`, too; ctrace prints 0, as `rt_sigreturn` has not failed.",
    },
    Explained {
        of: &["rt_sigreturn", "sigreturn"],
        is: Is::Arguments(|theirs, ours| {
            theirs.iter().all(|text| text.starts_with("{mask=")) && ours.is_empty()
        }),
        why: "`rt_sigreturn` takes no arguments. strace prints the mask that it finds on the stack.",
    },
    Explained {
        of: &["clone"],
        is: Is::Arguments(|theirs, ours| {
            let ours: Vec<_> = ours.iter().map(|(name, value)| format!("{name}={value}")).collect();
            theirs.len() == ours.len() && theirs.iter().all(|theirs| ours.iter().any(|ours| ours == theirs))
        }),
        why: "The arguments of `clone` stand in the order of the call. strace has another one.",
    },
    Explained {
        of: &[],
        is: Is::Argument(|theirs, ours| requoted(theirs) == ours),
        why: "What cannot be printed in a string stands as `\\x0a`, as in all that ctrace prints. strace has the \
              escapes of C.",
    },
    Explained {
        of: &[
            "read.buf",
            "write.buf",
            "pread64.buf",
            "pwrite64.buf",
            "recvfrom.buf",
            "sendto.buf",
            "getrandom.buf",
            "getxattr.value",
            "lgetxattr.value",
            "fgetxattr.value",
            "setxattr.value",
            "lsetxattr.value",
            "fsetxattr.value",
        ],
        is: Is::Argument(|theirs, ours| theirs.starts_with('"') && ours.starts_with("0x")),
        why: "Data that calls move, and values of extended attributes, are not read: they are nobody's business, and \
              long. ctrace prints the pointer (`iov_base` in arrays), strace the beginning.",
    },
    Explained {
        of: &["readv.iov", "writev.iov", "preadv.iov", "pwritev.iov", "preadv2.iov", "pwritev2.iov"],
        is: Is::Argument(|theirs, ours| without_data(theirs) == without_data(ours)),
        why: "Data that calls move, and values of extended attributes, are not read: they are nobody's business, and \
              long. ctrace prints the pointer (`iov_base` in arrays), strace the beginning.",
    },
    Explained {
        of: &[],
        is: Is::Argument(|theirs, ours| without_comments(theirs) == ours),
        why: "strace's comments are left out: how many variables an environment has (`/* 38 vars */`) or entries a \
              directory, times in words, and that a value has no name.",
    },
    Explained {
        of: &["clone3.cl_args"],
        is: Is::Argument(|theirs, ours| {
            theirs.split_once(" => ").is_some_and(|(given, _)| given.trim_end() == ours)
        }),
        why: "What structures point to in their turn is not read: the thread's id that `clone3` leaves, the name and \
              the parts of a message (`struct msghdr`).",
    },
    Explained {
        of: &[
            "accept.addrlen",
            "accept4.addrlen",
            "getsockname.addrlen",
            "getpeername.addrlen",
            "recvfrom.addrlen",
            "getsockopt.optlen",
        ],
        is: Is::Argument(|theirs, ours| {
            let after = theirs.strip_prefix('[').and_then(|theirs| theirs.split_once(" => "));
            after.is_some_and(|(_, after)| ours.strip_prefix('[') == Some(after))
        }),
        why: "Memory is read when the call is over. Of a length that the kernel has changed strace prints both \
              (`[110 => 2]`), ctrace `[2]`.",
    },
    Explained {
        of: &["poll.fds", "ppoll.fds"],
        is: Is::Argument(|theirs, ours| without_found(ours) == theirs),
        why: "What `poll` found stands where it stands in memory (`revents`). strace prints it behind the result.",
    },
    Explained {
        of: &["ioctl.request"],
        is: Is::Argument(|theirs, ours| theirs.split(" or ").any(|name| name == ours)),
        why: "Of several names for the same `ioctl` ctrace prints one.",
    },
    Explained {
        of: &["prctl.arg2"],
        is: Is::Argument(|theirs, ours| theirs.starts_with('"') && ours.starts_with("0x")),
        why: "What the options of `prctl` point to is not read, the name of a thread for one.",
    },
    Explained {
        of: &["execve.argv"],
        is: Is::Argument(|theirs, ours| {
            let rest = |list: &str| list.split_once(", ").map(|(_, rest)| rest.to_owned());
            rest(&requoted(theirs)).is_some_and(|rest| ours.ends_with(&rest)) || theirs.starts_with("[]")
        }),
        why: "The arguments of an `execve` that works are those that the new program finds: of a script the \
              interpreter and the path come first.",
    },
    Explained {
        of: &[],
        is: Is::Argument(|theirs, ours| {
            let (Some(theirs), Some(ours)) = (integer(theirs), integer(ours)) else { return false };
            theirs > u64::from(u32::MAX) && theirs & u64::from(u32::MAX) == ours
        }),
        why: "Of a call by a 32-bit ABI ctrace prints the 32 bits of a register that the kernel looks at; where a \
              64-bit program calls that way, strace prints the whole register.",
    },
];

/// Each string in quotes as ctrace prints it.
fn requoted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let escaped = |at: usize| rest[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let end = rest[start + 1..].match_indices('"').map(|(at, _)| start + 1 + at).find(|at| !escaped(*at));
        let Some(end) = end else { break };
        out.push_str(&rest[..start]);
        match string(&rest[start..=end]) {
            Some(bytes) => quoted(&mut out, &bytes, false),
            None => out.push_str(&rest[start..=end]),
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

/// Of an array of `struct iovec`, the lengths.
fn without_data(text: &str) -> Vec<&str> {
    text.split("iov_len=").skip(1).map(|rest| rest.split('}').next().unwrap_or_default()).collect()
}

fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" /* ") {
        out.push_str(before);
        rest = after.split_once(" */").map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// Of an array of `struct pollfd`, what was asked for.
fn without_found(text: &str) -> String {
    let asked = text.split(", revents=").enumerate();
    asked
        .map(|(at, part)| if at == 0 { part } else { part.find('}').map_or("", |end| &part[end..]) })
        .collect()
}

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
    let mut both: Command = ctrace(&["run", "-e", "syscall", "--format", "json", "--fail-on-loss"]);
    both.args(["--max-event-bytes", "1048576", "-o"]).arg(ours);
    both.args(["--", "strace", "-f", "-qq", "-a1", "-s4096", "-o"]).arg(theirs);
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
                if call.name != "???" && !is_missing(&call) {
                    found.push(format!("{tid}: ctrace has {:?} in place of {call:?}", events.peek()));
                }
                continue;
            };
            let different = compare(&call, &event, prints).into_iter();
            found.extend(different.map(|what| format!("{tid}: {what} of {call:?}: ctrace has {event}")));
        }
        found.extend(events.map(|event| format!("{tid}: strace has no such call: {event}")));
    }
    found
}

/// The entries for a call, or for an argument of it.
fn entries(name: &str, argument: Option<&str>) -> impl Iterator<Item = Is> {
    let whole = argument.map_or_else(|| name.to_owned(), |argument| format!("{name}.{argument}"));
    let fits = move |entry: &&Explained| entry.of.is_empty() || entry.of.contains(&&*whole);
    EXPLAINED.iter().filter(fits).map(|entry| entry.is)
}

fn is_missing(call: &Call) -> bool {
    entries(&call.name, None).any(|entry| matches!(entry, Is::Missing(is) if is(call)))
}

/// What of a call is different and not explained.
fn compare(call: &Call, event: &Value, prints: Prints) -> Vec<String> {
    let mut found = Vec::new();
    let same = match &call.result {
        Outcome::Value(value) => bits(at(event, "syscall.return_value")) == Some(*value),
        Outcome::Error(name) => *at(event, "error.type") == **name,
        Outcome::None => at(event, "syscall.return_value").is_null(),
    };
    if !same && !entries(&call.name, None).any(|entry| matches!(entry, Is::Result(is) if is(call, event))) {
        found.push("the result".to_owned());
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
                found.push(format!("the registers {other:?}"));
            }
        }
        Prints::Memory => found.extend(different_words(call, &theirs, event)),
    }
    found
}

/// Which arguments read differently.
fn different_words(call: &Call, theirs: &[&str], event: &Value) -> Vec<String> {
    let ours = words(event);
    let same_list = |entry: Is| matches!(entry, Is::Arguments(is) if is(theirs, &ours));
    if entries(&call.name, None).any(same_list) {
        return Vec::new();
    }
    if ours.len() != theirs.len() {
        return vec![format!("the arguments {ours:?}")];
    }
    let mut found = Vec::new();
    for (theirs, (name, ours)) in theirs.iter().zip(&ours) {
        // Strings are apart in JSON, without quotes.
        let plain = string(theirs).is_some_and(|bytes| String::from_utf8_lossy(&bytes) == **ours);
        let requoted = requoted(theirs);
        let mut explained = entries(&call.name, Some(name));
        let explains =
            |entry: Is| matches!(entry, Is::Argument(is) if is(theirs, ours) || is(&requoted, ours));
        if !plain && theirs != ours && !explained.any(explains) {
            found.push(format!("{name} ({theirs}, for ctrace {ours})"));
        }
    }
    found
}

/// An event's arguments with their names, in the order of the call.
fn words(event: &Value) -> Vec<(&'static str, String)> {
    let abi = match at(event, "syscall.abi").as_str() {
        Some("x86_64") => Abi::Native,
        Some("x32") => Abi::X32,
        _ => Abi::Compat,
    };
    let name = at(event, "syscall.name").as_str().unwrap_or_default();
    let known = signature::find(Arch::X86_64, abi, name).map_or(&[][..], |signature| signature.arguments);
    let word = |name: &'static str| Some((name, event["syscall"]["arg"][name].as_str()?.to_owned()));
    known.iter().filter_map(|argument| word(argument.name)).collect()
}

/// An integer of any 64 bits, which JSON has as a string if it is large.
fn bits(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned)).or_else(|| integer(value.as_str()?))
}

/// What users read is what the tests know.
#[test]
fn the_guide_explains_each_difference() {
    let guide = include_str!("../../docs/trace.md").split_whitespace().collect::<Vec<_>>().join(" ");
    for entry in EXPLAINED {
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
