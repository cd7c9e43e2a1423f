//! Pictures of numbers, and words for failures: functions of plain data, without a terminal.

pub mod explain;
pub mod heat;
pub mod histogram;
mod slot;
pub mod spark;
pub mod svg;
#[cfg(test)]
mod testing;
