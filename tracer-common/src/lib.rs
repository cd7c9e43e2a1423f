//! The binary contract between the kernel programs and the user side.
//!
//! Both sides are compiled from these files, so a struct, a number or a limit exists once. Every
//! type is `repr(C)` without implicit padding; the size of each is asserted at compile time.
#![no_std]

pub mod config;
pub mod key;
pub mod limits;
pub mod loss;
pub mod record;

/// Version of everything in this crate. A recording carries it; a reader refuses another one.
pub const CONTRACT_VERSION: u32 = 5;
