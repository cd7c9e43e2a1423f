//! The root file system that all containers of the tests have: busybox and the workload programs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::process::{program, run};

const PROGRAMS: [&str; 3] = ["calls", "denied", "pulse"];

/// Makes it in `folder`, which must be new.
pub fn make(folder: &Path) {
    for part in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir_all(folder.join(part)).expect("a new folder can be filled");
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

/// The folder of the compiled workload programs.
pub fn programs() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/programs");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        for name in PROGRAMS {
            run(program("gcc")
                .args(["-static", "-O2", "-Wall", "-Werror", "-o"])
                .arg(folder.join(name))
                .arg(sources.join(name).with_extension("c")))
            .expect(0);
        }
        folder
    })
}
