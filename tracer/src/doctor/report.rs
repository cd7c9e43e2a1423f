//! What `ctrace doctor` prints.
//!
//! As JSON it is one object on one line: `{"schema_version", "arch", "kernel":{"release","major",
//! "minor"}, "btf", "lockdown", "capabilities":{"effective","permitted"}, "cgroup":{"layout",
//! "v2_mount","v1":{"controller","hierarchy","mount"}}, "uid", "pid_max", "possible_cpus", "runtimes":[{"name","path"}], "checks":[{"name",
//! "status","kind","found","why","fix"}], "exit_code"}`. `status` is `ok`, `warn` or `fail`; `kind` is why
//! it fails: `not_permitted`, `kernel_cannot` or `missing`. `layout` is `none`, `v1`, `hybrid` or `v2`; `v1` is
//! the hierarchy that tells containers apart beside or instead of version 2. Sets of capabilities are hexadecimal as in `/proc`; what
//! is unknown is null.

use std::fmt::Write as _;

use serde::Serialize;

use super::checks::{Check, Kind, Status, code};
use super::host::{Host, Lockdown};
use crate::exit::Code;

const SCHEMA_VERSION: u32 = 1;

/// For people: a line for each check, two more for each complaint, and a verdict. Ends in a newline.
pub fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for Check { name, status, found, why, fix } in checks {
        let word = match status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail(_) => "FAIL",
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "{word}  {name:width$}  {}", printable(found));
        if let Some(fix) = fix {
            let _ = writeln!(out, "      why: {why}\n      fix: {}", printable(fix));
        }
    }
    let verdict = match code(checks) {
        Code::NotPermitted => "ctrace cannot trace here: not permitted",
        Code::KernelCannot => "ctrace cannot trace here: this kernel cannot do it",
        Code::Failed => "ctrace cannot trace here: something is missing",
        Code::Done | Code::Usage | Code::NoContainer | Code::Finding | Code::Lost => {
            if checks.iter().any(|check| check.status == Status::Warn) {
                "ctrace can trace here, with the limits above"
            } else {
                "ctrace can trace here"
            }
        }
    };
    let _ = writeln!(out, "\n{verdict}");
    out
}

/// Mount points are not always of one's own making.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// For programs; see the module. Without a newline.
pub fn json(host: &Host, checks: &[Check]) -> serde_json::Result<String> {
    serde_json::to_string(&Report {
        schema_version: SCHEMA_VERSION,
        arch: host.arch,
        kernel: Kernel {
            release: &host.release,
            major: host.kernel.map(|(major, _)| major),
            minor: host.kernel.map(|(_, minor)| minor),
        },
        btf: host.btf,
        lockdown: match host.lockdown {
            Lockdown::Absent | Lockdown::Unreadable => None,
            Lockdown::Off => Some("none"),
            Lockdown::Integrity => Some("integrity"),
            Lockdown::Confidentiality => Some("confidentiality"),
        },
        capabilities: host.caps.map(|caps| Capabilities {
            effective: format!("{:016x}", caps.effective),
            permitted: format!("{:016x}", caps.permitted),
        }),
        cgroup: Cgroup {
            layout: host.cgroup.name(),
            v2_mount: host.cgroup.v2().map(|path| path.to_string_lossy().into_owned()),
            v1: host.cgroup_v1.as_ref().map(|v1| Hierarchy {
                controller: &v1.controller,
                number: v1.hierarchy,
                mount: v1.mount.to_string_lossy().into_owned(),
            }),
        },
        uid: host.process.uid,
        pid_max: host.pid_max,
        possible_cpus: host.possible_cpus,
        runtimes: host.state_dirs.iter().map(|dir| Runtime { name: dir.runtime, path: dir.path }).collect(),
        checks: checks.iter().map(Line::from).collect(),
        exit_code: code(checks) as u8,
    })
}

