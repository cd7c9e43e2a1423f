//! What a profile would have done to a container that was recorded without it.

use std::fmt::{self, Display, Formatter};

use super::PROBES;
use super::file::{Action, Effect};
use super::matcher::{Matcher, Outcome};
use crate::batch::Arch;
use crate::event::Abi;
use crate::snapshot::{FirstCall, Row};
use crate::syscall::{abi_name, errno, label, name};
use crate::text::safe;

/// A call that the profile does not simply let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub arch: Arch,
    pub abi: Abi,
    pub number: u16,
    pub outcome: Outcome,
    /// How often it was made.
    pub made: u64,
    /// How often the filter that the container had refused it.
    pub refused: u64,
    pub first: FirstCall,
}

impl Finding {
    /// Whether the profile would have taken something away that the container had.
    pub const fn breaks(&self) -> bool {
        self.made > 0 && matches!(self.outcome, Outcome::Refused(_) | Outcome::Foreign)
    }
}

/// By ABI and number.
pub fn check(row: &Row, arch: Arch, matcher: &Matcher) -> Vec<Finding> {
    let calls = row.calls.iter().filter(|call| call.counts.total > 0);
    let mut findings: Vec<_> = calls
        .filter_map(|call| {
            let name = name(arch, call.abi, call.number);
            if name.is_some_and(|name| PROBES.contains(&name)) {
                return None;
            }
            let outcome = matcher.judge(call.abi, name);
            (outcome != Outcome::Allowed).then(|| Finding {
                arch,
                abi: call.abi,
                number: call.number,
                outcome,
                made: call.counts.total.saturating_sub(call.counts.total_denied),
                refused: call.counts.total_denied,
                first: call.first.clone(),
            })
        })
        .collect();
    findings.sort_by_key(|finding| (finding.abi, finding.number));
    findings
}

/// Lines for people, one a finding, sorted by what they mean. None of it is unescaped.
pub fn findings(container: &str, findings: &[Finding]) -> String {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| (!finding.breaks(), finding.abi, finding.number));
    let lines: Vec<_> =
        sorted.into_iter().map(|finding| format!("{}: {finding}\n", safe(container))).collect();
    lines.concat()
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { arch, abi, number, outcome, made, refused, first } = self;
        if *abi != Abi::Native {
            write!(f, "{} ", abi_name(*arch, *abi))?;
        }
        write!(f, "{}: ", label(*arch, *abi, *number))?;
        match (outcome, made) {
            (Outcome::Allowed, _) => f.write_str("allowed")?,
            (Outcome::Depends, _) => f.write_str("depends on its arguments or on another process")?,
            (Outcome::Refused(_) | Outcome::Foreign, 0) => {
                f.write_str("refused as it was while it was recorded")?;
            }
            (Outcome::Foreign, _) => f.write_str("kills its caller, the ABI is not in the profile")?,
            (Outcome::Refused(effect), _) => write!(f, "{effect}")?,
        }
        write!(f, " ({made} made, {refused} refused; first by {}, pid {})", safe(&first.comm), first.pid)
    }
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Allow => f.write_str("allowed"),
            Action::Log => f.write_str("logged"),
            Action::Errno => {
                let number = self.errno.unwrap_or(1);
                match u16::try_from(number).ok().and_then(errno::name) {
                    Some(name) => write!(f, "fails with {name}"),
                    None => write!(f, "fails with error {number}"),
                }
            }
            Action::Kill | Action::KillThread => f.write_str("kills the thread"),
            Action::KillProcess => f.write_str("kills the process"),
            Action::Trap => f.write_str("raises SIGSYS"),
            Action::Trace => f.write_str("asks a tracer"),
            Action::Notify => f.write_str("asks another process"),
        }
    }
}
