//! Batches through decoding, filter and model to the sinks. Knows neither clock nor kernel.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;

use anyhow::{Context, Result};
use tracer_common::loss::Loss;
use tracer_common::record::kind;

use crate::batch::{Batch, OwnerId, Source, Status};
use crate::capability::Checks;
use crate::closeup::{Closeup, OpenFiles};
use crate::container::Owner;
use crate::decode;
use crate::event::{Event, What};
use crate::filter::{AT_THE_END, Verdict, Wanted};
use crate::hold::Hold;
use crate::ledger::{Ledger, SinkBooks};
use crate::lifecycle::{ContainerEvent, Lifecycle};
use crate::metrics::{Delivered, Readings, Series};
use crate::model::Model;
use crate::origin::Origins;
use crate::recording::Recorder;
use crate::select::Select;
use crate::sink::{Fate, Lost, Sink};
use crate::snapshot::{Demand, LossRow, Snapshot};

pub struct Pipeline<S> {
    pub source: S,
    pub model: Model,
    wanted: Wanted,
    /// Where events go, and which; None: they are not looked at.
    events: Option<Events>,
    recorder: Option<Recorder<BufWriter<File>>>,
    hold: Hold,
    lifecycle: Lifecycle,
    origins: Origins,
    /// What a view looks at closely.
    closeup: Closeup,
    /// Of capabilities, where the source counts them.
    pub checks: Checks,
    batch: Batch,
    /// Beginnings and ends of containers: events that no kernel has counted.
    containers: u64,
    /// What became of these, and of the events that the kernel sent.
    delivered: u64,
    /// By type.
    counts: Delivered,
    filtered: u64,
    undecodable: u64,
    /// Nobody takes events any more: they count as filtered.
    closed: bool,
    /// Deliver no more than this.
    limit: Option<u64>,
    /// The rest of a recording is not read.
    cut_short: bool,
    reported: Vec<LossRow>,
    /// Of each sink, as it was reported.
    sinks_reported: Vec<SinkBooks>,
}

pub struct Events {
    pub sink: Box<dyn Sink + Send>,
    pub select: Select,
}

impl<S: Source> Pipeline<S> {
    pub fn new(source: S, model: Model, wanted: Wanted) -> Self {
        let closeup = Closeup::new(source.session());
        Self {
            source,
            model,
            wanted,
            events: None,
            recorder: None,
            hold: Hold::default(),
            lifecycle: Lifecycle::default(),
            origins: Origins::default(),
            closeup,
            checks: Checks::default(),
            batch: Batch::default(),
            containers: 0,
            delivered: 0,
            counts: Delivered::default(),
            filtered: 0,
            undecodable: 0,
            closed: false,
            limit: None,
            cut_short: false,
            reported: Vec::new(),
            sinks_reported: Vec::new(),
        }
    }

    #[must_use]
    pub fn with_events(mut self, events: Events) -> Self {
        self.events = Some(events);
        self
    }

