//! What strace says of a program: another witness of the same system calls, by other means (ptrace).

use std::collections::BTreeMap;

/// A call as strace prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `???` if strace met the thread only when it was killed.
    pub name: String,
    /// What stands between the parentheses.
    pub args: String,
    pub result: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Value(u64),
    /// Name of the error, those that only the kernel itself sees among them.
    Error(String),
    /// `?`: strace saw no end.
    None,
}

/// The calls of each thread, in order.
pub type Threads = BTreeMap<u32, Vec<Call>>;

/// What `strace -f -o` writes, with the thread that it began with. Signals and ends are left out; a call that was
/// `unfinished` and is `resumed` is one.
pub fn parse(text: &str) -> (u32, Threads) {
    let mut threads = Threads::new();
    let mut begun: BTreeMap<u32, String> = BTreeMap::new();
    let mut first = None;
    for line in text.lines() {
        let (tid, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no thread: {line}"));
        let tid: u32 = tid.parse().unwrap_or_else(|_| panic!("no thread: {line}"));
        first.get_or_insert(tid);
        let rest = rest.trim_start();
        if rest.starts_with("---") || rest.starts_with("+++") {
            continue;
        }
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(tid, start.to_owned());
            continue;
        }
        let whole = match rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            Some((_, end)) => begun.remove(&tid).unwrap_or_else(|| panic!("never begun: {line}")) + end,
            None => rest.to_owned(),
        };
        threads.entry(tid).or_default().push(call(&whole).unwrap_or_else(|| panic!("no call: {line}")));
    }
    // The trace ended before they did: as `exit` does, they have no result.
    for (tid, start) in begun {
        let (name, args) = start.split_once('(').unwrap_or((&start, ""));
        let call = Call { name: name.to_owned(), args: args.trim_end().to_owned(), result: Outcome::None };
        threads.entry(tid).or_default().push(call);
    }
    (first.expect("strace saw no call"), threads)
}

fn call(text: &str) -> Option<Call> {
    // Behind it stand no parentheses with an equals sign; in a string before it they may.
    let (call, result) = text.rsplit_once(" = ")?;
    let (name, args) = call.trim_end().strip_suffix(')')?.split_once('(')?;
    let args = args.trim_end().trim_end_matches("<unfinished ...>").trim_end();
    Some(Call { name: name.to_owned(), args: args.to_owned(), result: outcome(result)? })
}

fn outcome(text: &str) -> Option<Outcome> {
    let mut words = text.split([' ', '\t']);
    let value = words.next()?;
    let error = words.next().filter(|word| word.starts_with('E'));
    Some(match (value, error) {
        ("-1" | "?", Some(error)) => Outcome::Error(error.to_owned()),
        ("?", None) => Outcome::None,
        _ => Outcome::Value(integer(value)?),
    })
}

/// Of any 64 bits: `-100`, `0xffffff9c`, `017`.
pub fn integer(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    // The result of `umask`.
    if let Some(digits) = text.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        return u64::from_str_radix(digits, 8).ok();
    }
    text.parse().ok().or_else(|| text.parse::<i64>().ok().map(i64::cast_unsigned))
}

/// The arguments one by one: commas in strings, structures and calls divide none.
pub fn arguments(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted, mut escaped) = (Vec::new(), 0, 0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// The bytes of a string in quotes; None: something else, or not all of it.
pub fn string(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let (mut bytes, mut rest) = (Vec::new(), inner.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'v' => 11,
            b'f' => 12,
            b'0'..=b'7' => {
                // Up to three digits, as in C.
                let mut value = u32::from(escape - b'0');
                for _ in 0..2 {
                    let Some((&digit @ b'0'..=b'7', after)) = rest.split_first() else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    rest = after;
                }
                u8::try_from(value).ok()?
            }
            other => other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, args: &str, result: Outcome) -> Call {
        Call { name: name.to_owned(), args: args.to_owned(), result }
    }

    #[test]
    fn calls_by_thread_with_interrupted_lines_put_together() {
        let (first, threads) = parse(concat!(
            "7 execve(\"/bin/x\", [\"x\"], 0x7ffd /* 3 vars */) = 0\n",
            "7 futex(0x1, FUTEX_WAIT, 1, NULL <unfinished ...>\n",
            "8 write(1, \"a) = 1\\n\", 7) = 7\n",
            "7 <... futex resumed>) = -1 EAGAIN (Resource temporarily unavailable)\n",
            "7 --- SIGCHLD {si_signo=SIGCHLD} ---\n",
            "8 poll([{fd=3}], 1, 5) = 1 ([{fd=3, revents=POLLIN}])\n",
            "8 pause( <unfinished ...>) = ?\n",
            "7 pause() = ? ERESTARTNOHAND (To be restarted if no handler)\n",
            "7 lseek(3, -1, SEEK_CUR) = 0xffffffffffffffff\n",
            "7 exit_group(0) = ?\n",
            "7 +++ exited with 0 +++\n",
            "9 read(0, <unfinished ...>\n",
        ));
        assert_eq!(first, 7);
        let error = |name: &str| Outcome::Error(name.to_owned());
        assert_eq!(
            threads[&7],
            [
                made("execve", "\"/bin/x\", [\"x\"], 0x7ffd /* 3 vars */", Outcome::Value(0)),
                made("futex", "0x1, FUTEX_WAIT, 1, NULL", error("EAGAIN")),
                made("pause", "", error("ERESTARTNOHAND")),
                made("lseek", "3, -1, SEEK_CUR", Outcome::Value(u64::MAX)),
                made("exit_group", "0", Outcome::None),
            ]
        );
        assert_eq!(
            threads[&8],
            [
                made("write", "1, \"a) = 1\\n\", 7", Outcome::Value(7)),
                made("poll", "[{fd=3}], 1, 5", Outcome::Value(1)),
                made("pause", "", Outcome::None),
            ]
        );
        assert_eq!(threads[&9], [made("read", "0,", Outcome::None)]);
    }

    #[test]
    fn arguments_and_their_values() {
        let text = r#"3, {a=1, b=[2, 3]}, "x, \"y\\", htons(1, 2)"#;
        assert_eq!(arguments(text), ["3", "{a=1, b=[2, 3]}", r#""x, \"y\\""#, "htons(1, 2)"]);
        assert!(arguments("").is_empty());
        assert_eq!(string(r#""a\n\"\\\3\0331""#).unwrap(), b"a\n\"\\\x03\x1b1");
        assert_eq!(string(r#""cut"..."#), None);
        assert_eq!(string("NULL"), None);
        assert_eq!(integer("0xffffff9c"), Some(0xffff_ff9c));
        assert_eq!(integer("-1"), Some(u64::MAX));
        assert_eq!((integer("022"), integer("0")), (Some(18), Some(0)));
    }
}
