//! Names of signals, the same on all architectures that ctrace knows.

use super::uapi::SIGNALS;

/// `SIGKILL` for 9. Real-time signals are `SIGRTMIN` (32, as the kernel counts) and `SIGRT_1` to `SIGRT_32`.
pub fn name(signal: u32) -> Option<&'static str> {
    SIGNALS.get(usize::try_from(signal).ok()?).copied().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        for (signal, text) in
            [(1, "SIGHUP"), (6, "SIGABRT"), (9, "SIGKILL"), (17, "SIGCHLD"), (29, "SIGIO"), (31, "SIGSYS")]
        {
            assert_eq!(name(signal), Some(text));
        }
        for (signal, text) in [(32, "SIGRTMIN"), (33, "SIGRT_1"), (64, "SIGRT_32")] {
            assert_eq!(name(signal), Some(text));
        }
    }

    #[test]
    fn what_is_no_signal_has_no_name() {
        for signal in [0, 65, 128, u32::MAX] {
            assert_eq!(name(signal), None, "{signal}");
        }
    }
}
