//! Bytes to values, once. Everything else works on [`Event`]s and never sees a raw record.
#![deny(clippy::indexing_slicing)]

use thiserror::Error;
use tracer_common::key::{OwnerInfo, OwnerKey};
use tracer_common::limits::{COMM_LEN, PIECES};
use tracer_common::record::{extent, flag, kind, piece};

use crate::batch::OwnerId;
use crate::event::{
    Abi, Cgroup, CgroupAct, Ended, Event, Exit, How, IoUring, Memory, Piece, PieceKind, Process, Stage,
    Syscall, Text, What,
};

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("a record ends {missing} bytes early")]
    Short { missing: usize },
    #[error("a record of kind {kind} says it has {len} bytes")]
    Length { kind: u16, len: u32 },
    #[error("a record of unknown kind {0}")]
    Kind(u16),
    #[error("a system call of unknown ABI {0}")]
    Abi(u16),
    #[error("a text of {0} bytes, more than a record holds")]
    Text(u32),
    #[error("a piece of memory of unknown kind {0}")]
    Piece(u8),
}

/// A record as it came, cut out of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// One of [`kind`].
    pub kind: u16,
    pub owner: OwnerId,
    /// Header included.
    pub bytes: &'a [u8],
}

/// Bytes of [`tracer_common::record::Header`].
const HEADER: usize = size_of::<tracer_common::record::Header>();

/// Cuts a batch into records. After an error nothing more can be found.
pub fn records(batch: &[u8]) -> impl Iterator<Item = Result<RawRecord<'_>, DecodeError>> {
    let mut rest = batch;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let record = cut(rest);
        rest = match &record {
            Ok(record) => rest.get(record.bytes.len()..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(record)
    })
}

fn cut(bytes: &[u8]) -> Result<RawRecord<'_>, DecodeError> {
    let mut fields = Fields(bytes);
    let kind = fields.u16()?;
    let _flags = fields.u16()?;
    let len = fields.u32()?;
    let _time = fields.u64()?;
    let owner = OwnerId { slot: fields.u32()?, generation: fields.u32()? };
    let size = len as usize;
    if size < HEADER {
        return Err(DecodeError::Length { kind, len });
    }
    let bytes = bytes.get(..size).ok_or_else(|| DecodeError::Short { missing: size - bytes.len() })?;
    Ok(RawRecord { kind, owner, bytes })
}

/// One record, header included. Bytes behind its known fields are left alone.
pub fn decode(record: &[u8]) -> Result<Event<'_>, DecodeError> {
    let mut fields = Fields(record);
    let kind = fields.u16()?;
    let flags = fields.u16()?;
    let len = fields.u32()?;
    if len as usize != record.len() {
        return Err(DecodeError::Length { kind, len });
    }
    let ktime_ns = fields.u64()?;
    let owner = OwnerId { slot: fields.u32()?, generation: fields.u32()? };
    let cgroup_id = fields.u64()?;
    let (pid, tid, vpid) = (fields.u32()?, fields.u32()?, known(fields.u32()?));
    let (uid, parent_pid, session) = (fields.u32()?, fields.u32()?, known(fields.u32()?));
    let comm = until_nul(fields.take(COMM_LEN)?);
    let process = Process { pid, tid, vpid, parent_pid, uid, session, comm };
    let what = match kind {
        kind::SYSCALL | kind::SYSCALL_MEMORY => {
            What::Syscall(syscall(&mut fields, flags, kind == kind::SYSCALL_MEMORY)?)
        }
        kind::FORK => What::Fork { pid: fields.u32()?, tid: fields.u32()?, vpid: known(fields.u32()?) },
        kind::EXEC => What::Exec { filename: fields.piece()?.text, args: fields.piece()?.text },
        kind::EXIT => What::Exit(Exit { status: fields.u32()?, process: fields.u32()? != 0 }),
        kind::CGROUP_MKDIR => What::Cgroup(cgroup(&mut fields, flags, CgroupAct::Mkdir)?),
        kind::CGROUP_RMDIR => What::Cgroup(cgroup(&mut fields, flags, CgroupAct::Rmdir)?),
        kind::CGROUP_ATTACH => {
            What::Cgroup(cgroup(&mut fields, flags, CgroupAct::Attach { pid: 0, tid: 0 })?)
        }
        kind::CGROUP_FREEZE => What::Cgroup(cgroup(&mut fields, flags, CgroupAct::Freeze)?),
        kind::CGROUP_UNFREEZE => What::Cgroup(cgroup(&mut fields, flags, CgroupAct::Unfreeze)?),
        kind::CGROUP_RENAME => What::Cgroup(cgroup(&mut fields, flags, CgroupAct::Rename)?),
        kind::IO_URING_SUBMIT => {
            let (user_data, opcode, fixed_file) = (fields.u64()?, fields.u16()?, fields.u16()? != 0);
            let stage = Stage::Submit { fd: fields.u32()?.cast_signed(), fixed_file };
            What::IoUring(IoUring { user_data, opcode: u8::try_from(opcode).ok(), stage })
        }
        kind::IO_URING_COMPLETE => {
            let user_data = fields.u64()?;
            let stage = Stage::Complete { ret: fields.u32()?.cast_signed() };
            What::IoUring(IoUring { user_data, opcode: u8::try_from(fields.u32()?).ok(), stage })
        }
        other => return Err(DecodeError::Kind(other)),
    };
    Ok(Event { ktime_ns, owner, cgroup_id, process, what })
}

