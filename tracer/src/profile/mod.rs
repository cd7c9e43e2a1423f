//! A seccomp profile from what a container was seen doing.
//!
//! `allowed = observed + what its runtime calls under the filter + what is always allowed`
//!
//! A pure function of a snapshot, so that it gives the same live and from a recording. What the
//! snapshot cannot vouch for is in the [`Verdict`], and nothing is guessed: a refused call is
//! reported, not allowed, and so is a number without a name.

mod arguments;
pub mod base;
mod check;
mod diff;
mod evidence;
mod extend;
mod fallback;
mod file;
mod format;
mod matcher;
mod merge;
mod minimise;
pub mod oci;
mod phases;
mod report;
mod siblings;
mod summary;
mod surplus;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::BTreeSet;

pub use arguments::{Rules, Unconditional};
pub use base::{Engine, Runtimes};
pub use check::{Finding, check, findings};
pub use diff::diff;
pub use evidence::Evidence;
pub use extend::extend;
pub use file::{File, MAX_BYTES, Problem};
pub use format::Format;
pub use matcher::{DOCKER_CAPABILITIES, Machine, Matcher};
pub use merge::{How, merge};
pub use minimise::{Minimised, minimise};
pub use oci::DefaultAction;
pub use phases::{Phases, Serving, ServingAfter};
pub use report::report;
pub use siblings::Sibling;
pub use surplus::{Surplus, installed};
pub use verdict::{Reason, Verdict};

use crate::batch::Arch;
use crate::event::Abi;
use crate::snapshot::{CallRow, Made, Row, Snapshot, State};
use crate::syscall::name;

/// What only the one who recorded can know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub runtimes: Runtimes,
    /// Whether the trace saw the container's program start. None: judged by [`Row::setup_calls`], which
    /// an `exec` into an older container deceives.
    pub from_start: Option<bool>,
    pub default: DefaultAction,
    /// The machine that the profile is for; None: that of the recording.
    pub target: Option<Arch>,
    pub serving_after: ServingAfter,
    pub phases: Phases,
    /// Make rules about arguments, of calls that were made so often at least; None: none.
    pub arguments: Option<u64>,
}

/// A profile and what is to be said about it. The names in it are `observed` many, and those of
/// `added_for_runtime`, `always` and `siblings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Of the recording.
    pub arch: Arch,
    pub profile: oci::Profile,
    /// Names of calls that the container made, that were not refused, and that the profile's machine has.
    pub observed: usize,
    /// Not observed; the runtime needs them.
    pub added_for_runtime: Vec<&'static str>,
    /// Neither observed nor needed by the runtime; see the module `base`.
    pub always: Vec<&'static str>,
    /// Guessed, because the profile's machine lacks what was called.
    pub siblings: Vec<Sibling>,
    /// Called, not there on the profile's machine, and without a sibling there.
    pub not_there: Vec<&'static str>,
    /// Not in the profile: what another libc may call for the same purpose.
    pub suggestions: Vec<Sibling>,
    /// By name.
    pub refused: Vec<Refused>,
    pub unknown_numbers: Vec<UnknownNumber>,
    /// With [`Options::arguments`]: calls that have none of [`oci::Profile::conditions`], and why.
    pub unconditional: Unconditional,
    pub phases: Phases,
    /// None: it never served.
    pub serving: Option<Serving>,
    pub notes: Vec<Note>,
    /// From the last new call to the end of the recording, ns; None: no call.
    pub settled_ns: Option<u64>,
    /// Of the whole recording, ns.
    pub recorded_ns: u64,
    pub verdict: Verdict,
}

/// A call that the filter refused under which the container was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub name: &'static str,
    pub abi: Abi,
    /// How often.
    pub count: u64,
    /// The profile allows it all the same: it was also made, or the runtime needs it.
    pub allowed: bool,
}

/// A call without a name. It is never in the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownNumber {
    pub abi: Abi,
    pub number: u16,
    pub total: u64,
    /// The kernel had no such call either: nothing is missing.
    pub missing_in_kernel: bool,
}

/// True things about a complete profile that its user should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Operations submitted to `io_uring` pass no seccomp filter.
    IoUring,
    /// Calls that tracers had put into the program are left out.
    Probes,
    /// What it calls when it is stopped was not seen.
    StillRunning,
    /// The profile is of one phase, and no container starts with it.
    ServingOnly,
}

/// Injected into a program by whoever attaches user-space probes to it,
/// <https://github.com/torvalds/linux/blob/v6.18/arch/x86/kernel/uprobes.c>.
const PROBES: &[&str] = &["uprobe", "uretprobe"];

const IO_URING: &[&str] = &["io_uring_enter", "io_uring_register", "io_uring_setup"];

