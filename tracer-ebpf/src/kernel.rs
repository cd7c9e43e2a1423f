//! The running kernel's types, by CO-RE: declarations that `cargo xtask build-ebpf` makes from
//! `kernel.fields`, together with the functions behind them.
#![allow(non_camel_case_types, dead_code, reason = "kernel names; not every field is loaded in every way")]

include!(env!("CTRACE_KERNEL_RS"));

// Makes cargo link anew when the functions' own file changes.
const _: &[u8] = include_bytes!(env!("CTRACE_KERNEL_IR"));
