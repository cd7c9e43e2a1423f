//! The object, made fit for this machine and this task, into the kernel.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use tracer_common::config::{Config, feature, reads};
use tracer_common::key::{Latency, Row, row};
use tracer_common::limits::{CALLS, INDEXED_ABIS, INDEXED_NRS, LATENCY_BYTES};

use super::symbols::Symbols;
use crate::batch::Arch;
use crate::container::{CgroupId, Roots};
use crate::event::Abi;
use crate::plan::{Capacity, Errnos, Plan};
use crate::syscall::signature::{self, Kind, ReadWhat, Signature};
use crate::syscall::values::{SERVING, Valued};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/ctrace.bpf.o"));

/// The function that has the tracepoint of that name in it,
/// <https://github.com/torvalds/linux/blob/v6.14/security/commoncap.c#L121>.
const CAP_CAPABLE: &str = "cap_capable";

/// Sizes that follow from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub cpus: u32,
    pub tasks: u32,
    /// Counters for each CPU, cell 0 unused.
    pub cells: u32,
    /// Histograms for each CPU.
    pub timed: u32,
}

impl Sizes {
    pub(super) fn new(cpus: u32, pid_max: u32, tasks: u32, latency: bool) -> Self {
        let affordable = LATENCY_BYTES / (size_of::<Latency>() * cpus.max(1) as usize);
        let timed = u32::try_from(affordable).unwrap_or(u32::MAX).min(CALLS + 1);
        Self {
            cpus: cpus.max(1),
            tasks: pid_max.clamp(1, tasks.max(1)).next_power_of_two(),
            cells: CALLS + 1,
            timed: if latency { timed } else { 1 },
        }
    }
}

pub(super) struct Loaded {
    pub ebpf: Ebpf,
    pub sizes: Sizes,
    /// With [`feature::CAPABILITIES`].
    pub symbols: Option<Symbols>,
}

pub(super) fn load(plan: &Plan, arch: Arch, roots: &Roots) -> Result<Loaded> {
    let sizes = Sizes::new(
        u32::try_from(aya::util::nr_cpus().map_err(|(file, error)| {
            anyhow::Error::new(error).context(format!("cannot count the CPUs from {file}"))
        })?)?,
        pid_max(&roots.proc)?,
        plan.capacity.tasks,
        plan.features & feature::LATENCY != 0,
    );
    let symbols = match plan.features & feature::CAPABILITIES {
        0 => None,
        _ => Some(Symbols::read(&roots.proc)?),
    };
    let asked = symbols.as_ref().and_then(|symbols| symbols.range(CAP_CAPABLE)).unwrap_or_default();
    let config = Config {
        features: features(plan),
        own_tgid: std::process::id(),
        lineage_cgroup: plan.lineage.map_or(0, CgroupId::number),
        tasks_mask: sizes.tasks - 1,
        cells: sizes.cells,
        timed: sizes.timed,
        v1_hierarchy: roots.cgroup1.as_ref().map_or(0, |v1| v1.hierarchy),
        v1_controller: roots.cgroup1.as_ref().map_or(0, |v1| v1.index),
        min_duration_ns: plan.min_duration_ns,
        lineage_v1: u32::from(matches!(plan.lineage, Some(CgroupId::V1(_)))),
        cap_capable: asked.start,
        cap_capable_end: asked.end,
        held_tgid: plan.held.unwrap_or(0),
        pad: 0,
    };
    let calls = calls(arch);
    let errnos = plan.errnos.clone().unwrap_or(Errnos::NONE);
    // What the programs have to say is for who asked for more (-v); otherwise its code is not even there.
    let log_level = if log::log_enabled!(log::Level::Info) { log::Level::Warn as u8 } else { 0 };
    let ebpf = EbpfLoader::new()
        .override_global("CONFIG", &config, true)
        .override_global("SELECTED", plan.selection.words(), true)
        .override_global("ERRNOS", errnos.words(), true)
        .override_global("CALLS", calls.as_slice(), true)
        .override_global("AYA_LOG_LEVEL", &log_level, true)
        .map_max_entries("TASKS", sizes.tasks)
        .map_max_entries("COUNTS", sizes.cells * sizes.cpus)
        .map_max_entries("LATENCY", sizes.timed * sizes.cpus)
        .map_max_entries("PROCESSES_MAP", plan.capacity.processes.max(1))
        .map_max_entries("EVENTS", plan.ring_bytes)
        .load(OBJECT)
        .context("cannot create the kernel maps")?;
    let mut loaded = Loaded { ebpf, sizes, symbols };
    loaded.prepare(plan.capacity)?;
    Ok(loaded)
}

