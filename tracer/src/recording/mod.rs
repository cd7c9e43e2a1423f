//! Recordings: batches in a file, so that every face works on them later, elsewhere, and without
//! privileges.
//!
//! A file is [`MAGIC`] and then frames: kind (1 byte), length of the payload (u32), CRC-32 of kind and
//! payload (u32), payload. Numbers are little-endian. The first frame is the session; then, for
//! each batch, a frame of what it held. A file that ends in the middle of a frame was being written
//! when its machine stopped: what is whole is read, and the end is reported.

mod blank;
mod frame;
mod reader;
mod sample;
mod writer;

pub use reader::{Replay, ReplayError};
pub use writer::Recorder;

/// Starts every recording; the last byte is the format's version.
pub const MAGIC: [u8; 8] = *b"ctrace\0\x01";
