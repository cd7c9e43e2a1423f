//! Counters as bytes. A list is its length (u32) and its elements; all numbers are little-endian.

use tracer_common::key::{ArgumentKey, CallInfo, CallKey, Latency, OutcomeKey};
use tracer_common::limits::{BUCKETS, COMM_LEN};
use tracer_common::loss::{PLACES, Tally};

use crate::batch::{
    ArgumentSample, CallSample, CapabilitySample, OutcomeSample, OwnSample, OwnerId, ProcessSample,
    ResourceSample, Sample, TallySample,
};

pub(super) fn write(sample: &Sample, to: &mut Vec<u8>) {
    // Nothing that records asks for checks with their askers.
    let Sample { calls, outcomes, arguments, tallies, processes, capabilities, checks: _, resources, own } =
        sample;
    list(to, calls, |to, call| {
        owner(to, call.owner);
        key(to, call.key);
        to.extend(call.info.cell.to_le_bytes());
        to.extend(call.info.first_tgid.to_le_bytes());
        to.extend(call.info.first_ns.to_le_bytes());
        to.extend(call.info.first_comm);
        to.extend(call.info.first_session.to_le_bytes());
        to.extend(call.info.values.to_le_bytes());
        to.extend(call.info.again_ns.to_le_bytes());
        to.extend(call.count.to_le_bytes());
        to.push(u8::from(call.latency.is_some()));
        if let Some(latency) = &call.latency {
            to.extend(latency.total_ns.to_le_bytes());
            to.extend(latency.max_ns.to_le_bytes());
            to.extend(latency.buckets.iter().flat_map(|bucket| bucket.to_le_bytes()));
        }
    });
    list(to, outcomes, |to, outcome| {
        owner(to, outcome.owner);
        key(to, outcome.key.call);
        to.extend(outcome.key.errno.to_le_bytes());
        to.extend(outcome.key.kind.to_le_bytes());
        to.extend(outcome.count.to_le_bytes());
    });
    list(to, arguments, |to, sample| {
        let ArgumentSample { owner, key: ArgumentKey { call, values }, count } = sample;
        self::owner(to, *owner);
        key(to, *call);
        to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        numbers(to, [*count]);
    });
    list(to, tallies, |to, tally| {
        owner(to, tally.owner);
        let Tally { seen, filtered, sent, lost } = tally.tally;
        for number in [seen, filtered, sent].into_iter().chain(lost) {
            to.extend(number.to_le_bytes());
        }
    });
    list(to, processes, |to, process| {
        let ProcessSample { owner, pid, comm, calls, errors, denied } = process;
        self::owner(to, *owner);
        to.extend(pid.to_le_bytes());
        to.extend(comm);
        numbers(to, [*calls, *errors, *denied]);
    });
    list(to, capabilities, |to, used| {
        let CapabilitySample { owner, capability, granted, refused, pid, comm } = used;
        self::owner(to, *owner);
        to.push(*capability);
        numbers(to, [*granted, *refused]);
        to.extend(pid.to_le_bytes());
        to.extend(comm);
    });
    list(to, resources, |to, used| {
        let ResourceSample { owner, cpu_ns, memory_bytes, processes } = used;
        self::owner(to, *owner);
        for number in [*cpu_ns, *memory_bytes, processes.map(u64::from)] {
            to.push(u8::from(number.is_some()));
            numbers(to, [number.unwrap_or_default()]);
        }
    });
    list(to, own.as_slice(), |to, own| {
        let OwnSample { cpu_ns, memory_bytes, ring_bytes, ring_size } = own;
        numbers(to, [*cpu_ns, *memory_bytes, *ring_bytes, *ring_size]);
    });
}

fn numbers<const N: usize>(to: &mut Vec<u8>, numbers: [u64; N]) {
    to.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
}

fn list<T>(to: &mut Vec<u8>, items: &[T], each: impl Fn(&mut Vec<u8>, &T)) {
    to.extend(u32::try_from(items.len()).unwrap_or(u32::MAX).to_le_bytes());
    for item in items {
        each(to, item);
    }
}

fn owner(to: &mut Vec<u8>, id: OwnerId) {
    to.extend(id.slot.to_le_bytes());
    to.extend(id.generation.to_le_bytes());
}