    #[must_use]
    pub fn with_recorder(mut self, recorder: Recorder<BufWriter<File>>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    #[must_use]
    pub fn with_limit(mut self, limit: Option<u64>) -> Self {
        self.limit = limit;
        self
    }

    /// Whom a closeup asks for what processes had open before; without: nobody.
    #[must_use]
    pub fn with_open_files(mut self, open: Box<dyn OpenFiles + Send>) -> Self {
        self.closeup.open_files(open);
        self
    }

    /// What a view wants to know beyond the counters, from now on; None: nothing.
    pub fn demand(&mut self, demand: Option<Demand>) -> Result<()> {
        if let Some((detail, owners)) = self.closeup.demand(demand, self.model.elapsed_ns()) {
            self.source.focus(detail, &owners).context("cannot end the closer look")?;
        }
        self.focus(self.batch.now_ns)
    }

    /// Tells the source whom a view looks at, if that is somebody else now.
    fn focus(&mut self, now_ns: u64) -> Result<()> {
        if let Some((detail, owners)) = self.closeup.focus(&self.model, &self.wanted, now_ns) {
            let focus = self.source.focus(detail, &owners).context("cannot look closer")?;
            self.closeup.answered(focus);
        }
        Ok(())
    }

    /// Begins the stream of events. False: nobody reads it.
    pub fn start(&mut self) -> Result<bool> {
        match &mut self.events {
            Some(events) => events.sink.start(self.source.session()).context("cannot write events"),
            None => Ok(true),
        }
    }

    /// One poll, all the way. `Ok(None)`: the receiver of events has gone.
    pub fn step(&mut self, sample: bool) -> Result<Option<Status>> {
        self.batch.clear();
        let mut batch = std::mem::take(&mut self.batch);
        let status = self.source.poll(&mut batch, sample)?;
        if let Some(recorder) = &mut self.recorder {
            recorder.write(&batch).context("cannot write the recording")?;
        }
        self.model.apply(&batch);
        self.ignore_unwanted(&batch)?;
        if !batch.identities.is_empty() || batch.sample.is_some() {
            self.focus(batch.now_ns)?;
        }
        let open = self.deliver(&batch)?;
        if let Some(sample) = &batch.sample {
            self.closeup.sample(sample);
            self.checks.sample(sample);
        }
        let sampled = batch.sample.is_some();
        self.batch = batch;
        if !open || (sampled && !self.report_losses()?) {
            return Ok(None);
        }
        if status != Status::Busy
            && let Some(events) = &mut self.events
            && !events.sink.flush().context("cannot write events")?
        {
            return Ok(None);
        }
        Ok(Some(status))
    }

    /// The kernel need not look at what nobody wants.
    fn ignore_unwanted(&mut self, batch: &Batch) -> Result<()> {
        for identity in &batch.identities {
            if !identity.ended && self.wanted.verdict(identity, batch.now_ns) == Verdict::No {
                self.source.ignore(identity.id)?;
            }
        }
        Ok(())
    }

    /// False: the receiver wants no more.
    fn deliver(&mut self, batch: &Batch) -> Result<bool> {
        if self.wants_containers() {
            self.lifecycle.learn(&batch.identities, batch.now_ns);
            self.deliver_starts(batch.now_ns)?;
        }
        self.closeup.step();
        for owner in self.hold.owners() {
            if self.verdict(owner, batch.now_ns) != Verdict::Wait {
                let records = self.hold.release(owner);
                self.deliver_records(&records, batch.now_ns, false)?;
            }
        }
        self.deliver_records(&batch.records, batch.now_ns, true)?;
        if batch.sample.is_some() && self.events.is_some() {
            self.lifecycle.settle(batch.now_ns, |owner| self.model.used(owner));
            self.model.expire();
        }
        self.deliver_stops(batch.now_ns)?;
        Ok(!self.closed)
    }

    fn wants_containers(&self) -> bool {
        self.events.as_ref().is_some_and(|events| events.select.wants_containers())
    }

    fn deliver_starts(&mut self, now_ns: u64) -> Result<()> {
        let starts = self.lifecycle.starts(|identity| self.wanted.verdict(identity, now_ns));
        self.deliver_containers(&starts)
    }

    /// And beginnings that had to wait for an end: of containers that were started again.
    fn deliver_stops(&mut self, now_ns: u64) -> Result<()> {
        loop {
            let stops = self.lifecycle.stops(|identity| self.wanted.verdict(identity, now_ns));
            if stops.is_empty() {
                return Ok(());
            }
            self.deliver_containers(&stops)?;
            self.deliver_starts(now_ns)?;
        }
    }

    fn deliver_containers(&mut self, happened: &[(ContainerEvent, Verdict)]) -> Result<()> {
        for (event, verdict) in happened {
            self.containers += 1;
            let delivered = self.deliver_container(event, *verdict)?;
            if delivered {
                self.counts.container(&event.what);
            }
            self.book(delivered);
        }
        Ok(())
    }

    /// Whether anybody got it.
    fn deliver_container(&mut self, event: &ContainerEvent, verdict: Verdict) -> Result<bool> {
        let Some(events) = &mut self.events else { return Ok(false) };
        if self.closed || verdict == Verdict::No || !events.select.container(&event.what) {
            return Ok(false);
        }
        let open = events.sink.container(event).context("cannot write events")?;
        self.closed |= !open;
        Ok(open)
    }

    fn book(&mut self, delivered: bool) {
        if delivered {
            self.delivered += 1;
            self.closed |= self.limit.is_some_and(|limit| self.delivered >= limit);
        } else {
            self.filtered += 1;
        }
    }

    fn verdict(&self, owner: OwnerId, now_ns: u64) -> Verdict {
        match self.model.identity(owner) {
            Some(identity) => self.wanted.action(identity, now_ns),
            None => Verdict::Wait,
        }
    }

    fn deliver_records(&mut self, records: &[u8], now_ns: u64, may_wait: bool) -> Result<()> {
        let containers = self.wants_containers();
        let looked_at = self.events.is_some() || self.closeup.is_active();
        for record in decode::records(records) {
            let Ok(record) = record else {
                self.undecodable += 1;
                continue;
            };
            // News for ctrace itself are in nobody's books.
            match record.kind {
                kind::OWNER => continue,
                kind::ENDED => {
                    if let (true, Ok(end)) = (containers, decode::ended(record.bytes)) {
                        self.lifecycle.ended(end);
                    }
                    continue;
                }
                // Before anybody wants it: who called something first is said at the end.
                kind::EXEC => {
                    if let Ok(event) = decode::decode(record.bytes) {
                        self.model.executed(&event);
                    }
                }
                _ => {}
            }
            if !looked_at {
                self.filtered += 1;
                continue;
            }
            let verdict = self.verdict(record.owner, now_ns);
            if verdict == Verdict::Wait && may_wait && self.hold.keep(record.owner, record.bytes) {
                continue;
            }
            let Ok(event) = decode::decode(record.bytes) else {
                self.undecodable += 1;
                continue;
            };
            let delivered = self.deliver_event(&event, record.bytes, verdict)?;
            if delivered {
                self.counts.event(&event.what);
            }
            self.book(delivered);
        }
        Ok(())
    }

    /// Whether anybody got it: the sink, or a closeup, which shows it.
    fn deliver_event(&mut self, event: &Event<'_>, record: &[u8], verdict: Verdict) -> Result<bool> {
        let Self { events, model, origins, closeup, wanted, .. } = self;
        let identity = model.identity(event.owner);
        let origin = identity.and_then(|identity| origins.of(event, identity));
        let shown = closeup.event(event, record, origin);
        let Some(events) = events.as_mut().filter(|_| !self.closed) else { return Ok(shown) };
        // What happens to a cgroup is news about the cgroup, not about who did it.
        let about_owner = !matches!(event.what, What::Cgroup(_));
        if (about_owner && verdict == Verdict::No)
            || !events.select.event(event)
            || !wanted.processes.want(&event.process)
        {
            return Ok(shown);
        }
        let open = events.sink.event(event, identity, origin).context("cannot write events")?;
        self.closed |= !open;
        Ok(open || shown)
    }

    /// Says in the stream what was lost since the last time.
    fn report_losses(&mut self) -> Result<bool> {
        let now = self.model.losses();
        let mut open = true;
        if let Some(events) = &mut self.events {
            for row in &now {
                let before =
                    self.reported.iter().find(|r| r.place == row.place && r.container == row.container);
                let count = row.count.saturating_sub(before.map_or(0, |before| before.count));
                if count > 0 {
                    let container = row.container.as_deref();
                    let lost = Lost { place: row.place, container, sink: None, count };
                    open &= events.sink.lost(self.batch.now_ns, &lost).context("cannot write events")?;
                }
            }
        }
        self.reported = now;
        Ok(open && self.report_sink_losses()?)
    }

    /// The same of each sink.
    fn report_sink_losses(&mut self) -> Result<bool> {
        let Some(events) = &mut self.events else { return Ok(true) };
        let now = events.sink.books();
        let mut open = true;
        for (at, books) in now.iter().enumerate() {
            let before = self.sinks_reported.get(at).map(SinkBooks::dropped).unwrap_or_default();
            for ((place, count), (_, before)) in books.dropped().into_iter().zip(before) {
                let count = count.saturating_sub(before);
                if count > 0 {
                    let lost = Lost { place, container: None, sink: Some(&books.name), count };
                    open &= events.sink.lost(self.batch.now_ns, &lost).context("cannot write events")?;
                }
            }
        }
        self.sinks_reported = now;
        Ok(open)
    }

    /// Whether the last step brought counters.
    pub fn sampled(&self) -> bool {
        self.batch.sample.is_some()
    }

    /// Since the trace began, as of the last step.
    pub fn elapsed_ns(&self) -> u64 {
        self.model.elapsed_ns()
    }

    /// Ends before the end of a recording: what was seen is what was read of it.
    pub const fn cut_short(&mut self) {
        self.cut_short = true;
    }

    /// The books, complete once the source has stopped and was read to its end.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = self.model.ledger();
        ledger.seen += self.containers;
        ledger.delivered += self.delivered;
        ledger.filtered += self.filtered;
        if self.undecodable > 0 {
            *ledger.dropped.entry("decode").or_default() += self.undecodable;
        }
        if let Some(events) = &self.events {
            let Fate { queue, sink, unwanted } = events.sink.fate();
            ledger.delivered = ledger.delivered.saturating_sub(queue + sink + unwanted);
            ledger.filtered += unwanted;
            for (place, count) in [("queue", queue), ("sink", sink)] {
                if count > 0 {
                    *ledger.dropped.entry(place).or_default() += count;
                }
            }
            ledger.sinks = events.sink.books();
        }
        if self.cut_short {
            ledger.seen = ledger.delivered + ledger.filtered + ledger.lost();
        }
        ledger
    }

