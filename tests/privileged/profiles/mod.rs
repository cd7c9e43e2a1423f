//! The proof that profiles are right: what was recorded runs again under its profile, on every runtime and in
//! every way to start it; the kernel's own record of what it saw; the filters that were really installed.

mod cells;
mod filter;
mod matrix;
mod numbers;
mod oracle;
mod refusals;
mod surplus;
mod table;
mod workloads;
