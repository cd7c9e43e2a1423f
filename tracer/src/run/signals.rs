//! Ctrl-C and its relatives: the first one ends in order, the second one at once.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Whether a signal asked for the end.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicI32>);

impl Stop {
    pub(super) fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// From inside ctrace: the user has quit, or the receiver has gone.
    pub(super) fn request(&self) {
        self.0.store(-1, Ordering::Relaxed);
    }

    /// Waits that long unless it is asked for the end; true if it was.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        while !self.requested() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        true
    }

    /// Watches for SIGINT, SIGTERM and SIGHUP in a thread of its own.
    pub(super) fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let seen = stop.clone();
        let runtime =
            runtime::Builder::new_current_thread().enable_io().build().context("cannot watch for signals")?;
        let guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot watch for SIGHUP")?;
        drop(guard);
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        let number = tokio::select! {
                            _ = interrupt.recv() => SignalKind::interrupt(),
                            _ = terminate.recv() => SignalKind::terminate(),
                            _ = hangup.recv() => SignalKind::hangup(),
                        }
                        .as_raw_value();
                        if seen.0.swap(number, Ordering::Relaxed) > 0 {
                            process::exit(128 + number);
                        }
                    }
                });
            })
            .context("cannot start a thread")?;
        Ok(stop)
    }
}