    /// The trace in numbers, as of the last sample; of single containers if `series` are kept. What sinks have to
    /// say is theirs to add.
    pub fn readings(&self, series: Option<&mut Series>) -> Readings {
        let now = self.batch.now_ns;
        let owners = || {
            self.model.owners().all().filter_map(|identity| match &identity.owner {
                Owner::Container(container) => Some((identity, container.as_ref())),
                Owner::Host | Owner::Unknown(_) => None,
            })
        };
        let rows = series.map_or_else(Vec::new, |series| {
            let wanted = owners().filter(|(owner, _)| self.wanted.verdict(owner, now) == Verdict::Yes);
            series.update(wanted.map(|(owner, container)| (owner.id, container, self.model.used(owner.id))));
            series.rows()
        });
        let mut lost: Vec<_> = Loss::ALL.iter().map(|loss| (loss.name(), 0)).collect();
        for row in self.model.losses() {
            if let Some((_, count)) = lost.iter_mut().find(|(place, _)| *place == row.place) {
                *count += row.count;
            }
        }
        let containers: HashSet<_> = owners()
            .filter(|(owner, _)| !owner.ended)
            .map(|(_, container)| (&container.id, &container.parent))
            .collect();
        Readings {
            session: Some(self.source.session().clone()),
            delivered: self.counts.clone(),
            ledger: self.ledger(),
            lost,
            sinks: Vec::new(),
            own: self.model.own(),
            containers: containers.len() as u64,
            series: rows,
        }
    }

