//! What the tests of the modules beside this one share.

use std::fs;
use std::path::Path;

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

/// A runc state with what we read of it; the cgroup is below `/sys/fs/cgroup`.
pub fn runc_state(id: &str, pid: u32, cgroup: &str) -> String {
    format!(
        r#"{{"id":"{id}","init_process_pid":{pid},"cgroup_paths":{{"":"/sys/fs/cgroup{cgroup}"}},"config":{{"labels":["bundle=/srv/{id}"]}}}}"#
    )
}