impl Loaded {
    /// Fills what has to be there before the first call is seen.
    fn prepare(&mut self, capacity: Capacity) -> Result<()> {
        use aya::maps::{Array, Queue};
        // Slot 0 stands for "no owner", slot 1 for ctrace itself.
        let ignored =
            Row { flags: row::IGNORED, serving: 0, cell: [0; (INDEXED_ABIS * INDEXED_NRS) as usize] };
        let mut rows: Array<_, Row> = map(&mut self.ebpf, "ROWS")?.try_into()?;
        for slot in 0..2 {
            rows.set(slot, ignored, 0).with_context(|| format!("cannot set row {slot}"))?;
        }
        let mut owners: Queue<_, u32> = map(&mut self.ebpf, "FREE_OWNERS")?.try_into()?;
        for slot in 2..=owners.capacity().min(capacity.owners.saturating_add(1)) {
            owners.push(slot, 0).context("cannot fill the free list of owners")?;
        }
        let mut cells: Queue<_, u32> = map(&mut self.ebpf, "FREE_CELLS")?.try_into()?;
        for cell in 1..=capacity.calls.min(self.sizes.cells - 1) {
            cells.push(cell, 0).context("cannot fill the free list of counters")?;
        }
        Ok(())
    }
}

/// A map of the object, by reference.
pub(super) fn map<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut aya::maps::Map> {
    ebpf.map_mut(name).with_context(|| format!("the object has no map {name}"))
}

/// A map of the object, taken out of it.
pub(super) fn take(ebpf: &mut Ebpf, name: &str) -> Result<aya::maps::Map> {
    ebpf.take_map(name).with_context(|| format!("the object has no map {name}"))
}

fn pid_max(proc: &Path) -> Result<u32> {
    let file = proc.join("sys/kernel/pid_max");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    text.trim().parse().with_context(|| format!("{} holds {:?}", file.display(), text.trim()))
}

/// What follows from the plan's other members is on where they say so.
fn features(plan: &Plan) -> u32 {
    let slow = if plan.min_duration_ns > 0 { feature::ONLY_SLOW } else { 0 };
    let errnos = if plan.errnos.is_some() { feature::ONLY_ERRNOS } else { 0 };
    plan.features | slow | errnos
}

/// The kernel's `CALLS` table: native calls, then compat.
fn calls(arch: Arch) -> Vec<u64> {
    [Abi::Native, Abi::Compat]
        .into_iter()
        .flat_map(|abi| (0..INDEXED_NRS).map(move |nr| (abi, u16::try_from(nr).unwrap_or(u16::MAX))))
        .map(|(abi, nr)| call(arch, abi, nr))
        .collect()
}

/// An entry of the table, see [`reads`].
fn call(arch: Arch, abi: Abi, nr: u16) -> u64 {
    let Some(signature) = signature::of(arch, abi, nr) else { return 0 };
    let reads = signature::reads(arch, abi, nr).into_iter().flatten().enumerate();
    let entry = reads.fold(0, |entry, (at, read)| {
        let (what, len, out) = match read.what {
            ReadWhat::String => (reads::STRING, base(signature, read.argument), false),
            ReadWhat::AddressIn => (reads::ADDRESS, 0, false),
            ReadWhat::AddressOut => (reads::ADDRESS, 0, true),
            ReadWhat::Bytes { len, out } => (reads::STRUCTURE, len, out),
            ReadWhat::Array { element, count, text } => {
                (reads::ARRAY, reads::array(element, count, text), count.is_none())
            }
            ReadWhat::Vector if abi == Abi::Compat => (reads::STRING, reads::VECTOR_NARROW, false),
            ReadWhat::Vector => (reads::STRING, reads::VECTOR, false),
        };
        entry | reads::entry(read.argument, what, len, out) << (at * reads::BITS as usize)
    });
    let entry = entry | notes(signature.name);
    match signature.name {
        _ if signature.result == signature::Result::Never => entry | reads::NO_RETURN,
        // Their memory is gone once they succeeded.
        "execve" | "execveat" => entry | reads::AT_ENTRY,
        _ => entry,
    }
}

