//! Rules about arguments, from the values that they were seen with.
//!
//! One rule for each value: two conditions on one argument in a rule are alternatives to libseccomp, and no range. Values
//! are compared in 32 bits, for the upper half of a register may hold anything. And never without a condition as well,
//! which would cancel those with one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use super::file::{Condition, Op};
use crate::argument::{self, Value};
use crate::batch::Arch;
use crate::event::{Abi, How, Memory, Syscall};
use crate::snapshot::{CallRow, Row};
use crate::syscall::name;
use crate::syscall::signature;
use crate::syscall::values::Valued;

/// Conditions that hold together, each about another argument.
pub type Conditions = Vec<Condition>;

/// Alternatives, by call.
pub type Rules = BTreeMap<&'static str, BTreeSet<Conditions>>;

/// Calls whose values were counted and that are allowed all the same with any.
pub type Unconditional = BTreeMap<&'static str, Why>;

/// Why a call's values make no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// More than are told apart.
    More,
    /// Of so many calls the values are not known: they were under way when the recording began, or of another ABI.
    Unknown(u64),
    /// It was made less often than is asked for.
    Seldom(u64),
    /// Runtimes make it with values of their own.
    Runtime,
    /// On i386 its arguments lie in memory.
    InMemory,
    /// The profile is for another machine.
    Machine,
}

/// What is made of the calls in a row.
pub(super) struct Wanted<'a> {
    pub arch: Arch,
    pub target: Arch,
    /// Of the profile.
    pub abis: &'a BTreeSet<Abi>,
    /// What runtimes call.
    pub runtime: &'a BTreeSet<&'static str>,
    /// Allowed, and seen.
    pub observed: &'a BTreeSet<&'static str>,
    /// How often a call must have been made.
    pub least: u64,
}

impl Wanted<'_> {
    pub(super) fn rules(&self, row: &Row) -> (Rules, Unconditional) {
        let (mut rules, mut unconditional) = (Rules::new(), Unconditional::new());
        let mut calls: BTreeMap<&'static str, Vec<&CallRow>> = BTreeMap::new();
        for call in row.calls.iter().filter(|call| call.counts.total > 0) {
            if let Some(name) =
                name(self.arch, call.abi, call.number).filter(|name| self.observed.contains(name))
            {
                calls.entry(name).or_default().push(call);
            }
        }
        for (name, calls) in calls {
            let Some(valued) = Valued::find(name) else { continue };
            match self.of(valued, &calls) {
                Ok(alternatives) => drop(rules.insert(name, alternatives)),
                Err(why) => drop(unconditional.insert(name, why)),
            }
        }
        (rules, unconditional)
    }

    /// Of one call in all ABIs: a rule is for all of them.
    fn of(&self, valued: &Valued, calls: &[&CallRow]) -> Result<BTreeSet<Conditions>, Why> {
        let made: u64 =
            calls.iter().map(|call| call.counts.total.saturating_sub(call.counts.total_denied)).sum();
        let counts = || calls.iter().flat_map(|call| &call.life.values);
        let known: u64 = counts().map(|(_, count)| *count).sum();
        let in_memory = self.arch == Arch::X86_64
            && self.abis.contains(&Abi::Compat)
            && (valued.name.starts_with("socket") || valued.name.ends_with("sockopt"));
        match () {
            () if self.arch != self.target => Err(Why::Machine),
            () if self.runtime.contains(valued.name) => Err(Why::Runtime),
            () if in_memory => Err(Why::InMemory),
            () if calls.iter().any(|call| call.life.more_values) => Err(Why::More),
            () if known < made => Err(Why::Unknown(made - known)),
            () if known < self.least => Err(Why::Seldom(known)),
            () => Ok(counts().map(|(values, _)| conditions(valued, *values)).collect()),
        }
    }
}

fn conditions(about: &Valued, values: [u32; 2]) -> Conditions {
    let condition = |(place, seen): (u8, u32)| {
        let mask = if place == about.first { about.mask } else { u32::MAX };
        let (mask, seen) = (u64::from(mask), u64::from(seen));
        Condition { index: place.into(), value: mask, value_two: seen, op: Op::MaskedEq }
    };
    about.counting(values).map(condition).collect()
}

