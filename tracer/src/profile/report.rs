//! A profile with its evidence, for people to read.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::diff::diff;
use super::evidence::{Arguments, Call, Evidence, First, Recording, Served, Why};
use super::file::File;
use crate::batch::Arch;
use crate::event::Abi;
use crate::syscall::number;
use crate::text::{aligned, safe};

/// Ends with a newline; safe to print, whoever wrote the files.
pub fn report(name: &str, file: &File, evidence: Option<&Evidence>) -> String {
    let mut out = format!("{}\n  otherwise: {}\n", safe(name), file.default_effect());
    line(&mut out, "architectures", &architectures(file));
    let calls: BTreeSet<_> = file.syscalls.iter().flat_map(|rule| &rule.names).collect();
    let unknown: Vec<_> = calls.iter().filter(|name| !is_known(name)).map(|name| name.as_str()).collect();
    if !unknown.is_empty() {
        line(
            &mut out,
            "on x86_64, i386, x32, aarch64, arm and riscv64 no calls, and passed over there",
            &unknown.join(", "),
        );
    }
    if let Some(evidence) = evidence {
        for recording in &evidence.recordings {
            describe(&mut out, recording);
        }
        if let Some(phase) = &evidence.phase {
            let phase = format!("{}: a container cannot start with it", safe(phase));
            line(&mut out, "of one phase alone", &phase);
        }
        out.push('\n');
        out.push_str(&table(&evidence.syscalls));
        for call in &evidence.syscalls {
            arguments(&mut out, call);
        }
        for suggestion in &evidence.suggestions {
            let (name, of) = (safe(&suggestion.name), safe(&suggestion.instead_of));
            line(&mut out, "another libc may call, not in the profile", &format!("{name} (for {of})"));
        }
        unexplained(&mut out, file, evidence);
    } else {
        out.push_str("  no evidence beside it: nobody can tell where its rules come from\n\n");
        // As against a profile that says nothing.
        let empty = File { syscalls: Vec::new(), ..file.clone() };
        for rule in diff(&empty, file) {
            let _ = writeln!(out, "{}", rule.trim_start_matches("+ "));
        }
    }
    out
}

/// Writing to a string cannot fail.
fn line(out: &mut String, title: &str, text: &str) {
    let _ = writeln!(out, "  {title}: {text}");
}

fn architectures(file: &File) -> String {
    let mapped = file.arch_map.iter().flatten().map(|map| {
        let subs = map.sub_architectures.iter().flatten().cloned().collect::<Vec<_>>();
        if subs.is_empty() {
            map.architecture.clone()
        } else {
            format!("{} with {}", map.architecture, subs.join(" and "))
        }
    });
    let names: Vec<_> = file.architectures.iter().flatten().cloned().chain(mapped).collect();
    if names.is_empty() { "the machine's own".to_owned() } else { names.join(", ") }
}

fn is_known(name: &str) -> bool {
    // arm's private calls have no number in the kernel's table.
    ["breakpoint", "cacheflush", "set_tls"].contains(&name)
        || [Arch::X86_64, Arch::Aarch64, Arch::Riscv64].into_iter().any(|arch| {
            [Abi::Native, Abi::Compat, Abi::X32].into_iter().any(|abi| number(arch, abi, name).is_some())
        })
}

fn describe(out: &mut String, recording: &Recording) {
    let Recording { ctrace, kernel, host, machine, ended, container, serving, losses, .. } = recording;
    let whose = match container {
        Some(whose) => {
            let image = whose.image.as_deref().map(|image| format!(", image {image}")).unwrap_or_default();
            let digest = whose.image_id.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
            format!("{} ({}, {}{image}{digest})", whose.name, whose.runtime, whose.id)
        }
        None => "unknown".to_owned(),
    };
    let ended = ended.as_deref().map(|ended| format!(", until {ended}")).unwrap_or_default();
    let running = if recording.running { ", still running" } else { "" };
    out.push('\n');
    line(out, "recorded", &safe(&format!("{whose}{running}")));
    // A machine need not have a name.
    let host = if host.is_empty() { String::new() } else { format!("{host}, ") };
    line(out, "on", &safe(&format!("{host}{machine}, Linux {kernel}, ctrace {ctrace}{ended}")));
    let settled = recording.settled_ns.map(|ns| format!(", last new call {} before the end", seconds(ns)));
    line(out, "for", &format!("{}{}", seconds(recording.recorded_ns), settled.unwrap_or_default()));
    if recording.complete {
        line(out, "verdict", "complete: watched from its start, nothing lost");
    }
    for reason in &recording.reasons {
        line(out, "PARTIAL", &safe(reason));
    }
    if let Some(Served { since, after, resolution_ns }) = serving {
        let unsure = match resolution_ns {
            0 => String::new(),
            ns => format!("; what was made within {} of it counts as made after it", seconds(*ns)),
        };
        line(out, "serving since", &safe(&format!("{since}, {after}{unsure}")));
    }
    for loss in losses {
        let whose = if loss.own { "" } else { ", perhaps of another container" };
        line(out, "lost", &format!("{} in {}{whose}", loss.count, safe(&loss.place)));
    }
    for note in &recording.notes {
        line(out, "note", &safe(note));
    }
}

