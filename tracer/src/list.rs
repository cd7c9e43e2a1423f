//! Batches from a list: the source that tests and examples use.

use std::collections::VecDeque;
use std::time::Duration;

use crate::batch::{Batch, Detail, Focus, OwnerId, Session, Source, Status};

pub struct ListSource {
    session: Session,
    batches: VecDeque<Batch>,
    /// Owners that were ignored, in order.
    pub ignored: Vec<OwnerId>,
    /// What was asked for last.
    pub focus: (Option<Detail>, Vec<OwnerId>),
}

impl ListSource {
    pub fn new(session: Session, batches: impl IntoIterator<Item = Batch>) -> Self {
        Self {
            session,
            batches: batches.into_iter().collect(),
            ignored: Vec::new(),
            focus: (None, Vec::new()),
        }
    }
}

impl Source for ListSource {
    fn session(&self) -> &Session {
        &self.session
    }

    fn poll(&mut self, batch: &mut Batch, _sample: bool) -> anyhow::Result<Status> {
        match self.batches.pop_front() {
            Some(next) => {
                *batch = next;
                Ok(Status::Busy)
            }
            None => Ok(Status::End),
        }
    }

    fn wait(&self, _limit: Duration) {}

    fn stop(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn ignore(&mut self, owner: OwnerId) -> anyhow::Result<()> {
        self.ignored.push(owner);
        Ok(())
    }

    fn focus(&mut self, detail: Option<Detail>, owners: &[OwnerId]) -> anyhow::Result<Focus> {
        self.focus = (detail, owners.to_vec());
        Ok(Focus::Ready)
    }
}
