//! What the tests of the modules beside this one share.

use std::fs;
use std::os::unix::fs::lchown;
use std::path::{Path, PathBuf};

use super::Runtime;
use super::record::OciState;

/// A file of `tests/fixtures/state`.
pub fn fixture(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/state");
    fs::read_to_string(dir.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A container id of one digit.
pub fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// Writes a file and the directories above it.
pub fn put(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Some user who is not root: whoever runs the tests, if he is not.
pub fn user() -> u32 {
    let uid = rustix::process::getuid().as_raw();
    if uid == 0 { 1000 } else { uid }
}

/// Makes a file or directory [`user`]'s.
pub fn give(root: &Path, path: &str) {
    lchown(root.join(path), Some(user()), None).unwrap();
}

/// A runc state with what we read of it; the cgroup is below `/sys/fs/cgroup`.
pub fn runc_state(id: &str, pid: u32, cgroup: &str) -> String {
    format!(
        r#"{{"id":"{id}","init_process_pid":{pid},"cgroup_paths":{{"":"/sys/fs/cgroup{cgroup}"}},"config":{{"labels":["bundle=/srv/{id}"]}}}}"#
    )
}

/// A process in a `/proc`: its ids from the host's namespace inwards; started 0.12 s after boot.
pub fn process(proc: &Path, pid: u32, parent: u32, ids: &[u32], pid_ns: u32) {
    let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
    put(
        proc,
        &format!("{pid}/status"),
        &format!("Name:\tx\nPPid:\t{parent}\nUid:\t0\t0\t0\t0\nNStgid:\t{}\n", ids.join("\t")),
    );
    put(proc, &format!("{pid}/stat"), &format!("{pid} (x) S {parent}{} 12 0\n", " 0".repeat(17)));
    put(proc, &format!("{pid}/ns/x"), "");
    let link = proc.join(format!("{pid}/ns/pid"));
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(format!("pid:[{pid_ns}]"), link).unwrap();
}

/// A state of runc in which nothing but the id is known.
pub fn oci_state(id: &str) -> OciState {
    OciState {
        id: id.to_owned(),
        runtime: Runtime::Runc,
        pid: None,
        cgroup: None,
        cgroup_v1: None,
        bundle: String::new(),
        annotations: Vec::new(),
        user: None,
        started_ns: None,
        file: PathBuf::new(),
    }
}
