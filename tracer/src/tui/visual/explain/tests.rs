use std::collections::HashSet;

use clap::Parser;
use proptest::prelude::*;

use super::class::CLASSES;
use super::table::Rule;
use super::*;
use crate::cli::Cli;
use crate::syscall::errno;

const LONGEST: usize = 160;

fn number(error: &str) -> u16 {
    errno::number(error).unwrap()
}

fn all_errors() -> impl Iterator<Item = (u16, &'static str)> {
    (0..=u16::MAX).filter_map(|number| Some((number, errno::name(number)?)))
}

fn all_calls() -> HashSet<&'static str> {
    let arches = [Arch::X86_64, Arch::Aarch64];
    let abis = [Abi::Native, Abi::Compat, Abi::X32];
    arches
        .into_iter()
        .flat_map(|arch| abis.into_iter().flat_map(move |abi| syscall::all(arch, abi)))
        .map(|(_, name)| name)
        .collect()
}

fn named(of: Of) -> Vec<&'static str> {
    match of {
        Of::Calls(calls) => calls.to_vec(),
        Of::Class(_) | Of::Any => Vec::new(),
    }
}

fn assert_readable(call: &str, errno: u16, denied: bool) {
    let Explanation { what, next } = explain(call, errno, denied);
    for text in [&what, &next] {
        let length = text.chars().count();
        assert!(length <= LONGEST, "{length}: {text}");
        assert!(text.starts_with(|c: char| !c.is_lowercase()) || text.starts_with(call), "{text}");
        assert!(text.ends_with(['.', '`', '?']), "{call} {errno}: {text}");
        assert!(text.is_ascii() && !text.contains(['{', '}']), "{text}");
        assert!(text.matches('`').count() % 2 == 0, "{text}");
    }
    assert!(what.contains(' '), "{call} {errno}");
}

#[test]
fn every_sentence_is_short_and_whole_for_every_call_that_it_is_for() {
    for (rule, denied) in RULES.iter().map(|rule| (rule, false)).chain(DENIED.iter().map(|rule| (rule, true)))
    {
        let calls = match rule.of {
            Of::Calls(calls) => calls.to_vec(),
            Of::Class(class) => CLASSES.iter().find(|(other, _)| *other == class).unwrap().1.to_vec(),
            // The longest names of calls.
            Of::Any => vec!["set_mempolicy_home_node", "landlock_restrict_self", "clock_nanosleep_time64"],
        };
        for call in calls {
            for error in if rule.errors.is_empty() { &["ERESTART_RESTARTBLOCK"][..] } else { rule.errors } {
                assert_readable(call, number(error), denied);
            }
        }
    }
}

#[test]
fn every_error_is_explained() {
    for errno in all_errors().map(|(errno, _)| errno).chain([0, 41, 4095, u16::MAX]) {
        for denied in [false, true] {
            for call in ["openat", "set_mempolicy_home_node", "syscall_0xffff", "invalid"] {
                assert_readable(call, errno, denied);
            }
        }
    }
}

#[test]
fn every_error_has_one_rule_for_any_call() {
    for (_, error) in all_errors() {
        let rules = RULES.iter().filter(|rule| matches!(rule.of, Of::Any) && rule.errors.contains(&error));
        assert_eq!(rules.count(), 1, "{error}");
    }
}

#[test]
fn no_two_rules_are_for_the_same() {
    for table in [RULES, DENIED] {
        let mut seen = HashSet::new();
        for Rule { of, errors, .. } in table {
            let whom = match of {
                Of::Calls(calls) => calls.iter().map(|call| (*call).to_owned()).collect(),
                Of::Class(class) => vec![format!("{class:?}")],
                Of::Any => vec!["*".to_owned()],
            };
            for whom in whom {
                for error in if errors.is_empty() { &["*"][..] } else { errors } {
                    assert!(seen.insert((whom.clone(), *error)), "{whom} {error}");
                }
            }
        }
    }
    let mut seen = HashSet::new();
    for call in CLASSES.iter().flat_map(|(_, calls)| *calls) {
        assert!(seen.insert(call), "{call}");
    }
}

#[test]
fn tables_name_what_there_is() {
    let known = all_calls();
    let of_rules = RULES.iter().chain(DENIED).flat_map(|rule| named(rule.of));
    let of_usual = USUAL.iter().chain(UNUSUAL).flat_map(|(of, _)| named(*of));
    for call in CLASSES.iter().flat_map(|(_, calls)| calls.to_vec()).chain(of_rules).chain(of_usual) {
        assert!(known.contains(call), "{call}");
    }
    let errors = RULES.iter().flat_map(|rule| rule.errors);
    for error in errors.chain(USUAL.iter().chain(UNUSUAL).flat_map(|(_, errors)| *errors)) {
        assert_eq!(errno::name(number(error)), Some(*error), "an alias is never found");
    }
}