/// What is counted beside the call.
fn notes(name: &str) -> u64 {
    let serves = if SERVING.contains(&name) { reads::SERVES } else { 0 };
    let Some(valued) = Valued::find(name) else { return serves };
    let place = |place: u8| u64::from(place) + 1;
    serves
        | place(valued.first) << reads::FIRST_VALUE_SHIFT
        | valued.second.map_or(0, place) << reads::SECOND_VALUE_SHIFT
        | if valued.mask == u32::MAX { 0 } else { reads::NAMESPACES }
}

/// Where a relative path begins, if it is one.
fn base(signature: &Signature, argument: u8) -> u16 {
    // When they are over, what they were relative to is another directory.
    if matches!(signature.name, "chdir" | "chroot" | "pivot_root") {
        return reads::BASE_NONE;
    }
    let argument = usize::from(argument);
    let kind = |at: usize| signature.arguments.get(at).map(|argument| argument.kind);
    match (kind(argument), argument.checked_sub(1).and_then(kind)) {
        (Some(Kind::Path), Some(Kind::DirFd)) => reads::BASE_FD,
        (Some(Kind::Path), _) => reads::BASE_CWD,
        _ => reads::BASE_NONE,
    }
}

#[cfg(test)]
mod tests {
    use tracer_common::limits::{STRUCTURE_LEN, TASKS_MAX};

    use super::*;
    use crate::syscall;

    #[test]
    fn what_calls_point_to_is_read() {
        let of = |name: &str| {
            call(Arch::X86_64, Abi::Native, syscall::number(Arch::X86_64, Abi::Native, name).unwrap())
        };
        let string = |argument, base| reads::entry(argument, reads::STRING, base, false);
        assert_eq!(of("getppid"), 0);
        assert_eq!(of("exit_group"), reads::NO_RETURN);
        assert_eq!(of("openat"), string(1, reads::BASE_FD));
        assert_eq!(of("chdir"), string(0, reads::BASE_NONE));
        let vector = string(1, reads::VECTOR) << reads::BITS;
        assert_eq!(of("execve"), string(0, reads::BASE_CWD) | vector | reads::AT_ENTRY);
        let renameat = string(1, reads::BASE_FD) | string(3, reads::BASE_FD) << reads::BITS;
        assert_eq!(of("renameat"), renameat);
        assert_eq!(of("symlinkat"), string(0, reads::BASE_NONE) | string(2, reads::BASE_FD) << reads::BITS);
        let length = reads::entry(2, reads::STRUCTURE, 4, false) << reads::BITS;
        assert_eq!(of("accept"), reads::entry(1, reads::ADDRESS, 0, true) | length | reads::SERVES);
        let poll = reads::entry(0, reads::ARRAY, reads::array(8, Some(1), false), false);
        assert_eq!(of("poll"), poll);
        assert_eq!(of("getcwd"), reads::entry(0, reads::ARRAY, reads::array(1, None, true), true));
        assert_eq!(of("listen"), reads::SERVES);
        assert_eq!(of("clone") & reads::NOTES, 1 << reads::FIRST_VALUE_SHIFT | reads::NAMESPACES);
        let socket = 1 << reads::FIRST_VALUE_SHIFT | 3 << reads::SECOND_VALUE_SHIFT;
        assert_eq!(of("socket"), socket);
        assert_eq!(of("pipe2"), reads::entry(0, reads::STRUCTURE, 8, true));
    }

    #[test]
    fn every_read_fits_a_record() {
        for (arch, abi) in
            [(Arch::X86_64, Abi::Native), (Arch::X86_64, Abi::Compat), (Arch::Aarch64, Abi::Native)]
        {
            for nr in 0..600 {
                for read in signature::reads(arch, abi, nr).into_iter().flatten() {
                    assert!(read.argument < 6, "{nr}");
                    let ReadWhat::Bytes { len, .. } = read.what else { continue };
                    assert!(usize::from(len) <= STRUCTURE_LEN, "{nr} has a structure of {len} bytes");
                }
            }
        }
    }

    #[test]
    fn sizes_follow_the_machine() {
        let small = Sizes::new(2, 32_768, TASKS_MAX, true);
        assert_eq!((small.tasks, small.cells, small.timed), (32_768, CALLS + 1, CALLS + 1));
        let large = Sizes::new(256, 4_194_304, TASKS_MAX, true);
        assert_eq!(large.tasks, TASKS_MAX);
        assert!((large.timed * large.cpus) as usize * size_of::<Latency>() <= LATENCY_BYTES);
        assert_eq!(Sizes::new(8, 32_768, TASKS_MAX, false).timed, 1);
        assert_eq!(Sizes::new(8, 32_768, 10, false).tasks, 16);
    }
}
