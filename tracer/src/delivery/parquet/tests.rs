use std::collections::BTreeMap;
use std::time::Duration;

use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::*;
use crate::delivery::spec;

#[expect(clippy::unnecessary_wraps, reason = "as it is given")]
fn rotation(size: Option<u64>, age: Option<u64>) -> Option<Rotation> {
    let age = age.map(Duration::from_secs);
    Some(Rotation { size, age, keep: 3, compression: spec::Compression::None })
}

fn lines(range: std::ops::Range<usize>) -> Vec<u8> {
    range.flat_map(|seq| format!("{{\"event\":{{\"seq\":{seq}}}}}\n").into_bytes()).collect()
}

/// Lines of each file in the folder that can be read.
fn files(folder: &TempDir) -> BTreeMap<String, Vec<String>> {
    let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
    entries
        .filter_map(|entry| {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(entry.path()).unwrap()).ok()?;
            let batches = reader.build().unwrap().map(Result::unwrap);
            let records = batches.flat_map(|batch| {
                let records = batch.column_by_name("record").unwrap().as_string::<i32>().clone();
                records.iter().map(|record| record.unwrap().to_owned()).collect::<Vec<_>>()
            });
            Some((entry.file_name().into_string().unwrap(), records.collect()))
        })
        .collect()
}

fn text(lines: &[u8]) -> Vec<String> {
    String::from_utf8(lines.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

#[track_caller]
fn deliver(parquet: &mut Parquet, lines: &[u8]) {
    let progress = parquet.deliver(lines);
    assert!(progress.stop.is_none(), "{progress:?}");
    assert_eq!((progress.done, progress.late), (Progress::ALL, 0));
}

#[test]
fn a_file_has_its_name_when_it_is_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    fs::write(&path, "an older one").unwrap();
    let mut parquet = Parquet::create(&path, None).unwrap();
    deliver(&mut parquet, &lines(0..10_000));
    deliver(&mut parquet, &lines(10_000..10_001));
    assert_eq!(fs::read(&path).unwrap(), b"an older one");
    assert!(files(&folder).is_empty());
    assert_eq!(parquet.tick().lost, 0);
    assert!(parquet.close().error.is_none());
    assert_eq!(files(&folder), BTreeMap::from([("x.parquet".to_owned(), text(&lines(0..10_001)))]));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn without_events_it_is_a_table_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut parquet = Parquet::create(&folder.path().join("x"), None).unwrap();
    assert!(parquet.close().error.is_none());
    assert_eq!(files(&folder), BTreeMap::from([("x".to_owned(), vec![])]));
}

#[test]
fn files_that_are_put_aside_are_whole_and_together_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut parquet = Parquet::create(&folder.path().join("x"), rotation(Some(1), None)).unwrap();
    for start in [0, 10, 20] {
        deliver(&mut parquet, &lines(start..start + 10));
    }
    let names = [("x", 20..30), ("x.1", 10..20), ("x.2", 0..10)];
    let expected: BTreeMap<_, _> = names.map(|(name, range)| (name.to_owned(), text(&lines(range)))).into();
    assert_eq!(files(&folder), expected);
    // Nothing came since.
    assert!(parquet.close().error.is_none());
    assert_eq!(files(&folder), expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn age_is_looked_at_without_events_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut parquet = Parquet::create(&folder.path().join("x"), rotation(None, Some(3600))).unwrap();
    deliver(&mut parquet, &lines(0..1));
    parquet.tick();
    assert!(files(&folder).is_empty());
    parquet.rotation = rotation(None, Some(0));
    assert!(parquet.tick().error.is_none());
    assert_eq!(files(&folder).len(), 1);
    parquet.tick();
    parquet.reopen();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "an empty one is never put aside");
}

#[test]
fn a_signal_ends_a_file_where_several_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut parquet = Parquet::create(&folder.path().join("x"), rotation(None, Some(3600))).unwrap();
    deliver(&mut parquet, &lines(0..1));
    parquet.reopen();
    deliver(&mut parquet, &lines(1..2));
    parquet.close();
    assert_eq!(files(&folder).keys().collect::<Vec<_>>(), ["x", "x.1"]);
}

#[test]
fn memory_is_bounded_by_rows_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut parquet = Parquet::create(&folder.path().join("x"), None).unwrap();
    let line = |seq: u64| format!("{{\"message\":\"{seq}{}\"}}\n", "x".repeat(60 << 10)).into_bytes();
    let mut most = 0;
    for seq in 0_u64..400 {
        deliver(&mut parquet, &line(seq.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let writer = &parquet.file.as_ref().unwrap().writer;
        most = most.max(parquet.rows.bytes() + writer.in_progress_size());
    }
    assert!(most < GROUP + 3 * BYTES, "{most}");
}

#[test]
fn what_was_in_a_file_that_cannot_be_ended_is_lost_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("y");
    fs::create_dir(&place).unwrap();
    let mut parquet = Parquet::create(&place.join("x"), rotation(Some(1), None)).unwrap();
    parquet.rotation = None;
    deliver(&mut parquet, &lines(0..7));
    parquet.rotation = rotation(Some(1), None);
    fs::remove_dir_all(&place).unwrap();
    let progress = parquet.deliver(&lines(7..9));
    assert_eq!((progress.done, progress.late), (0, 7));
    let Some(Failure::NoRoom(error)) = progress.stop else { panic!() };
    assert_eq!(super::super::cause(&error), "No such file or directory (ENOENT)");
    // It comes back.
    fs::create_dir(&place).unwrap();
    deliver(&mut parquet, &lines(7..9));
    assert!(place.join("x").exists());
    deliver(&mut parquet, &lines(9..10));
    parquet.rotation = None;
    deliver(&mut parquet, &lines(10..12));
    fs::remove_dir_all(&place).unwrap();
    let late = parquet.close();
    assert_eq!((late.lost, late.error.is_some()), (2, true));
}

#[test]
fn a_full_disk_is_told_by_its_name() {
    let error = cause(ParquetError::External(Box::new(io::Error::from_raw_os_error(28))));
    assert_eq!(super::super::cause(&error), "No space left on device (ENOSPC)");
    assert!(Parquet::create(Path::new("/nonexistent/x"), None).is_err());
}
