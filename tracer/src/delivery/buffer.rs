//! Printed lines, in memory that is used again once every sink is through with them.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// That many are kept: one is printed to, one is written, one waits. Those that a long queue took are given back.
const SPARE: usize = 3;

/// Lines that several sinks read. Its memory goes back to where it came from.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    pool: Option<Pool>,
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<&[u8]> for Buffer {
    /// With memory of its own, as much as it needs.
    fn from(lines: &[u8]) -> Self {
        Self { bytes: lines.to_vec(), pool: None }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            pool.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

/// Memory that nobody uses at the moment.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Bytes that new memory has.
    size: usize,
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Pool {
    pub fn new(size: usize) -> Self {
        Self { size, spare: Arc::default() }
    }

    pub fn get(&self) -> Vec<u8> {
        let spare = self.lock().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(self.size))
    }

    /// Takes the lines out of `bytes`: with their memory if they fill it well, so that a queue of short chunks is no
    /// larger than they are.
    pub fn take(&self, bytes: &mut Vec<u8>) -> Buffer {
        if bytes.len() < bytes.capacity() / 2 {
            let lines = Buffer::from(bytes.as_slice());
            bytes.clear();
            return lines;
        }
        let lines = std::mem::replace(bytes, self.get());
        Buffer { bytes: lines, pool: Some(self.clone()) }
    }

    fn give_back(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut spare = self.lock();
        if spare.len() < SPARE {
            spare.push(bytes);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_when_the_last_reader_is_through() {
        let pool = Pool::new(8);
        let mut bytes = pool.get();
        bytes.extend_from_slice(b"lines\n");
        let place = bytes.as_ptr();
        let lines = Arc::new(pool.take(&mut bytes));
        assert_eq!((&**lines, bytes.len(), lines.as_ptr()), (&b"lines\n"[..], 0, place), "moved, not copied");
        let reader = Arc::clone(&lines);
        drop(lines);
        assert!(pool.lock().is_empty());
        drop(reader);
        let again = pool.get();
        assert_eq!(again.as_ptr(), place);
    }

    #[test]
    fn little_takes_little_and_much_is_not_kept() {
        let pool = Pool::new(1000);
        let mut bytes = pool.get();
        bytes.extend_from_slice(b"line\n");
        let lines = pool.take(&mut bytes);
        assert_eq!((lines.bytes.capacity(), bytes.capacity(), bytes.len()), (5, 1000, 0));
        for _ in 0..SPARE + 2 {
            pool.give_back(Vec::with_capacity(10));
        }
        assert_eq!(pool.lock().len(), SPARE);
    }
}
