//! A directory that stands for `/`: the machine's own, a container's (`/proc/PID/root`), a test's. What
//! lies in a container's is hostile, so no path and no symbolic link leads out of it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, lstat, open, openat2};
use rustix::io::Errno;
use serde::de::DeserializeOwned;

use super::state::{self, DIR_MAX, Stamp, StateError};

/// How often the kernel is asked again when a path with `..` in it met a rename or a mount elsewhere:
/// <https://github.com/torvalds/linux/blob/v6.12/fs/namei.c> (`handle_dots`).
const TRIES: usize = 8;

/// Paths that are given to it look absolute and start at the directory.
#[derive(Clone, Debug)]
pub struct Root {
    dir: Arc<OwnedFd>,
    path: Arc<Path>,
    user: Option<u32>,
}

impl Root {
    /// Holds the directory open, so `/proc/PID/root` stays the same container's, whoever gets the pid;
    /// and its file system stays there as long as this does.
    pub fn new(path: &Path) -> Result<Self, StateError> {
        let dir = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|e| StateError::Read { path: path.to_owned(), cause: e.into() })?;
        Ok(Self { dir: Arc::new(dir), path: path.into(), user: None })
    }

    /// The same directory, but of its files only those that belong to `user`; None: all of them.
    pub fn of(&self, user: Option<u32>) -> Self {
        Self { user, ..self.clone() }
    }

    /// Whose files are used, if not everybody's.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    /// `path` as people find it.
    pub fn shown(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A regular file. Without following a link at the end: runtimes write none. Without blocking: a
    /// FIFO would never open.
    pub fn open(&self, path: &Path) -> Result<File, StateError> {
        let failed = |cause| StateError::Read { path: self.shown(path), cause };
        let file = self.openat2(path, OFlags::NOFOLLOW | OFlags::NONBLOCK).map_err(|e| failed(e.into()))?;
        let stat = fstat(&file).map_err(|e| failed(e.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(StateError::NotAFile { path: self.shown(path) });
        }
        match self.user.filter(|user| *user != stat.st_uid) {
            Some(user) => Err(StateError::Foreign { path: self.shown(path), owner: stat.st_uid, user }),
            None => Ok(file.into()),
        }
    }

    /// The text of a file, lossy where it is not UTF-8.
    pub fn text(&self, path: &Path) -> Result<String, StateError> {
        state::read(self.open(path)?, || self.shown(path))
    }

    /// The fields of `T` from a JSON file.
    pub fn json<T: DeserializeOwned>(&self, path: &Path) -> Result<T, StateError> {
        serde_json::from_str(&self.text(path)?)
            .map_err(|cause| StateError::Json { path: self.shown(path), cause })
    }

    /// The fields of `T` from a TOML file.
    pub fn toml<T: DeserializeOwned>(&self, path: &Path) -> Result<T, StateError> {
        toml::from_str(&self.text(path)?)
            .map_err(|cause| StateError::Toml { path: self.shown(path), cause: Box::new(cause) })
    }

    /// A process id, alone in a file.
    pub fn pid(&self, path: &Path) -> Result<u32, StateError> {
        let text = self.text(path)?;
        let pid = text.trim().parse().ok().filter(|pid| *pid != 0);
        pid.ok_or_else(|| StateError::Content { path: self.shown(path), expected: "a process id" })
    }

    /// The paths in a directory, at most [`DIR_MAX`]; none if it is not there.
    pub fn names(&self, dir: &Path) -> Vec<PathBuf> {
        let Ok(entries) = self.openat2(dir, OFlags::DIRECTORY | OFlags::NONBLOCK).and_then(Dir::new) else {
            return Vec::new();
        };
        let entries = entries.filter_map(Result::ok).take(DIR_MAX);
        let names = entries.map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
        names.filter(|name| name != "." && name != "..").map(|name| dir.join(name)).collect()
    }

    pub fn is_dir(&self, path: &Path) -> bool {
        self.stat(path).is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// Whom it belongs to.
    pub fn owner(&self, path: &Path) -> Option<u32> {
        self.stat(path).map(|stat| stat.st_uid)
    }

    pub fn stamp(&self, path: &Path) -> Option<Stamp> {
        self.stat(path).map(|stat| Stamp::of(&stat))
    }

    fn stat(&self, path: &Path) -> Option<Stat> {
        // There is no way out of `/` itself, and this is asked for a lot: it takes half as long.
        if &*self.path == Path::new("/") {
            return lstat(path).ok();
        }
        fstat(self.openat2(path, OFlags::PATH | OFlags::NOFOLLOW).ok()?).ok()
    }

    fn openat2(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let open = || openat2(&*self.dir, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
        for _ in 1..TRIES {
            match open() {
                Err(Errno::AGAIN) => {}
                done => return done,
            }
        }
        open()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, mknodat};

    use super::super::testing::put;
    use super::*;

    /// A root beside a secret, which is none of its business.
    struct Jail(tempfile::TempDir);

    impl Jail {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            put(dir.path(), "secret/state.json", "secret");
            put(dir.path(), "root/run/here", "here");
            Self(dir)
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.path().join("root").join(name)
        }

        fn root(&self) -> Root {
            Root::new(&self.at("")).unwrap()
        }
    }

    #[test]
    fn no_link_leads_out() {
        let jail = Jail::new();
        let outside = jail.0.path().join("secret");
        symlink(&outside, jail.at("absolute")).unwrap();
        symlink("../secret", jail.at("relative")).unwrap();
        symlink("../../../../../../../../../../../..", jail.at("up")).unwrap();
        symlink("/proc/self/root", jail.at("magic")).unwrap();
        symlink("loop", jail.at("loop")).unwrap();
        let root = jail.root();
        let below_up = Path::new("/up").join(outside.strip_prefix("/").unwrap());
        for dir in ["/absolute", "/relative", "/magic/etc", "/loop", "/../secret", "/run/../../secret"]
            .map(PathBuf::from)
            .into_iter()
            .chain([below_up])
        {
            let error = root.text(&dir.join("state.json")).expect_err(&dir.to_string_lossy()).to_string();
            assert!(error.contains("state.json: "), "{error}");
            assert!(root.names(&dir).is_empty(), "{}", dir.display());
            assert_eq!(root.stamp(&dir.join("state.json")), None);
        }
    }

    #[test]
    fn a_link_that_leads_out_is_taken_for_one_inside() {
        let jail = Jail::new();
        symlink("/../../run", jail.at("var")).unwrap();
        assert_eq!(jail.root().text(Path::new("/var/here")).unwrap(), "here");
        assert_eq!(jail.root().names(Path::new("/var")), [PathBuf::from("/var/here")]);
    }

    #[test]
    fn a_process_s_own_links_are_not_followed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        let root = Root::new(Path::new("/")).unwrap();
        assert!(root.text(Path::new("/proc/self/status")).is_ok());
        assert!(root.open(&PathBuf::from(format!("/proc/self/fd/{fd}"))).is_err());
        assert!(root.open(Path::new("/proc/self/root/proc/self/status")).is_err());
        assert!(root.open(Path::new("/proc/self/cwd/Cargo.toml")).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_an_error_that_names_it() {
        let jail = Jail::new();
        symlink("/run/here", jail.at("link")).unwrap();
        mknodat(CWD, jail.at("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(jail.at("socket")).unwrap();
        for name in ["missing", "link", "fifo", "socket", "run", ""] {
            let error = jail.root().open(&Path::new("/").join(name)).expect_err(name).to_string();
            assert!(error.contains(&jail.at(name).display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_users_files_are_those_that_belong_to_him() {
        let jail = Jail::new();
        let owner = jail.root().owner(Path::new("/run/here")).unwrap();
        assert!(jail.root().of(Some(owner)).text(Path::new("/run/here")).is_ok());
        let error = jail.root().of(Some(owner + 1)).text(Path::new("/run/here")).unwrap_err().to_string();
        assert!(error.contains(&format!("it belongs to user {owner}, not to user {}", owner + 1)), "{error}");
    }

    #[test]
    fn a_listing_is_bounded() {
        let jail = Jail::new();
        for at in 0..=DIR_MAX {
            File::create(jail.at(&format!("run/{at}"))).unwrap();
        }
        assert!(jail.root().names(Path::new("/run")).len() <= DIR_MAX);
    }

    #[test]
    fn a_pid_file_holds_a_pid() {
        let jail = Jail::new();
        for (content, expected) in
            [("12\n", Some(12)), ("7", Some(7)), ("0", None), ("", None), ("-1", None), ("99999999999", None)]
        {
            fs::write(jail.at("pid"), content).unwrap();
            assert_eq!(jail.root().pid(Path::new("/pid")).ok(), expected, "{content:?}");
        }
    }

    #[test]
    fn a_root_that_is_not_there_is_an_error_that_names_it() {
        let error = Root::new(Path::new("/nonexistent/root")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/root: No such file"), "{error}");
    }
}
