//! Waiting: for a condition, never for a length of time.

use std::thread;
use std::time::{Duration, Instant};

/// After which a condition is given up; far more than a slow machine needs.
const DEADLINE: Duration = Duration::from_mins(1);

/// How many times longer everything takes here than on a usual machine: set in virtual machines without
/// hardware support by `cargo xtask vm`.
const SLOWNESS: &str = "CTRACE_TEST_SLOWNESS";

/// A length of time that is enough on a usual machine, as it must be on this one.
pub fn here(time: Duration) -> Duration {
    let slowness = std::env::var(SLOWNESS).map_or(1, |text| text.parse().expect(SLOWNESS));
    time * slowness
}

/// Returns what `condition` finds, or fails saying that `what` did not come about.
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    until_or(what, condition, String::new)
}

/// The same, with `evidence` of what there was instead.
pub fn until_or<T>(what: &str, mut condition: impl FnMut() -> Option<T>, evidence: impl Fn() -> String) -> T {
    let deadline = here(DEADLINE);
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "{what}: not within {deadline:?}{}", evidence());
        thread::sleep(Duration::from_millis(5));
    }
}
