//! The kernel programs of ctrace: BTF tracepoints, no other hooks.
//!
//! `syscall`, `process`, `cgroup`, `io_uring` and `capability` are the hooks. They ask `task` who is running, `count` to
//! count and `emit` to write a record; only `emit` touches the ring buffer, only `config` the
//! constants that user space sets.
#![no_std]
#![no_main]
// Stable Rust offers neither atomic addition nor inline assembly on this target.
#![feature(core_intrinsics, asm_experimental_arch)]
#![allow(internal_features, reason = "the line above")]

mod capability;
mod cgroup;
mod config;
mod count;
mod directory;
mod draft;
mod emit;
mod fields;
mod io_uring;
mod kernel;
mod maps;
mod owner;
mod process;
mod read;
mod regs;
mod state;
mod syscall;
mod task;
mod vector;

// GPL-compatible: the kernel offers some helpers to such programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses a program in which this can be reached.
    loop {}
}