    /// What was asked for of the state now.
    pub fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = self.model.snapshot();
        let (wanted, owners) = (&self.wanted, self.model.owners());
        let now = self.batch.now_ns;
        snapshot.rows.retain(|row| {
            owners
                .all()
                .any(|identity| row.subject.is_of(identity) && wanted.verdict(identity, now) == Verdict::Yes)
        });
        snapshot.closeup = self.closeup.snapshot(&self.model).map(Arc::new);
        snapshot
    }

    /// Lets go of what is still held, waits for the sinks, closes the books and the recording.
    pub fn finish(&mut self) -> Result<Ledger> {
        self.deliver_starts(AT_THE_END)?;
        for owner in self.hold.owners() {
            let records = self.hold.release(owner);
            self.deliver_records(&records, AT_THE_END, false)?;
        }
        if self.batch.sample.is_some() {
            // The source has stopped: nothing comes after its last sample.
            self.lifecycle.settle(AT_THE_END, |owner| self.model.used(owner));
        }
        self.deliver_stops(AT_THE_END)?;
        if let Some(recorder) = self.recorder.take() {
            recorder.finish().context("cannot finish the recording")?;
        }
        if let Some(events) = &mut self.events {
            events.sink.settle().context("cannot write events")?;
            self.report_sink_losses()?;
        }
        let ledger = self.ledger();
        if let Some(events) = &mut self.events {
            events.sink.stop(self.batch.now_ns, &ledger).context("cannot write events")?;
        }
        // The last words may have failed, too.
        Ok(self.ledger())
    }
}
