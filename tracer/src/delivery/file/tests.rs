use std::fs;
use std::sync::{Arc, Mutex};

use super::super::spec::Compression;
use super::*;

const NEVER: Rotation = Rotation { size: None, age: None, keep: 3, compression: Compression::None };

fn take(file: &mut LogFile, lines: &str) {
    let progress = file.deliver(lines.as_bytes());
    assert!(progress.stop.is_none() && progress.missed.is_empty(), "{progress:?}");
    assert_eq!(progress.done, Progress::ALL);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn it_is_its_owners_alone_and_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    take(&mut LogFile::open(&path, NEVER, SystemTime::now).unwrap(), "a\n");
    take(&mut LogFile::open(&path, NEVER, SystemTime::now).unwrap(), "b\nc\n");
    assert_eq!(read(&path), "a\nb\nc\n");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    fs::write(&path, "torn").unwrap();
    take(&mut LogFile::open(&path, NEVER, SystemTime::now).unwrap(), "d\n");
    assert_eq!(read(&path), "torn\nd\n");
    assert!(LogFile::open(folder.path(), NEVER, SystemTime::now).is_err());
}

#[test]
fn a_file_that_was_replaced_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("x"), folder.path().join("x.old"));
    let mut file = LogFile::open(&path, NEVER, SystemTime::now).unwrap();
    take(&mut file, "a\n");
    fs::rename(&path, &away).unwrap();
    take(&mut file, "b\n");
    assert_eq!(read(&away), "a\nb\n", "whoever moved it makes the new one");
    fs::write(&path, "").unwrap();
    take(&mut file, "c\n");
    fs::rename(&path, &away).unwrap();
    file.reopen();
    take(&mut file, "d\n");
    assert_eq!(read(&path), "d\n", "asked for, it makes the new one");
    fs::remove_file(&path).unwrap();
    take(&mut file, "e\n");
    assert_eq!(read(&path), "e\n", "what was removed nobody will read");
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    take(&mut file, "f\n");
    assert_eq!(read(&path), "f\n", "no hole where it was cut off");
}

#[test]
fn a_folder_that_is_gone_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs/x");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let mut file = LogFile::open(&path, NEVER, SystemTime::now).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert!(matches!(file.deliver(b"a\n").stop, Some(Failure::Unreachable(_))));
    fs::create_dir(path.parent().unwrap()).unwrap();
    take(&mut file, "a\n");
    assert_eq!(read(&path), "a\n");
}

#[test]
fn it_is_rotated_by_size_in_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let rotation = Rotation { size: Some(8), ..NEVER };
    let mut file = LogFile::open(&path, rotation, SystemTime::now).unwrap();
    for line in ["aaa\n", "bbb\n", "ccc\n", "a line that is too long\n", "d\n"] {
        take(&mut file, line);
    }
    let older = |nth: u32| read(&folder.path().join(format!("x.{nth}")));
    assert_eq!(
        [read(&path), older(1), older(2), older(3)],
        ["d\n", "a line that is too long\n", "ccc\n", "aaa\nbbb\n"]
    );
}

#[test]
fn it_is_rotated_by_age_even_while_nothing_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let rotation = Rotation { age: Some(Duration::from_hours(1)), ..NEVER };
    let clock = Arc::new(Mutex::new(SystemTime::now()));
    let read_clock = Arc::clone(&clock);
    let mut file = LogFile::open(&path, rotation, move || *read_clock.lock().unwrap()).unwrap();
    take(&mut file, "a\n");
    file.tick();
    assert_eq!(read(&path), "a\n");
    *clock.lock().unwrap() += Duration::from_hours(1);
    file.tick();
    assert_eq!([read(&path), read(&folder.path().join("x.1"))], ["", "a\n"]);
}

#[test]
fn a_full_device_takes_nothing_and_says_so() {
    let mut file = LogFile::open(Path::new("/dev/full"), NEVER, SystemTime::now).unwrap();
    let progress = file.deliver(b"a\nb\n");
    assert_eq!(progress.done, 0);
    assert!(matches!(progress.stop, Some(Failure::NoRoom(_))), "{progress:?}");
}
