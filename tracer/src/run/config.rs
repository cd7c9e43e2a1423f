//! The configuration file: where it is, and whether it may be believed.

use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::cli::interval;
use crate::tui::Config;

/// More than any configuration has; a file by mistake ends here.
const SIZE_MAX: u64 = 256 << 10;

/// Below a folder for configuration.
const NAME: &str = "ctrace/config.toml";

/// One that may be believed.
pub(super) struct File {
    pub path: PathBuf,
    pub text: String,
}

/// What the screen is told; `given` as for [`find`].
pub(super) fn load(given: Option<&Path>) -> Result<Config> {
    let Some(File { path, text }) = find(given)? else { return Ok(Config::default()) };
    Config::read(&text, interval).map_err(|error| anyhow!("{}: {error}", path.display()))
}

/// `given`: instead of the usual ones, of which the first one counts that is there.
pub(super) fn find(given: Option<&Path>) -> Result<Option<File>> {
    if let Some(path) = given {
        return read(path)?.with_context(|| format!("there is no {}", path.display())).map(Some);
    }
    let sudo = env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    let passwd = sudo.and_then(|_| fs::read_to_string("/etc/passwd").ok());
    let home = sudo.zip(passwd).and_then(|(uid, passwd)| home(&passwd, uid));
    let folders = folders(env::var_os("XDG_CONFIG_HOME").map(Into::into), env::home_dir(), home);
    for path in folders.iter().map(|folder| folder.join(NAME)) {
        match read(&path) {
            Ok(None) => {}
            Ok(file) => return Ok(file),
            // `HOME` may be that of somebody else, as under `setpriv`: what cannot be seen there is not ours.
            Err(error) if is_out_of_reach(&error) => log::info!("{error:#}"),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn is_out_of_reach(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Where to look; `sudo`: the home of who called sudo.
fn folders(xdg: Option<PathBuf>, home: Option<PathBuf>, sudo: Option<PathBuf>) -> Vec<PathBuf> {
    let own = xdg.filter(|path| path.is_absolute()).or_else(|| home.map(|home| home.join(".config")));
    let sudo = sudo.map(|home| home.join(".config"));
    own.into_iter().chain(sudo).chain([PathBuf::from("/etc")]).collect()
}

/// Of a user, by a text like that of `/etc/passwd`.
fn home(passwd: &str, uid: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let found = fields.next()?.parse() == Ok(uid);
        let home = fields.nth(2).filter(|home| found && !home.is_empty())?;
        Some(home.into())
    })
}

/// None: it is not there.
fn read(path: &Path) -> Result<Option<File>> {
    let named = || format!("cannot read {}", path.display());
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(named),
    };
    let about = file.metadata().with_context(named)?;
    if !about.is_file() {
        bail!("{} is no file", path.display());
    }
    let ours = [
        Some(0),
        Some(rustix::process::geteuid().as_raw()),
        env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()),
    ];
    if let Some(why) = doubt(about.uid(), about.mode(), &ours) {
        bail!("{} is not read: {why}", path.display());
    }
    let mut text = String::new();
    file.take(SIZE_MAX).read_to_string(&mut text).with_context(named)?;
    Ok(Some(File { path: path.to_owned(), text }))
}

/// Why a file of this owner and mode is not to be believed.
fn doubt(uid: u32, mode: u32, ours: &[Option<u32>]) -> Option<&'static str> {
    if !ours.contains(&Some(uid)) {
        return Some("it belongs to another user; `chown` it");
    }
    (mode & 0o022 != 0).then_some("others can write to it; `chmod go-w` it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_users_own_goes_first_and_the_machines_last() {
        let found = |xdg: Option<&str>, home: Option<&str>, sudo: Option<&str>| {
            folders(xdg.map(Into::into), home.map(Into::into), sudo.map(Into::into))
        };
        assert_eq!(
            found(Some("/x"), Some("/root"), Some("/home/u")),
            ["/x", "/home/u/.config", "/etc"].map(PathBuf::from)
        );
        assert_eq!(found(Some("x"), Some("/root"), None), ["/root/.config", "/etc"].map(PathBuf::from));
        assert_eq!(found(None, None, None), [PathBuf::from("/etc")]);
    }

    #[test]
    fn homes() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbroken\nu:x:1000:1000:,,,:/home/u:/bin/sh\nn:x:7:7::";
        assert_eq!(home(passwd, 1000), Some("/home/u".into()));
        assert_eq!((home(passwd, 7), home(passwd, 8)), (None, None));
    }

    #[test]
    fn only_what_nobody_else_could_write_is_read() {
        let ours = [Some(0), Some(1000), None];
        assert_eq!((doubt(1000, 0o100_644, &ours), doubt(0, 0o100_600, &ours)), (None, None));
        assert!(doubt(1001, 0o100_600, &ours).unwrap().contains("another user"));
        assert!(doubt(0, 0o100_664, &ours).unwrap().contains("chmod go-w"));
        assert!(doubt(0, 0o100_646, &ours).is_some());
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        assert!(read(&path).unwrap().is_none());
        assert!(load(Some(&path)).err().unwrap().to_string().contains("there is no"));
        fs::write(&path, "[top]\nmouse = false\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(load(Some(&path)).unwrap().mouse, Some(false));
        fs::write(&path, "[tpo]\n").unwrap();
        let error = load(Some(&path)).err().unwrap().to_string();
        assert!(error.contains("config.toml: ") && error.contains("did you mean `top`?"), "{error}");
        assert!(read(folder.path()).is_err());
    }
}
