//! How ctrace ends: exit codes, and errors that decide which one.

use std::process::ExitCode;

use thiserror::Error;

/// Exit codes that scripts rely on; `128 + signal` comes from the shell.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Done = 0,
    Failed = 1,
    /// The command line was not understood; clap's own code.
    Usage = 2,
    /// More privileges would help.
    NotPermitted = 3,
    /// No privilege would help: this kernel lacks something.
    KernelCannot = 4,
    NoContainer = 5,
    /// `profile check`, `diff`, `surplus` or `minimise` has found something.
    Finding = 6,
    /// Events were lost and `--fail-on-loss` was given.
    Lost = 7,
}

impl Code {
    /// The code for an error: that of the [`Refusal`] in it, whatever context was put around it.
    pub fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref::<Refusal>().map_or(Self::Failed, |refusal| refusal.code)
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error with an exit code of its own.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    pub code: Code,
    /// What failed, on what, why, and the fix; may have several lines.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn codes_are_those_that_scripts_rely_on() {
        let codes = [
            Code::Done,
            Code::Failed,
            Code::Usage,
            Code::NotPermitted,
            Code::KernelCannot,
            Code::NoContainer,
            Code::Finding,
            Code::Lost,
        ];
        assert_eq!(codes.map(|code| code as u8), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_refusal_is_found_under_context() {
        let refusal = Refusal { code: Code::NoContainer, message: "no container `web`".into() };
        let error = Err::<(), _>(refusal).context("cannot trace").context("run 7").unwrap_err();
        assert_eq!(Code::of(&error), Code::NoContainer);
        assert_eq!(format!("{error:#}"), "run 7: cannot trace: no container `web`");
    }

    #[test]
    fn any_other_error_is_a_failure() {
        assert_eq!(Code::of(&anyhow!("disk full")), Code::Failed);
    }
}