#[test]
fn commands_can_be_typed() {
    let mut seen = 0;
    for Rule { of, next, what, .. } in RULES.iter().chain(DENIED) {
        let calls = named(*of);
        let call = calls.first().copied().unwrap_or("openat");
        for text in [what, next] {
            for command in text.split('`').skip(1).step_by(2).filter(|text| text.starts_with("ctrace")) {
                let command = command.replace("{call}", call);
                let cli = Cli::try_parse_from(command.split(' '));
                assert!(cli.is_ok(), "{command}: {}", cli.unwrap_err());
                if let Some(crate::cli::Command::Trace(args)) = cli.unwrap().command {
                    let what = &args.what;
                    let select = crate::select::Select::parse(&what.asked(), Arch::X86_64);
                    assert!(select.is_ok(), "{command}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn the_most_special_sentence_is_chosen() {
    let cases = [
        ("openat", "ENOENT", "Mostly harmless: programs search libraries"),
        ("mkdir", "ENOENT", "a directory in it, does not exist"),
        ("delete_module", "ENOENT", "What was named does not exist"),
        ("execve", "EACCES", "may not be executed"),
        ("openat", "EACCES", "File permissions forbid it"),
        ("openat", "EPERM", "a device that the cgroup denies"),
        ("connect", "EACCES", "socket file's permissions"),
        ("bind", "EACCES", "CAP_NET_BIND_SERVICE"),
        ("mount", "EPERM", "CAP_SYS_ADMIN"),
        ("chown", "EPERM", "CAP_CHOWN"),
        ("setuid", "EPERM", "CAP_SETUID"),
        ("setgroups", "EPERM", "CAP_SETGID"),
        ("chroot", "EPERM", "CAP_SYS_CHROOT"),
        ("mknodat", "EPERM", "CAP_MKNOD"),
        ("ptrace", "EPERM", "CAP_SYS_PTRACE"),
        ("kill", "EPERM", "CAP_KILL"),
        ("clock_settime", "EPERM", "CAP_SYS_TIME"),
        ("socket", "EPERM", "CAP_NET_RAW"),
        ("sendto", "EPERM", "firewall"),
        ("bpf", "EPERM", "CAP_BPF"),
        ("acct", "EPERM", "CAP_SYS_PACCT"),
        ("connect", "ECONNREFUSED", "nobody listens"),
        ("connect", "ETIMEDOUT", "No answer at all"),
        ("futex", "ETIMEDOUT", "as long as it wanted"),
        ("read", "EAGAIN", "non-blocking"),
        ("recvfrom", "EAGAIN", "non-blocking"),
        ("clone", "EAGAIN", "pids limit"),
        ("clone3", "ENOSYS", "use clone then"),
        ("landlock_add_rule", "ENOSYS", "older than landlock_add_rule"),
        ("bind", "EADDRINUSE", "is taken"),
        ("openat", "EMFILE", "nofile"),
        ("uselib", "ENFILE", "fs.file-max"),
        ("inotify_add_watch", "ENOSPC", "inotify limit"),
        ("write", "ENOSPC", "inodes"),
        ("mmap", "ENOMEM", "overcommit"),
        ("getcwd", "ENOMEM", "the container's limit"),
        ("unlinkat", "EROFS", "read-only"),
        ("openat", "ENXIO", "FIFO without a reader"),
        ("poll", "EINTR", "calls again"),
        ("wait4", "ECHILD", "shells"),
        ("ioctl", "ENOTTY", "isatty()"),
        ("add_key", "EDQUOT", "as many keys"),
        ("nosuchcall", "EPERM", "Not permitted"),
    ];
    for (call, error, part) in cases {
        let Explanation { what, .. } = explain(call, number(error), false);
        assert!(what.contains(part), "{call} {error}: {what}");
    }
}

#[test]
fn refused_calls_are_explained_by_the_refusal() {
    for (call, error, part) in [
        ("mount", "EPERM", "default profiles leave mounts"),
        ("keyctl", "EPERM", "keyrings are not separate"),
        ("bpf", "EPERM", "concerns the whole machine"),
        ("clone3", "ENOSYS", "where filters cannot look"),
        ("unshare", "EPERM", "make or enter namespaces"),
        ("openat", "EACCES", "A seccomp filter refused openat before"),
    ] {
        let denied = explain(call, number(error), true);
        assert!(denied.what.contains(part), "{call}: {}", denied.what);
        assert!(denied.what.contains("eccomp"), "{}", denied.what);
        assert_ne!(denied, explain(call, number(error), false));
    }
}

#[test]
fn what_has_no_name_is_explained_too() {
    let Explanation { what, next } = explain("syscall_0x1f4", 4095, false);
    assert!(what.contains("error 4095"), "{what}");
    assert_eq!(next, "See the arguments: `ctrace trace --failed CONTAINER`.");
    let Explanation { next, .. } = explain("invalid", number("ENOSYS"), true);
    assert!(next.contains("`ctrace trace --denied CONTAINER`"), "{next}");
}

#[test]
fn everyday_failures_are_usual() {
    for (call, error) in [
        ("read", "EAGAIN"),
        ("accept4", "EAGAIN"),
        ("openat", "ENOENT"),
        ("newfstatat", "ENOENT"),
        ("ioctl", "ENOTTY"),
        ("wait4", "ECHILD"),
        ("epoll_wait", "EINTR"),
        ("connect", "EINPROGRESS"),
        ("futex", "ETIMEDOUT"),
        ("pause", "ERESTARTNOHAND"),
    ] {
        assert!(is_usual(call, number(error)), "{call} {error}");
    }
    for (call, error) in [
        ("clone", "EAGAIN"),
        ("connect", "EAGAIN"),
        ("io_setup", "EAGAIN"),
        ("setuid", "EAGAIN"),
        ("openat", "EACCES"),
        ("connect", "ECONNREFUSED"),
        ("connect", "ETIMEDOUT"),
        ("mount", "ENOENT"),
        ("write", "ENOSPC"),
    ] {
        assert!(!is_usual(call, number(error)), "{call} {error}");
    }
    assert!(!is_usual("read", 0) && !is_usual("read", u16::MAX));
}

proptest! {
    #[test]
    fn whatever_is_asked_there_is_an_answer(call: String, errno: u16, denied: bool) {
        let Explanation { what, next } = explain(&call, errno, denied);
        prop_assert!(!what.is_empty() && !next.is_empty());
        is_usual(&call, errno);
    }
}
