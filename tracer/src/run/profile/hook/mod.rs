//! `ctrace oci-hook`: a container is recorded because an annotation says so, and its runtime calls us.
//!
//! Before its program runs, the hook starts a tracer, and lets the runtime go on once that traces. The tracer writes
//! the profile when the container's first process has ended. After the end, the hook waits for that, so that the
//! profile is there when the runtime is through.

mod detach;
mod hooks_d;
mod order;
mod pending;
mod result;
mod start;
mod state;
mod system_log;
mod tracer;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::super::with_errno_names;
use super::files::print;
use crate::cli::OciHookArgs;
use crate::exit::{Code, Refusal};
use crate::text::safe;
use order::{ANNOTATION, Order};
use pending::Outcome;
use state::State;

pub(in crate::run) fn hook(args: &OciHookArgs) -> Result<ExitCode> {
    if args.print_hooks {
        let own = std::env::current_exe().context("cannot find the path of ctrace itself")?;
        print(&hooks_d::hooks(&own, args.timeout)?)?;
        return Ok(Code::Done.into());
    }
    if io::stdin().is_terminal() {
        let message = "`ctrace oci-hook` is for container runtimes to call: they tell it of a container on standard \
                       input; `ctrace oci-hook --print-hooks` prints what makes podman and CRI-O do so";
        return Err(Refusal { code: Code::Usage, message: message.to_owned() }.into());
    }
    answer(args).inspect_err(log)
}

/// `ctrace internal-oci-trace`
pub(in crate::run) fn trace() -> Result<ExitCode> {
    tracer::trace().inspect_err(log)
}

fn log(error: &anyhow::Error) {
    system_log::tell(Path::new(system_log::SOCKET), &with_errno_names(&format!("{error:#}")));
}

fn answer(args: &OciHookArgs) -> Result<ExitCode> {
    let state = State::read(io::stdin())?;
    let Some(text) = state.annotation(ANNOTATION)? else { return Ok(Code::Done.into()) };
    let order = Order::parse(&text)?;
    if state.is_over() {
        end(&order, &state.id, args.timeout)
    } else {
        start::start(order, state, args.timeout)
    }
}

/// The container has ended.
fn end(order: &Order, id: &str, timeout: Duration) -> Result<ExitCode> {
    let output = order.output.display();
    match pending::wait(&order.output, id, timeout)? {
        Outcome::Over => Ok(Code::Done.into()),
        Outcome::Failed(said) => {
            bail!("no profile of container {} in {output}: {}", safe(id), said.trim_start_matches("ctrace: "))
        }
        Outcome::Late => bail!(
            "the profile of container {} is not in {output} after {timeout:?}: its tracer still works, and will write \
             it; the hook waits longer with --timeout",
            safe(id)
        ),
    }
}
