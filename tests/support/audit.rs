//! The kernel's own record of the calls that a filter logged.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::syscall;

use super::process::Process;
use super::rootfs;

/// `AUDIT_ARCH_I386`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/audit.h#L404>.
const I386: u32 = 0x4000_0003;
const X32: u32 = 0x4000_0000;

/// A call of a process, in the order in which they were made.
#[derive(Clone, Debug)]
pub struct Record {
    pub pid: u32,
    pub comm: String,
    pub abi: Abi,
    pub name: &'static str,
}

/// Listens from its making on. Records of processes that others log are there as well.
pub struct Audit(Process);

impl Audit {
    pub fn listen() -> Self {
        let process = Process::start(&mut Command::new(rootfs::programs().join("audit")));
        process.stdout_line("`up`", |line| (line == "up").then_some(()));
        Self(process)
    }

    /// Waits until a process has made a call, and returns the calls of all up to then.
    pub fn until(&self, what: &str, last: impl Fn(&Record) -> bool) -> Vec<Record> {
        let mut records = Vec::new();
        self.0.stdout_line(what, |line| {
            assert!(!line.starts_with("lost"), "{line}");
            let record = record(line)?;
            let found = last(&record);
            records.push(record);
            found.then_some(())
        });
        records
    }
}

/// Of a line like `audit(1:2): auid=0 pid=9 comm="x" exe="/x" sig=0 arch=c000003e syscall=3 compat=0 ..`.
fn record(line: &str) -> Option<Record> {
    let value =
        |key: &str| line.split_ascii_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    let number: u32 = value("syscall")?.parse().ok()?;
    let abi = match u32::from_str_radix(value("arch")?, 16).ok()? {
        I386 => Abi::Compat,
        _ if number & X32 != 0 => Abi::X32,
        _ => Abi::Native,
    };
    let plain = u16::try_from(number & !X32).expect("no table has so many calls");
    let name = syscall::name(Arch::X86_64, abi, plain);
    Some(Record {
        pid: value("pid")?.parse().ok()?,
        comm: value("comm")?.trim_matches('"').to_owned(),
        abi,
        name: name.unwrap_or_else(|| panic!("a number without a name: {line}")),
    })
}

pub fn names<'a>(records: impl IntoIterator<Item = &'a Record>) -> BTreeSet<&'static str> {
    records.into_iter().map(|record| record.name).collect()
}

/// A profile that logs every call and refuses none.
pub fn log_all(folder: &Path) -> PathBuf {
    let path = folder.join("log.json");
    let rules = json!({
        "defaultAction": "SCMP_ACT_LOG",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": []
    });
    fs::write(&path, rules.to_string()).expect("a temporary folder can be written to");
    path
}
