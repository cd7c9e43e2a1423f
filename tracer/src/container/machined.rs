//! `systemd-machined`: one file for each machine that registered with it, `KEY=VALUE` in lines:
//! <https://github.com/systemd/systemd/blob/v256/src/machine/machine.c> (`machine_save`).

use std::path::Path;

use super::Runtime;
use super::record::OciState;
use super::state::{Root, StateError};

pub const DIR: &str = "/run/systemd/machines";

/// Who registered the containers that are listed; others have files of their own.
const SERVICES: [(&str, Runtime); 2] = [("systemd-nspawn", Runtime::Nspawn), ("libvirt-lxc", Runtime::Lxc)];

/// Whether a path in [`DIR`] is a machine's: beside them are links from units, and files being written.
pub fn is_machine(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().as_encoded_bytes();
    !name.starts_with(b".") && !name.starts_with(b"unit:")
}

/// The machine's name, which is the file's, is the container's id.
pub fn read(root: &Root, file: &Path) -> Result<OciState, StateError> {
    let text = root.text(file)?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"'))
    };
    let class = value("CLASS").filter(|class| *class == "container");
    let service = class.and_then(|_| value("SERVICE"));
    let (_, runtime) = SERVICES.into_iter().find(|(name, _)| Some(*name) == service).ok_or_else(|| {
        StateError::Content { path: root.shown(file), expected: "a container of nspawn or LXC" }
    })?;
    let started_us = value("REALTIME").and_then(|us| us.parse::<i64>().ok());
    Ok(OciState {
        id: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        runtime,
        pid: value("LEADER").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0),
        cgroup: None,
        cgroup_v1: None,
        bundle: String::new(),
        annotations: Vec::new(),
        user: root.user(),
        started_ns: started_us.and_then(|us| us.checked_mul(1000)).filter(|ns| *ns > 0),
        file: root.shown(file),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixture, put};
    use super::*;

    fn read_text(text: &str) -> Option<OciState> {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "my-box", text);
        read(&Root::new(dir.path()).unwrap(), Path::new("/my-box")).ok()
    }

    #[test]
    fn a_machine_has_a_leader_and_a_start() {
        let state = read_text(&fixture("machined-nspawn")).unwrap();
        assert_eq!((state.id.as_str(), state.runtime, state.pid), ("my-box", Runtime::Nspawn, Some(4711)));
        assert_eq!(state.started_ns, Some(1_795_466_316_615_809_000));
        assert_eq!((state.own_cgroup(), state.engine()), (None, Runtime::Nspawn));
    }

    #[test]
    fn what_it_is_depends_on_its_class_and_service() {
        for (class, service, expected) in [
            ("container", "systemd-nspawn", Some(Runtime::Nspawn)),
            ("container", "\"libvirt-lxc\"", Some(Runtime::Lxc)),
            ("container", "other", None),
            ("vm", "systemd-nspawn", None),
            ("vm", "libvirt-qemu", None),
        ] {
            let state = read_text(&format!("NAME=my-box\nSERVICE={service}\nCLASS={class}\nLEADER=7\n"));
            assert_eq!(state.map(|state| state.runtime), expected, "{class} {service}");
        }
        for text in ["", "CLASS", "=container", "CLASS=container", "SERVICE=systemd-nspawn", "\0\n\0"] {
            assert_eq!(read_text(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_not_known() {
        for (leader, realtime) in
            [("0", "0"), ("-1", "-5"), ("x", "x"), ("", ""), ("99999999999", "9223372036854775807")]
        {
            let state = read_text(&format!(
                "CLASS=container\nSERVICE=systemd-nspawn\nLEADER={leader}\nREALTIME={realtime}"
            ));
            let state = state.unwrap();
            assert_eq!((state.pid, state.started_ns), (None, None), "{leader} {realtime}");
        }
    }

    #[test]
    fn links_and_halves_are_no_machines() {
        for (name, expected) in [("my-box", true), ("unit:machine-x.scope", false), (".#my-boxab12", false)] {
            assert_eq!(is_machine(&Path::new(DIR).join(name)), expected, "{name}");
        }
    }
}