fn key(to: &mut Vec<u8>, key: CallKey) {
    to.extend(key.owner.to_le_bytes());
    to.extend(key.abi.to_le_bytes());
    to.extend(key.nr.to_le_bytes());
}

/// None if the bytes are no sample.
pub(super) fn read(bytes: &[u8]) -> Option<Sample> {
    let mut from = Bytes(bytes);
    let calls = from.list(|from| {
        Some(CallSample {
            owner: from.owner()?,
            key: from.key()?,
            info: CallInfo {
                cell: from.u32()?,
                first_tgid: from.u32()?,
                first_ns: from.u64()?,
                first_comm: from.array::<COMM_LEN>()?,
                first_session: from.u32()?,
                values: from.u32()?,
                again_ns: from.u64()?,
            },
            count: from.u64()?,
            latency: from.latency()?,
        })
    })?;
    let outcomes = from.list(|from| {
        Some(OutcomeSample {
            owner: from.owner()?,
            key: OutcomeKey { call: from.key()?, errno: from.u16()?, kind: from.u16()?, pad: 0 },
            count: from.u64()?,
        })
    })?;
    let arguments = from.list(|from| {
        Some(ArgumentSample {
            owner: from.owner()?,
            key: ArgumentKey { call: from.key()?, values: [from.u32()?, from.u32()?] },
            count: from.u64()?,
        })
    })?;
    let tallies = from.list(|from| {
        let owner = from.owner()?;
        let (seen, filtered, sent) = (from.u64()?, from.u64()?, from.u64()?);
        let mut lost = [0; PLACES];
        for place in &mut lost {
            *place = from.u64()?;
        }
        Some(TallySample { owner, tally: Tally { seen, filtered, sent, lost } })
    })?;
    let processes = from.list(|from| {
        Some(ProcessSample {
            owner: from.owner()?,
            pid: from.u32()?,
            comm: from.array()?,
            calls: from.u64()?,
            errors: from.u64()?,
            denied: from.u64()?,
        })
    })?;
    let capabilities = from.list(|from| {
        Some(CapabilitySample {
            owner: from.owner()?,
            capability: from.u8()?,
            granted: from.u64()?,
            refused: from.u64()?,
            pid: from.u32()?,
            comm: from.array()?,
        })
    })?;
    let resources = from.list(|from| {
        Some(ResourceSample {
            owner: from.owner()?,
            cpu_ns: from.optional()?,
            memory_bytes: from.optional()?,
            processes: from.optional()?.map(u32::try_from).transpose().ok()?,
        })
    })?;
    let own = from.list(|from| {
        Some(OwnSample {
            cpu_ns: from.u64()?,
            memory_bytes: from.u64()?,
            ring_bytes: from.u64()?,
            ring_size: from.u64()?,
        })
    })?;
    let sample = Sample {
        calls,
        outcomes,
        arguments,
        tallies,
        processes,
        capabilities,
        checks: Vec::new(),
        resources,
        own: own.first().copied(),
    };
    from.0.is_empty().then_some(sample)
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    #[expect(clippy::option_option, reason = "outer: were the bytes there; inner: was it known")]
    fn optional(&mut self) -> Option<Option<u64>> {
        let (present, number) = (self.u8()?, self.u64()?);
        Some((present != 0).then_some(number))
    }

    fn owner(&mut self) -> Option<OwnerId> {
        Some(OwnerId { slot: self.u32()?, generation: self.u32()? })
    }

    fn key(&mut self) -> Option<CallKey> {
        Some(CallKey { owner: self.u32()?, abi: self.u16()?, nr: self.u16()? })
    }

    #[expect(clippy::option_option, reason = "outer: were the bytes there; inner: was it measured")]
    fn latency(&mut self) -> Option<Option<Box<Latency>>> {
        let [present] = self.array()?;
        if present == 0 {
            return Some(None);
        }
        let mut latency =
            Box::new(Latency { total_ns: self.u64()?, max_ns: self.u64()?, buckets: [0; BUCKETS] });
        for bucket in &mut latency.buckets {
            *bucket = self.u64()?;
        }
        Some(Some(latency))
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let len = self.u32()?;
        (0..len).map(|_| each(self)).collect()
    }
}
