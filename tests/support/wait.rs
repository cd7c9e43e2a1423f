//! Waiting: for a condition, never for a length of time.

use std::thread;
use std::time::{Duration, Instant};

/// After which a condition is given up; far more than a slow machine needs.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Returns what `condition` finds, or fails saying that `what` did not come about.
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {DEADLINE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
