//! The root file system that all containers of the tests have: busybox and the workload programs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use super::process::{program, run};

/// The workloads, as `tests/programs` has them.
pub const PROGRAMS: [&str; 20] = [
    "audit", "calls", "denied", "errands", "filters", "forks", "golike", "int80", "marks", "naps", "old_abi",
    "pointers", "pulse", "rights", "ring", "serves", "signals", "slow", "threads", "workers",
];

/// Of these, the ones that need this machine's libraries, in `/usr`.
const DYNAMIC: [&str; 1] = ["threads"];

/// Where the dynamic loader and the libraries are looked for.
const LINKS: [(&str, &str); 2] = [("lib", "usr/lib"), ("lib64", "usr/lib64")];

/// Makes it in `folder`, which must be new.
pub fn make(folder: &Path) {
    for part in ["bin", "dev", "etc", "proc", "sys", "tmp", "usr"] {
        fs::create_dir_all(folder.join(part)).expect("a new folder can be filled");
    }
    for (name, to) in LINKS {
        symlink(to, folder.join(name)).expect("a new folder can be filled");
    }
    fs::write(folder.join("etc/hostname"), "from-the-image\n").expect("a new folder can be filled");
    let bin = folder.join("bin");
    let busybox = busybox();
    fs::copy(&busybox, bin.join("busybox")).expect("busybox can be copied");
    let applets = run(program("busybox").arg("--list")).expect(0).stdout;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", bin.join(applet)).expect("applets have different names");
    }
    for name in PROGRAMS {
        fs::copy(programs().join(name), bin.join(name)).expect("the programs were compiled");
    }
}

/// The static one: a container has no libraries.
fn busybox() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("busybox"))
        .find(|file| file.is_file())
        .expect("`busybox` is not on the PATH: `cargo xtask test` installs it")
}

/// The folder of the compiled workload programs. What is newer than its source is not compiled again.
pub fn programs() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        for name in PROGRAMS {
            let (program, source) = (folder.join(name), sources.join(name).with_extension("c"));
            if modified(&program) < modified(&source) {
                compile(&source, &program, !DYNAMIC.contains(&name));
            }
        }
        folder
    })
}

/// None, before any time: there is no such file.
fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

fn compile(source: &Path, program: &Path, is_static: bool) {
    let mut gcc = super::process::program("gcc");
    if is_static {
        gcc.arg("-static");
    }
    run(gcc.args(["-O2", "-Wall", "-Werror", "-o"]).arg(program).arg(source)).expect(0);
}