/// A record of kind [`kind::OWNER`].
pub fn owner(record: &[u8]) -> Result<OwnerInfo, DecodeError> {
    let mut fields = Fields(record);
    fields.take(HEADER)?;
    Ok(OwnerInfo {
        key: OwnerKey {
            cgroup_id: fields.u64()?,
            v1_id: fields.u64()?,
            incarnation: fields.u64()?,
            pid_ns: fields.u32()?,
            phase: fields.u32()?,
        },
        first_ns: fields.u64()?,
        first_tgid: fields.u32()?,
        mnt_ns: fields.u32()?,
        comm: fields.array()?,
        generation: fields.u32()?,
        flags: fields.u32()?,
        init_tgid: fields.u32()?,
        init_outer_tgid: fields.u32()?,
        outer_init_tgid: fields.u32()?,
        user: fields.u32()?,
    })
}

/// A record of kind [`kind::ENDED`].
pub fn ended(record: &[u8]) -> Result<Ended, DecodeError> {
    let mut fields = Fields(record);
    let (_kind, _flags, _len) = (fields.u16()?, fields.u16()?, fields.u32()?);
    let ktime_ns = fields.u64()?;
    let owner = OwnerId { slot: fields.u32()?, generation: fields.u32()? };
    let _cgroup = fields.u64()?;
    let pid = fields.u32()?;
    let mut rest = Fields(record.get(HEADER..).unwrap_or_default());
    Ok(Ended { ktime_ns, owner, pid, status: rest.u32()?, namespace: rest.u32()? != 0 })
}

/// `has_memory`: pieces of it follow.
fn syscall<'a>(fields: &mut Fields<'a>, flags: u16, has_memory: bool) -> Result<Syscall<'a>, DecodeError> {
    let _owner = fields.u32()?;
    let abi = abi(fields.u16()?)?;
    let number = fields.u16()?;
    let ret = fields.u64()?.cast_signed();
    let duration = fields.u64()?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = fields.u64()?;
        if abi == Abi::Compat {
            // The kernel looks at no more, and a 64-bit program may have left something in the rest:
            // <https://github.com/torvalds/linux/blob/v6.12/arch/x86/include/asm/syscall_wrapper.h>
            *arg &= u64::from(u32::MAX);
        }
    }
    let how = if flags & flag::DENIED != 0 {
        How::Denied
    } else if flags & flag::IN_FLIGHT != 0 {
        How::InFlight
    } else {
        How::Done
    };
    let duration_ns = (duration != 0).then_some(duration);
    let memory = if has_memory { memory(fields)? } else { Memory::default() };
    Ok(Syscall { abi, number, ret, duration_ns, args, memory, how })
}

/// One of [`tracer_common::key::abi`].
pub fn abi(number: u16) -> Result<Abi, DecodeError> {
    use tracer_common::key::abi;
    match number {
        abi::NATIVE => Ok(Abi::Native),
        abi::COMPAT => Ok(Abi::Compat),
        abi::X32 => Ok(Abi::X32),
        other => Err(DecodeError::Abi(other)),
    }
}

/// To the end of the record.
fn memory<'a>(fields: &mut Fields<'a>) -> Result<Memory<'a>, DecodeError> {
    let mut pieces = [None; PIECES];
    for place in &mut pieces {
        if !fields.0.is_empty() {
            *place = Some(fields.piece()?);
        }
    }
    Ok(Memory::new(pieces))
}

fn cgroup<'a>(fields: &mut Fields<'a>, flags: u16, act: CgroupAct) -> Result<Cgroup<'a>, DecodeError> {
    let (id, hierarchy) = (fields.u64()?, fields.u32()?);
    let (pid, tid, len) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let bytes = fields.0.get(..len as usize).ok_or(DecodeError::Text(len))?;
    let act = match act {
        CgroupAct::Attach { .. } => CgroupAct::Attach { pid, tid },
        CgroupAct::Mkdir | CgroupAct::Rmdir | CgroupAct::Freeze | CgroupAct::Unfreeze | CgroupAct::Rename => {
            act
        }
    };
    let path = marked(bytes, flags & flag::PATH_CUT != 0, flags & flag::PATH_UNREAD != 0);
    Ok(Cgroup { act, id, hierarchy, path })
}

fn marked(bytes: &[u8], cut: bool, unread: bool) -> Text<'_> {
    match (cut, unread) {
        (_, true) => Text::Unread,
        (true, false) => Text::Cut(bytes),
        (false, false) => Text::Whole(bytes),
    }
}

fn known(id: u32) -> Option<u32> {
    (id != 0).then_some(id)
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(bytes)
}

/// What is left to read. Little-endian, as on every machine that ctrace runs on.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) =
            self.0.split_at_checked(len).ok_or_else(|| DecodeError::Short { missing: len - self.0.len() })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let short = DecodeError::Short { missing: N.saturating_sub(self.0.len()) };
        let (array, rest) = self.0.split_first_chunk().ok_or(short)?;
        self.0 = rest;
        Ok(*array)
    }

    fn piece(&mut self) -> Result<Piece<'a>, DecodeError> {
        let [argument, kind] = self.array()?;
        let extent = self.u16()?;
        let len = self.u32()?;
        let bytes = self.0.get(..len as usize).ok_or(DecodeError::Text(len))?;
        // The last one's padding may be missing.
        self.0 = self.0.get((len as usize).next_multiple_of(8)..).unwrap_or_default();
        let kind = match kind {
            piece::STRING => PieceKind::String,
            piece::STRINGS => PieceKind::Strings,
            piece::ADDRESS => PieceKind::Address,
            piece::STRUCTURE => PieceKind::Bytes,
            piece::BASE => PieceKind::Base,
            other => return Err(DecodeError::Piece(other)),
        };
        let text = marked(bytes, extent & extent::CUT != 0, extent & extent::UNREAD != 0);
        Ok(Piece { index: usize::from(argument), kind, text })
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests;
