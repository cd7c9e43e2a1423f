//! Counts per owner and call, and the rows made of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use tracer_common::key::{CallInfo, kind};
use tracer_common::limits::{ARGUMENT_VALUES, BUCKETS};

use super::owners::Owners;
use super::quantile::{Buckets, quantiles};
use super::resources::Uses;
use super::sessions::Sessions;
use super::wall;
use crate::batch::{Arch, ArgumentSample, CallSample, OutcomeSample, OwnerId};
use crate::container::{Owner, Phase};
use crate::decode;
use crate::event::Abi;
use crate::origin::Origin;
use crate::snapshot::{
    CallRow, Counts, ErrnoRow, FirstCall, Life, Made, Resources, Row, Spectrum, State, Subject, SubjectId,
};
use crate::syscall::{self, values::SERVING};

#[derive(Default)]
pub(super) struct Calls {
    owners: HashMap<OwnerId, HashMap<(Abi, u16), Call>>,
}

#[derive(Clone, Default)]
struct Call {
    /// As of the last sample.
    info: Option<CallInfo>,
    /// Times of the samples between which it was made last.
    last_after_ns: u64,
    last_ns: u64,
    /// By the values of its arguments.
    values: BTreeMap<[u32; 2], u64>,
    now: Totals,
    /// At the last snapshot.
    then: Totals,
    outcomes: BTreeMap<(u16, u16), Outcome>,
}

/// How often a call ended in a way.
#[derive(Clone, Copy, Default)]
struct Outcome {
    count: u64,
    /// At the last snapshot.
    then: u64,
    /// Times of the batches that brought the first and the last.
    first_ns: u64,
    last_ns: u64,
}

#[derive(Clone, Default)]
struct Totals {
    count: u64,
    errors: u64,
    denied: u64,
    time_ns: u64,
    max_ns: u64,
    buckets: Histogram,
}

/// None: no durations were measured. Most of a call's memory, so it is there only when it is needed.
#[derive(Clone, Default)]
struct Histogram(Option<Box<Buckets>>);

impl Histogram {
    /// Takes over other numbers, in the memory that is there.
    fn set(&mut self, buckets: &Buckets) {
        match &mut self.0 {
            Some(own) => **own = *buckets,
            None => self.0 = Some(Box::new(*buckets)),
        }
    }