const ENOSYS: u16 = 38;

/// The profile of one container.
pub fn generate(row: &Row, snapshot: &Snapshot, options: &Options) -> Generated {
    let arch = snapshot.arch;
    let mut observed = BTreeSet::new();
    let mut abis = BTreeSet::from([Abi::Native]);
    let mut refused = Vec::new();
    let mut unknown_numbers = Vec::new();
    let mut notes = BTreeSet::new();
    let mut last_new = None;
    let serving = Serving::find(row, snapshot, options.serving_after);
    let wanted = |call: &&CallRow| match options.phases {
        Phases::All => true,
        Phases::Serving => serving.is_some_and(|serving| serving.made(call) != Made::No),
    };

    for call in row.calls.iter().filter(|call| call.counts.total > 0).filter(wanted) {
        let CallRow { abi, number, counts, .. } = *call;
        let Some(name) = name(arch, abi, number) else {
            unknown_numbers.push(unknown(call));
            continue;
        };
        if counts.total_denied > 0 {
            refused.push(Refused { name, abi, count: counts.total_denied, allowed: false });
        }
        if counts.total <= counts.total_denied {
            continue;
        }
        if PROBES.contains(&name) {
            notes.insert(Note::Probes);
            continue;
        }
        if IO_URING.contains(&name) {
            notes.insert(Note::IoUring);
        }
        observed.insert(name);
        abis.insert(abi);
        last_new = last_new.max(Some(call.first.wall_ns));
    }
    if row.state == State::Running {
        notes.insert(Note::StillRunning);
    }
    if options.phases == Phases::Serving {
        notes.insert(Note::ServingOnly);
    }

    let target = options.target.unwrap_or(arch);
    let abis: BTreeSet<Abi> =
        abis.into_iter().filter(|abi| oci::architecture(target, *abi).is_some()).collect();
    let siblings::Ported { names: observed, siblings, not_there } =
        siblings::port(observed, arch, target, &abis);
    let runtime = match options.phases {
        Phases::All => base::runtime_calls(options.runtimes),
        // It is over when that begins.
        Phases::Serving => BTreeSet::new(),
    };
    let added_for_runtime: Vec<_> = runtime.difference(&observed).copied().collect();
    let mut allowed: BTreeSet<_> = observed.union(&runtime).copied().collect();
    let always: Vec<_> = base::always(target, &abis).difference(&allowed).copied().collect();
    allowed.extend(&always);
    let siblings: Vec<_> = siblings.into_iter().filter(|sibling| !allowed.contains(sibling.name)).collect();
    allowed.extend(siblings.iter().map(|sibling| sibling.name));
    let suggestions = siblings::newer(&observed, &allowed, target);

    let (conditions, unconditional) = options.arguments.map_or_else(Default::default, |least| {
        let (observed, abis, runtime) = (&observed, &abis, &runtime);
        arguments::Wanted { arch, target, abis, runtime, observed, least }.rules(row)
    });

    for call in &mut refused {
        call.allowed = allowed.contains(call.name);
    }
    refused.sort_by_key(|call| (call.name, call.abi));
    unknown_numbers.sort_by_key(|call| (call.abi, call.number));

    let mut reasons = verdict::doubts(row, snapshot, *options, observed.len());
    reasons.extend(
        unknown_numbers.iter().filter(|call| !call.missing_in_kernel).map(|call| Reason::Unnamed {
            arch,
            abi: call.abi,
            number: call.number,
        }),
    );
    Generated {
        arch,
        profile: oci::Profile { default: options.default, arch: target, abis, names: allowed, conditions },
        observed: observed.len(),
        added_for_runtime,
        always,
        siblings,
        not_there,
        suggestions,
        refused,
        unknown_numbers,
        unconditional,
        phases: options.phases,
        serving,
        notes: Vec::from_iter(notes),
        settled_ns: last_new.map(|last| u64::try_from(snapshot.wall_ns.saturating_sub(last)).unwrap_or(0)),
        recorded_ns: snapshot.elapsed_ns,
        verdict: if reasons.is_empty() { Verdict::Complete } else { Verdict::Partial(reasons) },
    }
}

fn unknown(call: &CallRow) -> UnknownNumber {
    let CallRow { abi, number, counts, errnos, .. } = call;
    let not_there: u64 = errnos
        .iter()
        .filter(|row| row.errno == ENOSYS)
        .map(|row| row.total - row.total_denied.min(row.total))
        .sum();
    let made = counts.total.saturating_sub(counts.total_denied);
    UnknownNumber { abi: *abi, number: *number, total: counts.total, missing_in_kernel: not_there >= made }
}
