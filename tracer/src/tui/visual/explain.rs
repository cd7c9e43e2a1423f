//! What a failed call means, and what to do about it.

mod class;
mod table;

use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall;
use class::Class;
use table::{DENIED, Of, RULES, UNUSUAL, USUAL};

/// How commands in the table ask for the call.
const BY_NAME: &str = " -e {call}";

/// A sentence or two each, of at most 160 characters. Commands stand in backquotes; in these,
/// `CONTAINER`, `FILE`, `PID` and the like are to be put in by the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub what: String,
    pub next: String,
}

/// Of a call that failed with a kernel error number, or was refused by seccomp with it.
pub fn explain(call: &str, errno: u16, denied: bool) -> Explanation {
    let error = syscall::errno::name(errno);
    let found = if denied {
        most_special(call, |of| DENIED.iter().find(|rule| of(rule.of)))
    } else {
        error.and_then(|error| {
            most_special(call, |of| RULES.iter().find(|rule| of(rule.of) && rule.errors.contains(&error)))
        })
    };
    let (what, next) = found.map_or(
        (
            "The call failed with an error that has no name ({errno}); some drivers have numbers of their own.",
            "See the arguments: `ctrace trace -e {call} --failed CONTAINER`.",
        ),
        |rule| (rule.what, rule.next),
    );
    let error = error.map_or_else(|| format!("error {errno}"), str::to_owned);
    // What has no name cannot be asked for by it.
    let nameless = next.contains(BY_NAME) && !is_known(call);
    let next = if nameless { next.replace(BY_NAME, "") } else { next.to_owned() };
    let fill = |text: &str| text.replace("{call}", call).replace("{errno}", &error);
    Explanation { what: fill(what), next: fill(&next) }
}

/// Whether this happens every day in programs that are well. Not to be asked of what seccomp refused:
/// that never is.
pub fn is_usual(call: &str, errno: u16) -> bool {
    let Some(error) = syscall::errno::name(errno) else { return false };
    let among = |table: &[(Of, &[&str])]| {
        table
            .iter()
            .any(|(of, errors)| errors.contains(&error) && Special::ALL.iter().any(|s| s.fits(*of, call)))
    };
    among(USUAL) && !among(UNUSUAL)
}

/// How closely a rule fits a call, from the closest.
#[derive(Clone, Copy)]
enum Special {
    Call,
    Class,
    Any,
}

impl Special {
    const ALL: [Self; 3] = [Self::Call, Self::Class, Self::Any];

    fn fits(self, of: Of, call: &str) -> bool {
        match (self, of) {
            (Self::Call, Of::Calls(calls)) => calls.contains(&call),
            (Self::Class, Of::Class(class)) => Class::of(call) == Some(class),
            (Self::Any, Of::Any) => true,
            (Self::Call | Self::Class | Self::Any, _) => false,
        }
    }
}

fn most_special<T>(call: &str, find: impl Fn(&dyn Fn(Of) -> bool) -> Option<T>) -> Option<T> {
    Special::ALL.iter().find_map(|special| find(&|of| special.fits(of, call)))
}

/// Whether `ctrace trace -e` takes it on some machine.
fn is_known(call: &str) -> bool {
    [Arch::X86_64, Arch::Aarch64].into_iter().any(|arch| {
        [Abi::Native, Abi::Compat].into_iter().any(|abi| syscall::number(arch, abi, call).is_some())
    })
}

#[cfg(test)]
mod tests;