    fn buckets(&self) -> &Buckets {
        static NONE: Buckets = [0; BUCKETS];
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl Calls {
    fn call(&mut self, owner: OwnerId, abi: u16, number: u16) -> Option<&mut Call> {
        // The kernel side knows no others; a damaged recording might.
        let abi = decode::abi(abi).ok()?;
        Some(self.owners.entry(owner).or_default().entry((abi, number)).or_default())
    }

    /// At `now_ns`, after a sample at `before_ns`.
    pub(super) fn counted(&mut self, sample: &CallSample, before_ns: u64, now_ns: u64) {
        let Some(call) = self.call(sample.owner, sample.key.abi, sample.key.nr) else { return };
        call.info = Some(sample.info);
        if sample.count > call.now.count {
            (call.last_after_ns, call.last_ns) = (before_ns.max(sample.info.first_ns), now_ns);
        }
        call.now.count = sample.count;
        if let Some(latency) = &sample.latency {
            call.now.time_ns = latency.total_ns;
            call.now.max_ns = latency.max_ns;
            call.now.buckets.set(&latency.buckets);
        }
    }

    pub(super) fn with(&mut self, sample: &ArgumentSample) {
        let key = sample.key;
        let Some(call) = self.call(sample.owner, key.call.abi, key.call.nr) else { return };
        call.values.insert(key.values, sample.count);
    }

    pub(super) fn ended_in(&mut self, sample: &OutcomeSample, now_ns: u64) {
        let key = sample.key;
        let Some(call) = self.call(sample.owner, key.call.abi, key.call.nr) else { return };
        let outcome = call
            .outcomes
            .entry((key.errno, key.kind))
            .or_insert(Outcome { first_ns: now_ns, ..Outcome::default() });
        let more = sample.count.saturating_sub(outcome.count);
        (outcome.count, outcome.last_ns) = (sample.count, now_ns);
        call.now.errors += more;
        if key.kind == kind::DENIED {
            call.now.denied += more;
        }
    }

    /// Calls, errors and refusals since the start.
    pub(super) fn totals(&self, owner: OwnerId) -> (u64, u64, u64) {
        let calls = self.owners.get(&owner).into_iter().flat_map(HashMap::values);
        calls.fold((0, 0, 0), |(count, errors, denied), call| {
            (count + call.now.count, errors + call.now.errors, denied + call.now.denied)
        })
    }

    pub(super) fn forget(&mut self, owner: OwnerId) {
        self.owners.remove(&owner);
    }

    /// One row for each container, the host and each unknown owner; the counts of now become those
    /// of the last snapshot.
    pub(super) fn rows(
        &mut self,
        owners: &Owners,
        uses: &Uses,
        sessions: &Sessions,
        arch: Arch,
        wall_offset_ns: i64,
    ) -> Vec<Row> {
        let serving = serving(arch);
        // Containers by name, then the host, then what nobody knows.
        let mut subjects: BTreeMap<(u8, &str, SubjectId), Gathered> = BTreeMap::new();
        for identity in owners.all() {
            let (rank, name) = match &identity.owner {
                Owner::Container(container) => (0, container.display_name()),
                Owner::Host => (1, ""),
                Owner::Unknown(_) => (2, ""),
            };
            let subject = Subject::of(identity);
            let gathered = subjects.entry((rank, name, subject.id())).or_insert_with(|| Gathered {
                subject,
                ended: true,
                calls: Vec::new(),
                resources: Resources::default(),
                setup: 0,
                setup_calls: BTreeSet::new(),
            });
            if let Some(resources) = uses.of(identity) {
                gathered.resources = resources;
            }
            gathered.ended &= identity.ended;
            let Some(calls) = self.owners.get(&identity.id) else { continue };
            if identity.phase == Phase::Setup && matches!(identity.owner, Owner::Container(_)) {
                gathered.setup += calls.values().map(|call| call.now.count).sum::<u64>();
                gathered.setup_calls.extend(calls.keys());
            } else {
                let begun = serving.iter().filter_map(|key| calls.get(key)?.info).map(|info| info.first_ns);
                let serves_ns = begun.min();
                gathered.calls.extend(calls.iter().map(|(&key, call)| {
                    let session = call.info.map_or(0, |info| info.first_session);
                    (key, Part { call, serves_ns, origin: sessions.origin(identity, session) })
                }));
            }
        }
        let rows = subjects.into_values().map(|gathered| gathered.row(wall_offset_ns)).collect();
        self.catch_up(owners);
        rows
    }

    fn catch_up(&mut self, owners: &Owners) {
        for (owner, calls) in &mut self.owners {
            let ended = owners.get(*owner).is_some_and(|identity| identity.ended);
            for call in calls.values_mut() {
                call.catch_up(ended);
            }
        }
    }
}

/// [`SERVING`] by number.
fn serving(arch: Arch) -> Vec<(Abi, u16)> {
    let abis = [Abi::Native, Abi::Compat, Abi::X32];
    let all = abis.into_iter().flat_map(|abi| SERVING.iter().map(move |name| (abi, *name)));
    all.filter_map(|(abi, name)| Some((abi, syscall::number(arch, abi, name)?))).collect()
}

struct Gathered<'a> {
    subject: Subject,
    ended: bool,
    /// Of all its owners.
    calls: Vec<((Abi, u16), Part<'a>)>,
    resources: Resources,
    setup: u64,
    setup_calls: BTreeSet<(Abi, u16)>,
}

/// An owner's calls of one number.
struct Part<'a> {
    call: &'a Call,
    /// When the owner made one of [`SERVING`] first.
    serves_ns: Option<u64>,
    /// Of the first caller.
    origin: Option<Origin>,
}

impl Part<'_> {
    fn first_ns(&self) -> u64 {
        self.call.info.map_or(u64::MAX, |info| info.first_ns)
    }

