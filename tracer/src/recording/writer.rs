//! Batches to a file.

use std::io::{self, Write};

use serde_json::json;
use tracer_common::CONTRACT_VERSION;

use super::frame::{self, kind};
use super::{MAGIC, blank, sample};
use crate::batch::{Batch, Session};

pub struct Recorder<W: Write> {
    to: W,
    scratch: Vec<u8>,
}

impl<W: Write> Recorder<W> {
    pub fn new(mut to: W, session: &Session) -> io::Result<Self> {
        to.write_all(&MAGIC)?;
        let head = json!({ "contract": CONTRACT_VERSION, "session": session });
        frame::write(&mut to, kind::SESSION, &serde_json::to_vec(&head)?)?;
        Ok(Self { to, scratch: Vec::new() })
    }

    /// An empty batch leaves no trace.
    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let Batch { now_ns, identities, records, sample } = batch;
        if identities.is_empty() && records.is_empty() && sample.is_none() {
            return Ok(());
        }
        if !identities.is_empty() {
            frame::write(&mut self.to, kind::IDENTITIES, &serde_json::to_vec(identities)?)?;
        }
        if !records.is_empty() {
            blank::blank(records, &mut self.scratch);
            frame::write(&mut self.to, kind::RECORDS, &self.scratch)?;
        }
        if let Some(sample) = sample {
            self.scratch.clear();
            sample::write(sample, &mut self.scratch);
            frame::write(&mut self.to, kind::SAMPLE, &self.scratch)?;
        }
        frame::write(&mut self.to, kind::BATCH, &now_ns.to_le_bytes())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    pub fn finish(mut self) -> io::Result<()> {
        frame::write(&mut self.to, kind::END, &[])?;
        self.to.flush()
    }
}
