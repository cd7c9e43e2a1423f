//! `--explain`: which part of a choice the kernel decides, and which ctrace. Pure.

use std::fmt::Write;

use tracer_common::config::feature;

use crate::batch::Arch;
use crate::event::Abi;
use crate::filter::Wanted;
use crate::plan::{Plan, Selection};
use crate::select::Select;
use crate::syscall::{self, errno};
use crate::text::{Charset, duration, safe};

/// More names than this are only counted.
const NAMES_MAX: usize = 12;

/// What a choice comes to, in the order in which an event meets it.
pub(super) struct Choice<'a> {
    pub arch: Arch,
    pub select: &'a Select,
    pub wanted: &'a Wanted,
    pub plan: &'a Plan,
    /// That will be attached.
    pub tracepoints: Vec<&'static str>,
}

pub(super) fn explain(choice: &Choice<'_>) -> String {
    let mut text = String::new();
    for (title, rows) in [
        ("Decided in the kernel, where what is not wanted costs no record:", in_kernel(choice)),
        ("Decided by ctrace, for each record that the kernel sends:", in_ctrace(choice)),
    ] {
        // Writing to a `String` cannot fail, here and below.
        _ = writeln!(text, "{title}");
        for (name, value) in rows {
            // What was typed may come from a script, which has it from a container.
            _ = writeln!(text, "  {name:<14}{}", safe(&value));
        }
    }
    text
}

type Rows = Vec<(&'static str, String)>;

fn in_kernel(choice: &Choice<'_>) -> Rows {
    let Choice { arch, select: _, wanted, plan, tracepoints } = choice;
    let mut rows = vec![("attached to", tracepoints.join(", "))];
    if plan.features & feature::SYSCALL_RECORDS == 0 {
        rows.push(("system calls", "none, they are only counted".to_owned()));
    } else {
        rows.push(("system calls", calls(*arch, &plan.selection)));
    }
    for (name, on, value) in [
        ("failed", feature::ONLY_FAILED, "only calls that failed"),
        ("denied", feature::ONLY_DENIED, "only calls that a seccomp filter refused"),
    ] {
        if plan.features & on != 0 {
            rows.push((name, value.to_owned()));
        }
    }
    if plan.min_duration_ns > 0 {
        rows.push((
            "slower than",
            format!("only calls of {} or longer", duration(plan.min_duration_ns, Charset::Ascii)),
        ));
    }
    if let Some(errnos) = &plan.errnos {
        let names: Vec<String> = errnos.all().map(error).collect();
        rows.push(("errno", format!("only calls that failed with {}", names.join(", "))));
    }
    let families = [(feature::PROCESS_RECORDS, "process.*"), (feature::CGROUP_RECORDS, "cgroup.*")];
    let families = families.iter().filter(|(on, _)| plan.features & on != 0);
    let families: Vec<&str> = families.map(|(_, name)| *name).collect();
    rows.push(("other events", if families.is_empty() { "none".to_owned() } else { families.join(", ") }));
    if wanted.lineage {
        rows.push(("descent", "only what the command and its descendants do".to_owned()));
    }
    rows.push((
        "containers",
        "one that ctrace has found to be unwanted is left alone from then on".to_owned(),
    ));
    rows
}

fn in_ctrace(choice: &Choice<'_>) -> Rows {
    let Choice { select, wanted, .. } = choice;
    let mut rows = Vec::new();
    let events: Vec<&str> = select.events().collect();
    if !events.is_empty() {
        rows.push(("event names", events.join(", ")));
    }
    let names = wanted.names.iter().map(|name| format!("{name} (name, or beginning of the id)"));
    let chosen: Vec<String> = names.chain(wanted.filters.iter().map(ToString::to_string)).collect();
    rows.push(("containers", if chosen.is_empty() { "all".to_owned() } else { chosen.join(", ") }));
    let host = if wanted.host { "also what runs in none" } else { "nothing that runs in none" };
    if !wanted.lineage {
        rows.push(("host", host.to_owned()));
    }
    let setup = if wanted.setup { "shown" } else { "left out" };
    rows.push(("setup", format!("what the runtime does before a container's program runs is {setup}")));
    let processes: Vec<String> = wanted.processes.0.iter().map(ToString::to_string).collect();
    if !processes.is_empty() {
        rows.push(("processes", processes.join(", ")));
    }
    rows
}

fn error(errno: u16) -> String {
    errno::name(errno).map_or_else(|| errno.to_string(), str::to_owned)
}

fn calls(arch: Arch, selection: &Selection) -> String {
    if *selection == Selection::ALL {
        return "all".to_owned();
    }
    let abis = [Abi::Native, Abi::Compat, Abi::X32].into_iter().filter_map(|abi| {
        let all = syscall::all(arch, abi);
        let names: Vec<&str> =
            all.filter(|(number, _)| selection.contains(abi, *number)).map(|(_, name)| name).collect();
        let number = names.len();
        let listed = if number <= NAMES_MAX { format!(" ({})", names.join(", ")) } else { String::new() };
        (number > 0).then(|| format!("{number} of {}{listed}", syscall::abi_name(arch, abi)))
    });
    let abis: Vec<String> = abis.collect();
    if abis.is_empty() { "none".to_owned() } else { abis.join("; ") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::trace::plan;
    use super::*;
    use crate::filter::Processes;
    use crate::select::Asked;

    fn explained(asked: &Asked<'_>, wanted: &Wanted) -> String {
        let select = Select::parse(asked, Arch::X86_64).unwrap();
        let plan = plan(&select, None);
        let tracepoints = vec!["sys_enter", "sys_exit"];
        explain(&Choice { arch: Arch::X86_64, select: &select, wanted, plan: &plan, tracepoints })
    }

    #[test]
    fn all_of_it() {
        let what = ["openat,mkdir,process.exec".to_owned()];
        let errnos = ["ENOENT,4095".to_owned()];
        let slower_than = Some(Duration::from_millis(10));
        let asked = Asked { what: &what, failed: true, denied: false, slower_than, errnos: &errnos };
        let wanted = Wanted {
            names: vec!["web\u{1b}[2J".to_owned()],
            filters: vec!["image!=pause".parse().unwrap()],
            processes: Processes(vec!["uid=0".parse().unwrap()]),
            host: true,
            ..Wanted::default()
        };
        insta::assert_snapshot!(explained(&asked, &wanted));
    }

    #[test]
    fn nothing_asked_for() {
        insta::assert_snapshot!(explained(&Asked::default(), &Wanted::default()));
    }

    #[test]
    fn many_names_are_counted() {
        let text = explained(&Asked { what: &["%file".to_owned()], ..Asked::default() }, &Wanted::default());
        assert!(text.contains(" of x86_64; ") && !text.contains("openat"), "{text}");
        let text =
            explained(&Asked { what: &["process.exec".to_owned()], ..Asked::default() }, &Wanted::default());
        assert!(text.contains("none, they are only counted"), "{text}");
    }
}
