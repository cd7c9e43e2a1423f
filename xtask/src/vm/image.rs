//! The virtual machine's files: an initramfs with the tests, what they need of this machine at the paths
//! that it has here, and nothing else.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::kernel::Kernel;
use crate::build::Executable;
use crate::command::{output, run};
use crate::root;

/// Which of this machine's programs come along; what else a test may need is `BUILT_IN`. Not catatonit, so no pods: their
/// first container does not start there (runc: `error reopening /dev/null inside container: operation not
/// permitted`).
pub const PROGRAMS: [&str; 7] = ["busybox", "runc", "crun", "podman", "conmon", "setpriv", "tmux"];

/// The guest's kernel has BTF, its user is root, and what gcc is for was compiled here.
const BUILT_IN: [&str; 3] = ["root", "BTF", "gcc"];

/// What tmux wants to know of the terminal that it is, and of the characters.
const TERMINALS: [&str; 3] = ["/lib/terminfo/l/linux", "/lib/terminfo/s/screen", "/usr/lib/locale/C.utf8"];

/// As in Debian: the dynamic loader and the libraries are looked for at either.
const LINKS: [(&str, &str); 4] =
    [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")];

const FOLDERS: [&str; 8] = ["dev", "etc/containers", "proc", "root", "sys", "tests", "tmp", "var/tmp"];

const FILES: [(&str, &str); 5] = [
    ("init", include_str!("init.sh")),
    ("etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    // podman does not start without: images are made here, and none is fetched.
    ("etc/containers/policy.json", r#"{"default": [{"type": "insecureAcceptAnything"}]}"#),
    (
        "etc/containers/storage.conf",
        "[storage]\ndriver = \"overlay\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n",
    ),
];

/// Whether a test has this in the guest, as it is named in the test's list of needs.
pub fn has(need: &str) -> bool {
    PROGRAMS.contains(&need) || BUILT_IN.contains(&need)
}

/// What becomes an initramfs.
pub struct Image {
    folder: PathBuf,
}

impl Image {
    /// With the programs and these tests of the binary, built together with `ctrace`.
    pub fn new(folder: PathBuf, binary: &Executable, ctrace: &Path, tests: &[String]) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        let image = Self { folder };
        for name in FOLDERS.into_iter().chain(LINKS.map(|(_, to)| to)) {
            fs::create_dir_all(image.path(name)).with_context(|| format!("cannot make {name}"))?;
        }
        for (name, to) in LINKS {
            symlink(to, image.path(name))?;
        }
        for (name, text) in FILES {
            fs::write(image.path(name), text)?;
        }
        fs::set_permissions(image.path("init"), fs::Permissions::from_mode(0o755))?;
        image.system()?;
        image.tests(binary, ctrace, tests)?;
        Ok(image)
    }

    fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        self.folder.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    fn system(&self) -> Result<()> {
        let programs = PROGRAMS.iter().map(|name| find(name)).collect::<Result<Vec<_>>>()?;
        self.copy(&programs)?;
        self.copy(libraries(&programs)?)?;
        self.copy(TERMINALS)
    }

    /// At their own paths, which are compiled into them.
    fn tests(&self, binary: &Executable, ctrace: &Path, tests: &[String]) -> Result<()> {
        let target = ctrace.ancestors().nth(2).context("ctrace lies in no target folder")?;
        self.copy([target.join("tmp/programs"), root().join("tests/programs")])?;
        fs::create_dir_all(self.path(&binary.package))?;
        let programs = [&binary.path, ctrace];
        for program in programs {
            let inside = self.path(program);
            fs::create_dir_all(inside.parent().unwrap_or(&inside))?;
            // Debug information is nine tenths of them.
            run(Command::new("strip").arg("--strip-debug").arg("-o").arg(inside).arg(program))?;
        }
        self.copy(libraries(programs)?)?;
        symlink(&binary.path, self.path("tests/binary"))?;
        symlink(&binary.package, self.path("tests/package"))?;
        fs::write(self.path("tests/names"), tests.join("\n") + "\n")?;
        Ok(())
    }

    /// Each to the path that it has here, with its time: that tells whether a program is older than its source.
    fn copy(&self, paths: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
        let mut cp = Command::new("cp");
        // There, the path inside the image is valid outside as well: cp 9.1 looks up the times of parents by it.
        cp.current_dir("/");
        cp.args(["--recursive", "--dereference", "--parents", "--preserve=mode,timestamps"]);
        output(cp.args(paths).arg(&self.folder)).map(drop)
    }

    /// Adds what depends on the kernel and writes the archive.
    pub fn pack(&self, kernel: &Kernel, archive: &Path) -> Result<()> {
        let module = self.path("tests/overlay.ko");
        if kernel.overlay.extension() == Some(OsStr::new("xz")) {
            let file = File::create(&module)?;
            run(Command::new("xz").args(["--decompress", "--stdout"]).arg(&kernel.overlay).stdout(file))?;
        } else {
            fs::copy(&kernel.overlay, &module)?;
        }
        // Not compressed: an emulated processor takes longer to unpack it than the host to read it.
        let names = Command::new("find").arg(".").current_dir(&self.folder).stdout(Stdio::piped()).spawn();
        let mut names = names.context("cannot start find")?;
        let listed = names.stdout.take().context("find has no output")?;
        let file = File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
        let mut cpio = Command::new("cpio");
        cpio.args(["--create", "--format=newc", "--owner=0:0", "--quiet"]);
        run(cpio.current_dir(&self.folder).stdin(listed).stdout(file))?;
        if !names.wait()?.success() {
            bail!("{} cannot be listed", self.folder.display());
        }
        Ok(())
    }
}

fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(program));
    found
        .find(|file| file.is_file())
        .with_context(|| format!("the virtual machine needs {program}: `cargo xtask test` installs it"))
}

/// The libraries and the loaders of programs; a static one has none.
fn libraries(programs: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Vec<String>> {
    let listed = Command::new("ldd").args(programs).output().context("cannot start ldd")?;
    Ok(paths(&String::from_utf8_lossy(&listed.stdout)))
}

/// Of lines as `/usr/bin/crun:`, `libc.so.6 => /lib/libc.so.6 (0x7f00)`, `/lib64/ld.so (0x7f00)`.
fn paths(listed: &str) -> Vec<String> {
    let words = listed.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':'));
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_ldd() {
        let listed = "/usr/bin/crun:\n\tlinux-vdso.so.1 (0x00007ffc)\n\
            \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(paths(listed), ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert!(paths("\tnot a dynamic executable\n").is_empty());
    }
}
