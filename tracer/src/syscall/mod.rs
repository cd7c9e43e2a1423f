//! Names of system calls and errors, by architecture.
