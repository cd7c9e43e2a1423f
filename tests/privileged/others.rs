//! Runtimes of other kinds, and other machines: LXC, systemd-nspawn, services of systemd, newer releases,
//! and machines with one version of cgroups alone.

use std::fs;

use crate::counts::live;
use crate::support::cgroup;
use crate::support::crun_v1::CrunV1;
use crate::support::ctrace::{attached, ctrace};
use crate::support::engine::{Container, Engine, Kind, Launch};
use crate::support::json::{at, lines, number, parse, row, syscall};
use crate::support::known::{all_known, known};
use crate::support::lxc::Lxc;
use crate::support::nspawn::Nspawn;
use crate::support::process::run;
use crate::support::unit::Unit;
use crate::support::view::View;

/// Without ctrace: the containers are what the tests take them for, and go without a trace.
fn runs(engine: &dyn Engine) {
    let container = Container::new(engine).start(&Launch::new(&["pulse"]));
    let facts = container.facts();
    assert_eq!(facts.state, "running");
    assert_eq!(facts.id, container.id());
    let comm = || fs::read_to_string(format!("/proc/{}/comm", facts.pid));
    assert_eq!(comm().unwrap().trim(), "pulse");
    drop(container);
    assert!(comm().is_err(), "{facts:?} is left");
    let left = cgroup::find(|name| name.contains(&facts.id));
    assert!(left.is_empty(), "{left:?} are left");
}

#[test]
#[ignore = "needs root, lxc-start, gcc, busybox"]
fn lxc_runs() {
    runs(&Lxc::new());
}

#[test]
#[ignore = "needs root, BTF, lxc-start, gcc, busybox"]
fn lxc_is_known() {
    known(&Lxc::new());
}

#[test]
#[ignore = "needs root, BTF, lxc-start, gcc, busybox"]
fn lxc_is_exact() {
    live(&Lxc::new());
}

#[test]
#[ignore = "needs root, systemd-nspawn, gcc, busybox"]
fn nspawn_runs() {
    runs(&Nspawn::new());
}

#[test]
#[ignore = "needs root, BTF, systemd-nspawn, gcc, busybox"]
fn nspawn_is_known() {
    known(&Nspawn::new());
}

/// They have one cgroup.
#[test]
#[ignore = "needs root, BTF, systemd-nspawn, gcc, busybox"]
fn two_machines_of_nspawn_are_told_apart() {
    all_known(&Nspawn::new(), 2);
}

#[test]
#[ignore = "needs root, BTF, systemd-nspawn, gcc, busybox"]
fn nspawn_is_exact() {
    live(&Nspawn::new());
}

#[test]
#[ignore = "needs root, crun, cgroup-v1, gcc, busybox"]
fn crun_over_v1_alone_runs() {
    runs(&CrunV1::new());
}

#[test]
#[ignore = "needs root, BTF, crun, cgroup-v1, gcc, busybox"]
fn crun_over_v1_alone_is_known() {
    all_known(&CrunV1::new(), 2);
}

#[test]
#[ignore = "needs root, BTF, crun, cgroup-v1, gcc, busybox"]
fn crun_over_v1_alone_is_exact() {
    live(&CrunV1::new());
}

/// What `ps` lists with these words besides, by the id.
fn listed(words: &[&str], id: &str) -> Option<serde_json::Value> {
    let done = run(ctrace(&["ps", "--format", "json"]).args(words)).expect(0);
    lines(&done.stdout).into_iter().find(|entry| *at(entry, "container.id") == *id)
}

#[test]
#[ignore = "needs root, BTF, gcc"]
fn a_service_is_the_hosts_unless_asked_for() {
    let unit = Unit::start();
    assert_eq!(listed(&[], &unit.name), None);
    for words in [["--host"].as_slice(), &["--", &unit.name]] {
        let entry = listed(words, &unit.name).unwrap_or_else(|| panic!("ps {words:?} does not list it"));
        assert_eq!(*at(&entry, "container.name"), *unit.name, "{entry}");
        assert_eq!(*at(&entry, "container.runtime.name"), *"systemd", "{entry}");
        assert_eq!(*at(&entry, "process.pid"), unit.pid(), "{entry}");
    }
}

#[test]
#[ignore = "needs root, BTF, gcc"]
fn a_service_has_its_own_row_on_the_host() {
    let unit = Unit::start();
    let top = attached(&["top", "--host", "-n", "1000", "--interval", "200ms", "--format", "json"]);
    top.stdout_line("the service's calls", |line| {
        let sample = parse(line);
        let row = row(&sample, &unit.name)?;
        assert_eq!(*at(row, "container.runtime.name"), *"systemd");
        (number(syscall(row, "getppid")?, "count") > 0).then_some(())
    });
    top.interrupt().expect(0);
}

/// The whole of ctrace on such a machine.
fn layout(want: &str) {
    let done = run(&mut ctrace(&["doctor", "--format", "json"]));
    assert_eq!(*at(&parse(&done.stdout), "cgroup.layout"), *want, "{done:?}");
}

macro_rules! views {
    ($($module:ident: $view:ident, $needs:literal, [$($name:ident: $kind:ident),*];)*) => {$(
        mod $module {
            use super::*;
            $(mod $name {
                use super::*;

                #[test]
                #[ignore = $needs]
                fn is_known() {
                    View::$view.run(|| known(&*Kind::$kind.engine()));
                }

                #[test]
                #[ignore = $needs]
                fn is_exact() {
                    View::$view.run(|| live(&*Kind::$kind.engine()));
                }
            })*
        }
    )*};
}

views! {
    cgroup_v2_alone: CgroupV2, "needs root, BTF, runc, podman, gcc, busybox", [runc: Runc, podman: Podman];
    cgroup_v1_alone: CgroupV1, "needs root, BTF, runc, podman, cgroup-v1, gcc, busybox", [runc: Runc, podman: Podman];
    newer_releases: Newer, "needs root, BTF, newer, gcc, busybox", [runc: Runc, crun: Crun, podman: Podman];
}

#[test]
#[ignore = "needs root"]
fn cgroup_v2_alone_is_found_out() {
    View::CgroupV2.run(|| layout("v2"));
}

#[test]
#[ignore = "needs root, cgroup-v1"]
fn cgroup_v1_alone_is_found_out() {
    View::CgroupV1.run(|| layout("v1"));
}