/// Values as symbols, `AF_NETLINK, NETLINK_AUDIT`.
pub(super) fn describe(arch: Arch, abi: Abi, number: u16, about: &Valued, values: [u32; 2]) -> String {
    let counting: Vec<_> = about.counting(values).collect();
    let mut args = [0; 6];
    for (place, seen) in &counting {
        if let Some(arg) = args.get_mut(usize::from(*place)) {
            *arg = u64::from(*seen);
        }
    }
    let Some(signature) = signature::of(arch, abi, number) else { return String::new() };
    let memory = Memory::default();
    let call = Syscall { abi, number, ret: 0, duration_ns: None, args, memory, how: How::Done };
    let (mut buffer, mut texts) = (String::new(), Vec::new());
    argument::each(arch, &call, signature, &mut buffer, |name, value| {
        let place = signature.arguments.iter().position(|argument| argument.name == name);
        let counts = counting.iter().any(|(at, _)| Some(usize::from(*at)) == place);
        if let (true, Value::Shown(text)) = (counts, value) {
            texts.push(text.to_owned());
        }
    });
    texts.join(", ")
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::More => f.write_str("more values than are told apart"),
            Self::Unknown(calls) => write!(f, "the values of {calls} of its calls are not known"),
            Self::Seldom(calls) => write!(f, "made {calls} times, less often than --arguments asks for"),
            Self::Runtime => f.write_str("runtimes make it with values of their own"),
            Self::InMemory => f.write_str("for i386 its arguments lie in memory"),
            Self::Machine => f.write_str("for another machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::tests::{call, native, snapshot};
    use super::super::{DefaultAction, Format, Generated, Options, generate};
    use super::*;
    use crate::snapshot::Snapshot;

    const SOCKET: u16 = 41;
    const CLONE: u16 = 56;
    const FCNTL: u16 = 72;
    const UNSHARE: u16 = 272;

    fn with(mut call: CallRow, values: &[([u32; 2], u64)]) -> CallRow {
        call.life.values = values.iter().copied().collect();
        call.counts.total = call.counts.total_denied + values.iter().map(|(_, count)| count).sum::<u64>();
        call
    }

    fn of(snapshot: &Snapshot, options: Options) -> Generated {
        generate(&snapshot.rows[0], snapshot, &Options { arguments: Some(5), ..options })
    }

    fn only(call: CallRow) -> Generated {
        of(&snapshot(vec![native(0), call]), Options::default())
    }

    /// `socket`: index, mask and value of each condition of each rule.
    fn socket(generated: &Generated) -> Vec<Vec<(u32, u64, u64)>> {
        let alternatives = generated.profile.conditions.get("socket").into_iter().flatten();
        let one = |condition: &Condition| (condition.index, condition.value, condition.value_two);
        alternatives.map(|conditions| conditions.iter().map(one).collect()).collect()
    }

    const ALL: u64 = 0xffff_ffff;

    #[test]
    fn one_rule_for_each_value() {
        // TCP, UDP, and netlink with two protocols.
        let seen = [([2, 6], 7), ([2, 17], 1), ([16, 0], 1), ([16, 9], 2)];
        let generated = only(with(native(SOCKET), &seen));
        assert_eq!(
            socket(&generated),
            [vec![(0, ALL, 2)], vec![(0, ALL, 16), (2, ALL, 0)], vec![(0, ALL, 16), (2, ALL, 9)]]
        );
        assert!(generated.unconditional.is_empty() && generated.profile.names.contains("socket"));
        insta::assert_snapshot!(generated.to_string());
    }

    #[test]
    fn of_flags_only_namespaces_count() {
        let generated = only(with(native(CLONE), &[([0, 0], 9), ([0x2000_0000, 0], 1)]));
        let rules = &generated.profile.conditions["clone"];
        let expected = [0, 0x2000_0000]
            .map(|value_two| vec![Condition { index: 0, value: 0x7e02_0000, value_two, op: Op::MaskedEq }]);
        assert_eq!(*rules, BTreeSet::from(expected));
    }

    #[test]
    fn what_makes_no_rule_is_allowed_with_any() {
        let seen = [([2, 0], 9)];
        let mut more = with(native(SOCKET), &seen);
        more.life.more_values = true;
        let mut unknown = with(native(SOCKET), &seen);
        unknown.counts.total += 2;
        for (call, why) in [
            (with(native(SOCKET), &[([2, 0], 4)]), Why::Seldom(4)),
            (more, Why::More),
            (unknown, Why::Unknown(2)),
            (with(native(FCNTL), &[([1, 0], 9)]), Why::Runtime),
        ] {
            let name = name(Arch::X86_64, call.abi, call.number).unwrap();
            let generated = only(call);
            assert_eq!(generated.unconditional, Unconditional::from([(name, why)]));
            assert!(generated.profile.conditions.is_empty() && generated.profile.names.contains(name));
        }
        let ported = Options { target: Some(Arch::Aarch64), ..Options::default() };
        let generated = of(&snapshot(vec![with(native(SOCKET), &seen)]), ported);
        assert_eq!(generated.unconditional["socket"], Why::Machine);
        // Not asked for.
        let snapshot = snapshot(vec![with(native(SOCKET), &seen)]);
        let generated = generate(&snapshot.rows[0], &snapshot, &Options::default());
        assert!(generated.profile.conditions.is_empty() && generated.unconditional.is_empty());
    }

    #[test]
    fn refused_calls_need_no_values() {
        let generated = only(with(call(Abi::Native, SOCKET, 0, 3), &[([2, 0], 9)]));
        assert_eq!(socket(&generated), [[(0, ALL, 2)]]);
    }

    /// A rule is for the call in every ABI.
    #[test]
    fn another_abi_has_a_say() {
        let unshare = |abi, number, value| with(call(abi, number, 0, 0), &[([value, 0], 9)]);
        let both = vec![unshare(Abi::Native, UNSHARE, 1), unshare(Abi::Compat, 310, 2)];
        let generated = of(&snapshot(both), Options::default());
        assert_eq!(generated.profile.conditions["unshare"].len(), 2);
        // Of x32 the kernel counts none.
        let x32 = vec![unshare(Abi::Native, UNSHARE, 1), call(Abi::X32, UNSHARE, 3, 0)];
        assert_eq!(of(&snapshot(x32), Options::default()).unconditional["unshare"], Why::Unknown(3));
        // i386 calls `socket` through `socketcall`, too.
        let compat = vec![with(native(SOCKET), &[([2, 0], 9)]), call(Abi::Compat, 20, 1, 0)];
        assert_eq!(of(&snapshot(compat), Options::default()).unconditional["socket"], Why::InMemory);
    }

    #[test]
    fn forms() {
        let mut generated = only(with(native(SOCKET), &[([2, 0], 7), ([16, 9], 2)]));
        generated.profile.names = ["read", "socket"].into();
        generated.profile.default = DefaultAction::Log;
        let mut text = String::new();
        for format in [Format::Oci, Format::Docker, Format::Spo] {
            writeln!(text, "{}", format.print(&generated.profile, "web").unwrap()).unwrap();
        }
        insta::assert_snapshot!(text);
        let error = Format::Systemd.print(&generated.profile, "web").unwrap_err().to_string();
        assert!(error.contains("no arguments"), "{error}");
    }

    #[test]
    fn values_in_words() {
        for (number, values, words) in [
            (SOCKET, [2, 6], "AF_INET"),
            (SOCKET, [16, 9], "AF_NETLINK, NETLINK_AUDIT"),
            (CLONE, [0x2000_0000, 0], "CLONE_NEWPID"),
            (FCNTL, [1, 0], "F_GETFD"),
            (54, [1, 9], "SOL_SOCKET, SO_KEEPALIVE"),
            (SOCKET, [4_000_000_000, 0], "0xee6b2800"),
        ] {
            let valued = Valued::find(name(Arch::X86_64, Abi::Native, number).unwrap()).unwrap();
            assert_eq!(describe(Arch::X86_64, Abi::Native, number, valued, values), words);
        }
    }
}