fn seconds(ns: u64) -> String {
    format!("{}.{} s", ns / 1_000_000_000, ns / 100_000_000 % 10)
}

fn table(calls: &[Call]) -> String {
    let head = [
        "SYSCALL",
        "IN PROFILE",
        "WHY",
        "COUNT",
        "REFUSED",
        "PHASES",
        "FIRST CALLER",
        "FIRST CALLED",
        "LAST SEEN",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let mut calls: Vec<_> = calls.iter().collect();
    // What needs a decision comes first.
    calls.sort_by_key(|call| (call.allowed, call.why));
    for call in calls {
        let text = |text: Option<&str>| text.map(|text| safe(text).into_owned()).unwrap_or_default();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let name = match (&call.name, &call.abi, call.number) {
            (Some(name), Some(abi), _) if !["x86_64", "aarch64"].contains(&abi.as_str()) => {
                format!("{name} ({abi})")
            }
            (Some(name), _, _) => name.clone(),
            (None, abi, number) => {
                format!("{} {}", abi.as_deref().unwrap_or("number"), number.unwrap_or_default())
            }
        };
        rows.push([
            safe(&name).into_owned(),
            if call.allowed { "yes" } else { "NO" }.to_owned(),
            why(call),
            number(call.count),
            number(call.refused),
            safe(&call.phases.join(" ")).into_owned(),
            call.first.as_ref().map(caller).unwrap_or_default(),
            text(call.first.as_ref().map(|first| first.at.as_str())),
            text(call.last.as_ref().map(|last| last.until.as_str())),
        ]);
    }
    aligned(&rows)
}

/// `nginx (4711)`, `sh (4712, exec)`.
fn caller(first: &First) -> String {
    let origin = first.origin.as_deref().filter(|origin| *origin != "workload");
    let origin = origin.map(|origin| format!(", {}", safe(origin))).unwrap_or_default();
    format!("{} ({}{origin})", safe(&first.executable), first.pid)
}

/// `arguments of socket: AF_INET (12); AF_NETLINK, NETLINK_ROUTE (3)`.
fn arguments(out: &mut String, call: &Call) {
    let (Some(name), Some(Arguments { seen, more, any })) = (&call.name, &call.arguments) else { return };
    let mut texts: Vec<_> =
        seen.iter().map(|values| format!("{} ({})", safe(&values.text), values.count)).collect();
    texts.extend(more.then(|| "others".to_owned()));
    let any = any.as_ref().map(|why| format!(" (allowed with any: {})", safe(why))).unwrap_or_default();
    let abi = call.abi.as_deref().filter(|abi| !["x86_64", "aarch64"].contains(abi));
    let abi = abi.map(|abi| format!(" ({})", safe(abi))).unwrap_or_default();
    line(out, &format!("arguments of {}{abi}{any}", safe(name)), &texts.join("; "));
}

fn why(call: &Call) -> String {
    match call.why {
        Why::Observed if !call.allowed => "observed before it served".to_owned(),
        Why::Observed => "observed".to_owned(),
        Why::Refused => "wanted but refused".to_owned(),
        Why::Unnamed => "has no name".to_owned(),
        Why::Probe => "put in by a tracer".to_owned(),
        Why::Runtime => "for the runtime".to_owned(),
        Why::Always => "always".to_owned(),
        Why::Guessed => {
            format!("GUESSED for {}", safe(call.instead_of.as_deref().unwrap_or("another")))
        }
    }
}

/// Evidence and profile are two files, and one of them may have been edited since.
fn unexplained(out: &mut String, file: &File, evidence: &Evidence) {
    let default = file.default_effect();
    let rules = file.syscalls.iter().filter(|rule| rule.effect() != default);
    let named_in_file: BTreeSet<_> = rules.flat_map(|rule| &rule.names).map(String::as_str).collect();
    let named = |allowed: bool| -> BTreeSet<_> {
        let calls = evidence.syscalls.iter().filter(|call| !allowed || call.allowed);
        calls.filter_map(|call| call.name.as_deref()).collect()
    };
    let list = |names: Vec<&str>| safe(&names.join(", ")).into_owned();
    let beyond: Vec<_> = named_in_file.difference(&named(false)).copied().collect();
    if !beyond.is_empty() {
        line(out, "in the profile, without evidence", &list(beyond));
    }
    let missing: Vec<_> = named(true).difference(&named_in_file).copied().collect();
    if !missing.is_empty() {
        line(out, "allowed by the evidence, no longer in the profile", &list(missing));
    }
}
