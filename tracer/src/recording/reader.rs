//! A file to batches.

use std::io::{self, Read};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tracer_common::CONTRACT_VERSION;
use tracer_common::config::feature;

use super::frame::{self, kind};
use super::{MAGIC, sample};
use crate::batch::{Batch, Detail, Focus, OwnerId, Session, Source, Status};

/// Why a recording cannot be read, or not to its end.
#[derive(Debug, Error)]
pub enum ReplayError {
    #[error("it is no recording of ctrace")]
    NotARecording,
    #[error("it was made by another version of ctrace (contract {found}, this one reads {CONTRACT_VERSION})")]
    Version { found: u32 },
    #[error("it ends in the middle, at byte {at}: the recorder was stopped before it could finish")]
    Cut { at: u64 },
    #[error("it is damaged at byte {at}")]
    Damaged { at: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Only this can be trusted to be there in a recording of another version.
#[derive(Deserialize)]
struct Version {
    contract: u32,
}

#[derive(Deserialize)]
struct Head {
    session: Session,
}

pub struct Replay<R> {
    from: R,
    at: u64,
    session: Session,
    payload: Vec<u8>,
    /// What ended it early, for who asks.
    problem: Option<ReplayError>,
    ended: bool,
}

impl<R: Read> Replay<R> {
    pub fn new(mut from: R) -> Result<Self, ReplayError> {
        let mut magic = [0; MAGIC.len()];
        if frame::fill(&mut from, &mut magic)? < MAGIC.len() || magic != MAGIC {
            return Err(ReplayError::NotARecording);
        }
        let (mut at, mut payload) = (MAGIC.len() as u64, Vec::new());
        if frame::read(&mut from, &mut at, &mut payload)? != Some(kind::SESSION) {
            return Err(ReplayError::Damaged { at });
        }
        let damaged = |_| ReplayError::Damaged { at: MAGIC.len() as u64 };
        let Version { contract } = serde_json::from_slice(&payload).map_err(damaged)?;
        if contract != CONTRACT_VERSION {
            return Err(ReplayError::Version { found: contract });
        }
        let Head { session } = serde_json::from_slice(&payload).map_err(damaged)?;
        Ok(Self { from, at, session, payload, problem: None, ended: false })
    }

    /// Why it ended before its end, if it did.
    pub fn problem(&self) -> Option<&ReplayError> {
        self.problem.as_ref()
    }

    fn fill(&mut self, batch: &mut Batch) -> Result<Status, ReplayError> {
        loop {
            let at = self.at;
            let damaged = || ReplayError::Damaged { at };
            let Some(kind) = frame::read(&mut self.from, &mut self.at, &mut self.payload)? else {
                return Err(ReplayError::Cut { at });
            };
            match kind {
                kind::IDENTITIES => {
                    batch.identities = serde_json::from_slice(&self.payload).ok().ok_or_else(damaged)?;
                }
                kind::RECORDS => batch.records.extend_from_slice(&self.payload),
                kind::SAMPLE => batch.sample = Some(sample::read(&self.payload).ok_or_else(damaged)?),
                kind::BATCH => {
                    let time = self.payload.as_slice().try_into().ok().ok_or_else(damaged)?;
                    batch.now_ns = u64::from_le_bytes(time);
                    return Ok(Status::Busy);
                }
                kind::END => return Ok(Status::End),
                _ => return Err(damaged()),
            }
        }
    }
}

impl<R: Read> Source for Replay<R> {
    fn session(&self) -> &Session {
        &self.session
    }

    /// The next batch. A recording that breaks off ends there; see [`Replay::problem`].
    fn poll(&mut self, batch: &mut Batch, _sample: bool) -> anyhow::Result<Status> {
        if self.ended {
            return Ok(Status::End);
        }
        match self.fill(batch) {
            Ok(status) => {
                self.ended = status == Status::End;
                Ok(status)
            }
            Err(ReplayError::Io(error)) => Err(error.into()),
            Err(problem) => {
                log::warn!("the recording is not whole: {problem}; what came before is shown");
                // A batch without its end is not trusted.
                batch.clear();
                self.problem = Some(problem);
                self.ended = true;
                Ok(Status::End)
            }
        }
    }

    fn wait(&self, _limit: Duration) {}

    fn stop(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn ignore(&mut self, _owner: OwnerId) -> anyhow::Result<()> {
        Ok(())
    }

    fn focus(&mut self, detail: Option<Detail>, _: &[OwnerId]) -> anyhow::Result<Focus> {
        let has = |feature: u32| self.session.features & feature != 0;
        Ok(match detail {
            Some(Detail::Processes) if !has(feature::PROCESSES) => {
                Focus::Unavailable("this recording was made without counts by process".to_owned())
            }
            Some(Detail::Records) if !has(feature::SYSCALL_RECORDS) => {
                Focus::Unavailable("this recording was made without records of calls".to_owned())
            }
            // Checks of capabilities are there for as long as somebody looked at them.
            Some(_) | None => Focus::Ready,
        })
    }
}