    /// Whether it was made after `since_ns`, when the container made one of [`SERVING`] first. Of the owner
    /// that did, the kernel has noted it.
    fn made_since(&self, since_ns: u64) -> Made {
        let Call { info, last_after_ns, last_ns, .. } = self.call;
        let again = info.is_some_and(|info| info.again_ns != 0);
        match self.serves_ns == Some(since_ns) {
            _ if self.first_ns() >= since_ns || *last_after_ns >= since_ns => Made::Yes,
            true if again => Made::Yes,
            false if *last_ns > since_ns => Made::Perhaps,
            true | false => Made::No,
        }
    }
}

/// Of several owners' calls of one number.
fn life(parts: &[&Part<'_>], serves_ns: Option<u64>, in_setup: bool, wall_offset_ns: i64) -> Life {
    let last = parts.iter().map(|part| (part.call.last_ns, part.call.last_after_ns)).max();
    let (last_ns, last_after_ns) = last.unwrap_or_default();
    let mut values = BTreeMap::new();
    for (&value, &count) in parts.iter().flat_map(|part| &part.call.values) {
        *values.entry(value).or_default() += count;
    }
    let told_apart = parts.iter().filter_map(|part| part.call.info).map(|info| info.values);
    Life {
        last_after_wall_ns: wall(last_after_ns, wall_offset_ns),
        last_wall_ns: wall(last_ns, wall_offset_ns),
        since_serving: serves_ns
            .and_then(|since_ns| parts.iter().map(|part| part.made_since(since_ns)).max())
            .unwrap_or_default(),
        in_setup,
        values,
        more_values: told_apart.max().is_some_and(|told_apart| told_apart > ARGUMENT_VALUES),
    }
}

impl Gathered<'_> {
    fn row(mut self, wall_offset_ns: i64) -> Row {
        let mut sum = Counts::default();
        let (mut buckets, mut max_ns) = ([0; BUCKETS], 0);
        let mut rows: Vec<CallRow> = Vec::with_capacity(self.calls.len());
        self.calls.sort_by_key(|(key, _)| *key);
        let serves_ns = self.calls.iter().filter_map(|(_, part)| part.serves_ns).min();
        for same in self.calls.chunk_by(|(a, _), (b, _)| a == b) {
            let [(key, first), others @ ..] = same else { continue };
            let mut call = Cow::Borrowed(first.call);
            for (_, other) in others {
                call.to_mut().merge(other.call);
            }
            let interval = call.interval_buckets();
            let parts: Vec<_> = same.iter().map(|(_, part)| part).collect();
            let life = life(&parts, serves_ns, self.setup_calls.contains(key), wall_offset_ns);
            let origin = parts.iter().min_by_key(|part| part.first_ns()).and_then(|part| part.origin);
            let row = CallRow { life, ..call.row(*key, &interval, origin, wall_offset_ns) };
            add_counts(&mut sum, &row.counts);
            add_buckets(&mut buckets, &interval);
            max_ns = max_ns.max(call.now.max_ns);
            rows.push(row);
        }
        Row {
            subject: self.subject,
            state: if self.ended { State::Ended } else { State::Running },
            calls: rows,
            sum,
            duration: quantiles(&buckets, max_ns),
            spectrum: Spectrum::new(&buckets),
            resources: self.resources,
            setup_calls: self.setup,
        }
    }
}

impl Call {
    /// Adds another owner's calls of the same number.
    fn merge(&mut self, other: &Self) {
        self.info = match (self.info, other.info) {
            (Some(a), Some(b)) => Some(if a.first_ns <= b.first_ns { a } else { b }),
            (a, b) => a.or(b),
        };
        self.now.merge(&other.now);
        self.then.merge(&other.then);
        for (&key, other) in &other.outcomes {
            let outcome = self.outcomes.entry(key).or_insert(Outcome { count: 0, then: 0, ..*other });
            outcome.count += other.count;
            outcome.then += other.then;
            outcome.first_ns = outcome.first_ns.min(other.first_ns);
            outcome.last_ns = outcome.last_ns.max(other.last_ns);
        }
    }