#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    arch: &'a str,
    kernel: Kernel<'a>,
    btf: bool,
    lockdown: Option<&'a str>,
    capabilities: Option<Capabilities>,
    cgroup: Cgroup<'a>,
    uid: u32,
    pid_max: Option<u32>,
    possible_cpus: Option<u32>,
    runtimes: Vec<Runtime>,
    checks: Vec<Line<'a>>,
    exit_code: u8,
}

#[derive(Serialize)]
struct Kernel<'a> {
    release: &'a str,
    major: Option<u32>,
    minor: Option<u32>,
}

#[derive(Serialize)]
struct Capabilities {
    effective: String,
    permitted: String,
}

#[derive(Serialize)]
struct Cgroup<'a> {
    layout: &'static str,
    v2_mount: Option<String>,
    v1: Option<Hierarchy<'a>>,
}

#[derive(Serialize)]
struct Hierarchy<'a> {
    controller: &'a str,
    #[serde(rename = "hierarchy")]
    number: u32,
    mount: String,
}

#[derive(Serialize)]
struct Runtime {
    name: &'static str,
    path: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    status: &'static str,
    kind: Option<&'static str>,
    found: &'a str,
    why: &'a str,
    fix: Option<&'a str>,
}

impl<'a> From<&'a Check> for Line<'a> {
    fn from(check: &'a Check) -> Self {
        let Check { name, status, found, why, fix } = check;
        let (status, kind) = match status {
            Status::Ok => ("ok", None),
            Status::Warn => ("warn", None),
            Status::Fail(Kind::NotPermitted) => ("fail", Some("not_permitted")),
            Status::Fail(Kind::KernelCannot) => ("fail", Some("kernel_cannot")),
            Status::Fail(Kind::Missing) => ("fail", Some("missing")),
        };
        Self { name, status, kind, found, why, fix: fix.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::Layout;
    use crate::doctor::checks;

    #[test]
    fn a_good_host() {
        insta::assert_snapshot!(text(&checks(&Host::sample())));
    }

    #[test]
    fn an_unprivileged_user_on_v1() {
        let Host { cgroup, cgroup_v1, .. } = Host::with_v1();
        let host = Host { cgroup, cgroup_v1, ..Host::unprivileged() };
        insta::assert_snapshot!(text(&checks(&host)));
    }

    #[test]
    fn the_json_object() {
        let cgroup = Layout::Hybrid("/a\u{1b}\"b".into());
        let host = Host { cgroup, cgroup_v1: Host::with_v1().cgroup_v1, ..Host::unprivileged() };
        let json = json(&host, &checks(&host)).unwrap();
        assert!(!json.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            value["kernel"],
            serde_json::json!({"release": "6.18.9-generic", "major": 6, "minor": 18})
        );
        let v1 = serde_json::json!({"controller": "pids", "hierarchy": 8, "mount": "/sys/fs/cgroup/pids"});
        assert_eq!(
            value["cgroup"],
            serde_json::json!({"layout": "hybrid", "v2_mount": "/a\u{1b}\"b", "v1": v1})
        );
        assert_eq!(value["lockdown"], serde_json::Value::Null);
        assert_eq!(value["exit_code"], 3);
        let checks = value["checks"].as_array().unwrap();
        let capabilities = checks.iter().find(|check| check["name"] == "capabilities").unwrap();
        assert_eq!(
            (&capabilities["status"], &capabilities["kind"]),
            (&"fail".into(), &"not_permitted".into())
        );
        assert_eq!(capabilities["fix"], "sudo /home/u/.cargo/bin/ctrace top --once");
        assert_eq!(checks[0]["fix"], serde_json::Value::Null);
    }

    #[test]
    fn a_hostile_mount_point_reaches_no_terminal() {
        let host = Host { cgroup: Layout::V2("/a\u{1b}[2J\u{9b}\n".into()), ..Host::sample() };
        let text = text(&checks(&host));
        assert!(text.contains("v2 at /a\u{fffd}[2J\u{fffd}\u{fffd}\n"), "{text}");
    }
}
