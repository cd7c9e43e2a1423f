//! Records as the kernel writes them, and whose they are.

use std::sync::Arc;

use tracer_common::record::{flag, kind};

use super::subjects::{Number, Subjects};
use crate::batch::{Arch, Batch, OwnerId, Session};
use crate::container::{Container, Identity, Owner, Phase, Runtime};
use crate::decode;
use crate::event::{Abi, Event};
use crate::model::{GRACE_NS, Model};
use crate::syscall;

pub const WEB: OwnerId = OwnerId { slot: 2, generation: 1 };

pub fn session() -> Session {
    Session {
        version: "0".into(),
        host_name: "node".into(),
        kernel: "6.12".into(),
        arch: Arch::X86_64,
        wall_offset_ns: 1_795_435_200_000_000_000,
        started_ns: 0,
        features: 0,
    }
}

pub fn identity(owner: Owner) -> Identity {
    Identity {
        id: WEB,
        cgroup_id: 77,
        cgroup_path: None,
        pid_ns: 1,
        mnt_ns: 1,
        phase: Phase::Workload,
        first_ns: 0,
        first_pid: 1,
        running: false,
        lineage: false,
        ended: false,
        owner,
    }
}

pub fn web() -> Identity {
    let named = Container { name: Some("web".into()), ..Container::unnamed(Runtime::Podman, "abc") };
    identity(Owner::Container(Arc::new(named)))
}

pub fn subjects() -> (Subjects, Number) {
    let mut subjects = Subjects::default();
    let number = subjects.learn(&web()).unwrap();
    (subjects, number)
}

/// One that knows [`WEB`].
pub fn model() -> Model {
    let mut model = Model::new(session(), GRACE_NS);
    model.apply(&Batch { identities: vec![web()], ..Batch::default() });
    model
}

pub fn number(name: &str) -> u16 {
    syscall::number(Arch::X86_64, Abi::Native, name).unwrap()
}

/// A record of [`WEB`] at 7 ns.
#[derive(Clone)]
pub struct Record {
    bytes: Vec<u8>,
}

impl Record {
    pub const PID: u32 = 4242;

    fn new(kind: u16) -> Self {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend([0; 6]);
        bytes.extend(7u64.to_le_bytes());
        bytes.extend(WEB.slot.to_le_bytes());
        bytes.extend(WEB.generation.to_le_bytes());
        bytes.extend(77u64.to_le_bytes());
        bytes.extend(Self::PID.to_le_bytes());
        bytes.extend(Self::PID.to_le_bytes());
        bytes.resize(72, 0);
        Self { bytes }.comm(b"cat")
    }

    pub fn call(name: &str, ret: i64) -> Self {
        let mut record = Self::new(kind::SYSCALL);
        record.bytes.extend([0; 6]);
        record.bytes.extend(number(name).to_le_bytes());
        record.bytes.extend(ret.to_le_bytes());
        record.bytes.resize(144, 0);
        record
    }

    pub fn fork(child: u32) -> Self {
        let mut record = Self::new(kind::FORK);
        record.bytes.extend(child.to_le_bytes());
        record.bytes.extend(child.to_le_bytes());
        record.bytes.resize(88, 0);
        record
    }

    pub fn exec(filename: &[u8]) -> Self {
        let mut record = Self::new(kind::EXEC);
        record.text(0, filename);
        record.text(0, b"");
        record
    }

    pub fn exit() -> Self {
        let mut record = Self::new(kind::EXIT);
        record.bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        record
    }

    pub fn args<const N: usize>(self, args: [u64; N]) -> Self {
        args.iter().enumerate().fold(self, |record, (at, arg)| record.put(96 + 8 * at, &arg.to_le_bytes()))
    }

    pub fn path(mut self, index: u32, path: &[u8]) -> Self {
        self = self.put(0, &kind::SYSCALL_MEMORY.to_le_bytes());
        self.text(index, path);
        self
    }

    pub fn duration(self, ns: u64) -> Self {
        self.put(88, &ns.to_le_bytes())
    }

    pub fn pid(self, pid: u32) -> Self {
        self.put(32, &pid.to_le_bytes())
    }

    pub fn comm(self, comm: &[u8]) -> Self {
        let mut padded = comm.to_vec();
        padded.resize(16, 0);
        self.put(56, &padded)
    }

    pub fn denied(self) -> Self {
        self.put(2, &flag::DENIED.to_le_bytes())
    }

    pub fn in_flight(self) -> Self {
        self.put(2, &flag::IN_FLIGHT.to_le_bytes())
    }

    /// With its length in its header.
    pub fn bytes(&self) -> Vec<u8> {
        let len = u32::try_from(self.bytes.len()).unwrap();
        self.clone().put(4, &len.to_le_bytes()).bytes
    }

    pub fn event(&self) -> Event<'static> {
        decode::decode(self.bytes().leak()).unwrap()
    }

    fn text(&mut self, index: u32, text: &[u8]) {
        // The argument, and the rest of the piece's head is 0: a string, whole.
        self.bytes.extend(index.to_le_bytes());
        self.bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        self.bytes.extend(text);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }
}
