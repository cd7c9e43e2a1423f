//! The recording that ships inside the binary: what ctrace shows, before anybody gives it privileges.
//! `cargo xtask demo` makes it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use ruzstd::decoding::StreamingDecoder;

use crate::exit::{Code, Refusal};
use crate::recording::Replay;

/// A recording, compressed by zstd: half the size that zlib gives.
const DEMO: &[u8] = include_bytes!("../demo.ctrace.zst");

/// The recording in `file`; None: the one inside.
pub fn recording(file: Option<&Path>) -> Result<Replay<Box<dyn Read + Send>>> {
    let Some(path) = file else { return own() };
    let file = File::open(path).with_context(|| format!("cannot open the recording {}", path.display()))?;
    let from: Box<dyn Read + Send> = Box::new(BufReader::new(file));
    Replay::new(from).with_context(|| format!("cannot read the recording {}", path.display()))
}

fn own() -> Result<Replay<Box<dyn Read + Send>>> {
    let bytes = StreamingDecoder::new(DEMO)
        .context("the demo inside this binary is damaged; install ctrace again")?;
    let from: Box<dyn Read + Send> = Box::new(bytes);
    Replay::new(from).context("cannot read the demo inside this binary; `cargo xtask demo` makes it anew")
}

/// What can be looked at without privileges, for who has none.
pub(super) fn offer(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Refusal>() {
        Ok(Refusal { code: Code::NotPermitted, message }) => {
            let offer = "without privileges: `ctrace top --demo` shows what it is like, \
                `ctrace top --replay FILE` a recording";
            Refusal { code: Code::NotPermitted, message: format!("{message}\n  {offer}") }.into()
        }
        Ok(refusal) => refusal.into(),
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::super::drive::{self, Flow};
    use super::super::signals::Stop;
    use super::*;
    use crate::batch::{Batch, Source, Status};
    use crate::filter::Wanted;
    use crate::model::Model;
    use crate::pipeline::Pipeline;
    use crate::recording::Recorder;
    use crate::snapshot::{Aspect, Demand, Only, Snapshot};

    /// Bytes that the demo may add to the binary.
    const BUDGET: usize = 400_000;

    fn last_snapshot() -> Snapshot {
        let source = own().unwrap();
        let model = Model::new(source.session().clone(), u64::MAX);
        let mut pipeline = Pipeline::new(source, model, Wanted::default());
        let processes = Demand { aspect: Aspect::Processes, of: None, only: Only::default() };
        pipeline.demand(Some(processes)).unwrap();
        drive::replay(&mut pipeline, &Stop::default(), |_| Ok(Flow::On)).unwrap();
        assert!(pipeline.source.problem().is_none(), "{:?}", pipeline.source.problem());
        pipeline.snapshot()
    }

    #[test]
    fn it_is_small() {
        assert!(DEMO.len() <= BUDGET, "{} bytes", DEMO.len());
    }

    #[test]
    fn it_shows_what_ctrace_can_show() {
        let snapshot = last_snapshot();
        let names: Vec<&str> = snapshot.rows.iter().map(crate::snapshot::Row::name).collect();
        assert!(snapshot.rows.len() >= 8, "{names:?}");
        assert!(snapshot.losses.is_empty(), "{:?}", snapshot.losses);
        assert!(snapshot.rows.iter().any(|row| row.sum.total_denied > 0), "no refusals");
        assert!(snapshot.rows.iter().any(|row| row.sum.total_errors > row.sum.total_denied), "no errors");
        assert!(snapshot.rows.iter().any(|row| row.state == crate::snapshot::State::Ended), "none ended");
        let closeup = snapshot.closeup.unwrap();
        assert_eq!(closeup.unavailable, None);
        assert!(closeup.processes.len() >= 8, "{:?}", closeup.processes);
        assert!(snapshot.elapsed_ns > 30_000_000_000, "{} ns", snapshot.elapsed_ns);
    }

    #[test]
    fn it_tells_nothing_of_where_it_was_made() {
        let mut bytes = Vec::new();
        StreamingDecoder::new(DEMO).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(own().unwrap().session().host_name, "demo");
        let find = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        for word in ["/root/", "/home/", "/work/", "target/", "/tmp/.tmp", "workload-", "outer-"] {
            assert!(!find(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn it_has_nothing_behind_texts() {
        let (mut source, mut again) = (own().unwrap(), Vec::new());
        let mut recorder = Recorder::new(&mut again, source.session()).unwrap();
        let mut batch = Batch::default();
        while source.poll(&mut batch, true).unwrap() != Status::End {
            recorder.write(&batch).unwrap();
            batch.clear();
        }
        recorder.finish().unwrap();
        let (mut shipped, mut again) = (own().unwrap(), Replay::new(again.as_slice()).unwrap());
        let mut other = Batch::default();
        while shipped.poll(&mut batch, true).unwrap() != Status::End {
            again.poll(&mut other, true).unwrap();
            assert!(batch.records == other.records, "`cargo xtask demo` makes it anew");
            batch.clear();
            other.clear();
        }
    }

    #[test]
    fn only_who_lacks_privileges_is_offered_it() {
        for (code, offered) in [(Code::NotPermitted, true), (Code::KernelCannot, false)] {
            let refusal = Refusal { code, message: "cannot".to_owned() };
            let error = offer(refusal.into());
            assert_eq!(Code::of(&error), code);
            assert_eq!(error.to_string().contains("--demo"), offered, "{error}");
        }
        assert_eq!(offer(anyhow::anyhow!("disk full")).to_string(), "disk full");
    }
}