    fn interval_buckets(&self) -> Buckets {
        let mut buckets = *self.now.buckets.buckets();
        for (now, then) in buckets.iter_mut().zip(self.then.buckets.buckets()) {
            *now = now.saturating_sub(*then);
        }
        buckets
    }

    /// The counts of now become those of the last snapshot.
    fn catch_up(&mut self, ended: bool) {
        let Self { now, then, outcomes, .. } = self;
        if ended && now.count == then.count {
            // It will not be called again, and this interval had no durations.
            now.buckets = Histogram::default();
        }
        let Totals { count, errors, denied, time_ns, max_ns, buckets } = now;
        (then.count, then.errors, then.denied) = (*count, *errors, *denied);
        (then.time_ns, then.max_ns) = (*time_ns, *max_ns);
        match &buckets.0 {
            Some(buckets) => then.buckets.set(buckets),
            None => then.buckets = Histogram::default(),
        }
        for outcome in outcomes.values_mut() {
            outcome.then = outcome.count;
        }
    }

    /// `buckets`: those of the interval.
    fn row(
        &self,
        (abi, number): (Abi, u16),
        buckets: &Buckets,
        origin: Option<Origin>,
        wall_offset_ns: i64,
    ) -> CallRow {
        let mut errnos: BTreeMap<u16, ErrnoRow> = BTreeMap::new();
        for (&(errno, how), outcome) in &self.outcomes {
            let row = errnos.entry(errno).or_insert(ErrnoRow {
                errno,
                count: 0,
                first_wall_ns: i64::MAX,
                last_wall_ns: 0,
                total: 0,
                total_denied: 0,
            });
            row.count += outcome.count - outcome.then;
            row.first_wall_ns = row.first_wall_ns.min(wall(outcome.first_ns, wall_offset_ns));
            row.last_wall_ns = row.last_wall_ns.max(wall(outcome.last_ns, wall_offset_ns));
            row.total += outcome.count;
            if how == kind::DENIED {
                row.total_denied += outcome.count;
            }
        }
        let (now, then) = (&self.now, &self.then);
        CallRow {
            abi,
            number,
            counts: Counts {
                count: now.count.saturating_sub(then.count),
                errors: now.errors.saturating_sub(then.errors),
                denied: now.denied.saturating_sub(then.denied),
                total: now.count,
                total_errors: now.errors,
                total_denied: now.denied,
            },
            errnos: errnos.into_values().collect(),
            duration: quantiles(buckets, now.max_ns),
            spectrum: Spectrum::new(buckets),
            time_ns: now.time_ns.saturating_sub(then.time_ns),
            first: self.info.map_or_else(
                || FirstCall { wall_ns: 0, pid: 0, comm: String::new(), origin },
                |info| FirstCall {
                    wall_ns: wall(info.first_ns, wall_offset_ns),
                    pid: info.first_tgid,
                    comm: text_until_nul(&info.first_comm),
                    origin,
                },
            ),
            life: Life::default(),
        }
    }
}

impl Totals {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.denied += other.denied;
        self.time_ns += other.time_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
        if let Some(more) = &other.buckets.0 {
            add_buckets(self.buckets.0.get_or_insert_with(|| Box::new([0; BUCKETS])), more);
        }
    }
}

fn add_buckets(sum: &mut Buckets, more: &Buckets) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}

fn add_counts(sum: &mut Counts, more: &Counts) {
    sum.count += more.count;
    sum.errors += more.errors;
    sum.denied += more.denied;
    sum.total += more.total;
    sum.total_errors += more.total_errors;
    sum.total_denied += more.total_denied;
}

fn text_until_nul(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
