//! What a profile would have done to a container that was recorded without it.

use std::fmt::{self, Display, Formatter};

use super::PROBES;
use super::arguments::describe;
use super::file::{Action, Effect};
use super::matcher::{Argument, Matcher, Outcome};
use crate::batch::Arch;
use crate::event::Abi;
use crate::snapshot::{CallRow, FirstCall, Life, Row};
use crate::syscall::values::Valued;
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
    /// The arguments that make it refused, where others do not.
    pub arguments: Option<String>,
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
            let made = call.counts.total.saturating_sub(call.counts.total_denied);
            let outcome = matcher.judge(call.abi, name);
            let finding = |outcome| Finding {
                arch,
                abi: call.abi,
                number: call.number,
                outcome,
                made,
                refused: call.counts.total_denied,
                first: call.first.clone(),
                arguments: None,
            };
            match (outcome, name.and_then(|name| by_arguments(call, name, arch, made, matcher))) {
                (Outcome::Allowed, _) => None,
                (Outcome::Depends, Some(judged)) => match judged {
                    Judged { outcome: Outcome::Allowed, .. } => None,
                    Judged { outcome, made, arguments } => {
                        Some(Finding { made, arguments: Some(arguments), ..finding(outcome) })
                    }
                },
                (outcome, _) => Some(finding(outcome)),
            }
        })
        .collect();
    findings.sort_by_key(|finding| (finding.abi, finding.number));
    findings
}

/// What becomes of a call with the arguments that it was seen with.
struct Judged {
    outcome: Outcome,
    /// How often it was made with those that are refused, and which.
    made: u64,
    arguments: String,
}

/// None: they are not all known, or do not decide.
fn by_arguments(call: &CallRow, name: &str, arch: Arch, made: u64, matcher: &Matcher) -> Option<Judged> {
    let valued = Valued::find(name)?;
    let Life { values, more_values, .. } = &call.life;
    if *more_values || values.values().sum::<u64>() < made {
        return None;
    }
    let mut judged = Judged { outcome: Outcome::Allowed, made: 0, arguments: String::new() };
    for (values, count) in values {
        let [value, second] = *values;
        let first = Argument { index: valued.first, value, known: valued.mask };
        let second = valued.second.map(|index| Argument { index, value: second, known: u32::MAX });
        let arguments: Vec<_> = [Some(first), second].into_iter().flatten().collect();
        match matcher.judge_with(call.abi, name, &arguments) {
            Outcome::Allowed => {}
            Outcome::Depends => return None,
            outcome @ (Outcome::Refused(_) | Outcome::Foreign) => {
                let text = describe(arch, call.abi, call.number, valued, *values);
                judged.outcome = outcome;
                judged.made += count;
                if !judged.arguments.split("; ").any(|known| known == text) {
                    judged.arguments.push_str(if judged.arguments.is_empty() { "" } else { "; " });
                    judged.arguments.push_str(&text);
                }
            }
        }
    }
    Some(judged)
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
        let Self { arch, abi, number, outcome, made, refused, first, arguments } = self;
        if *abi != Abi::Native {
            write!(f, "{} ", abi_name(*arch, *abi))?;
        }
        f.write_str(&label(*arch, *abi, *number))?;
        if let Some(arguments) = arguments {
            write!(f, " with {arguments}")?;
        }
        f.write_str(": ")?;
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
