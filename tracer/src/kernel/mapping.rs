//! Kernel arrays mapped into memory: reading them costs no system call.
#![expect(unsafe_code, reason = "memory that the kernel writes has to be mapped and read as it is")]

use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use aya::Pod;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A `BPF_MAP_TYPE_ARRAY` of `T` made with `BPF_F_MMAPABLE`.
pub(super) struct Mapping<T> {
    start: NonNull<T>,
    elements: usize,
    bytes: usize,
    of: PhantomData<T>,
}

// SAFETY: the mapping belongs to this value alone, and any thread may use it.
unsafe impl<T: Send> Send for Mapping<T> {}

impl<T: Pod> Mapping<T> {
    /// `elements` is the map's `max_entries`; the size of `T` is a multiple of 8, so elements lie
    /// without gaps, <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/arraymap.c#L112>.
    pub(super) fn new(fd: BorrowedFd<'_>, elements: usize) -> Result<Self> {
        let bytes = (elements * size_of::<T>()).next_multiple_of(rustix::param::page_size());
        let flags = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, flags, MapFlags::SHARED, fd, 0) }
            .with_context(|| format!("cannot map {bytes} bytes of kernel counters"))?;
        let start = NonNull::new(start.cast()).context("counters mapped at address 0")?;
        Ok(Self { start, elements, bytes, of: PhantomData })
    }

    /// The element as it is now; None outside the array. Each 8 bytes of it are read whole, the
    /// element as such is not: the kernel goes on counting.
    pub(super) fn get(&self, index: usize) -> Option<T> {
        // SAFETY: inside the mapping, as checked; `Pod` makes every value valid.
        (index < self.elements).then(|| unsafe { self.start.add(index).read_volatile() })
    }

    /// Zeroes an element that no task can reach any more.
    pub(super) fn clear(&mut self, index: usize) {
        if index < self.elements {
            // SAFETY: inside the mapping; zeroes are a valid `Pod`.
            unsafe { self.start.add(index).write_bytes(0, 1) };
        }
    }
}

impl<T> Drop for Mapping<T> {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped; nothing borrows from it.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
