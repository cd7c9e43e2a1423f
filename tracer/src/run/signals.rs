//! Ctrl-C and its relatives: the first one ends in order, the second one at once.

use std::fs::File;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether a signal asked for the end.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The signal's number, [`BY_US`], or 0.
    signal: AtomicI32,
    /// That signal was passed on.
    taken: AtomicBool,
    /// What has to be put right even if there is no time for anything else.
    abort: Mutex<Option<Box<dyn Fn() + Send>>>,
}

const BY_US: i32 = -1;

impl Stop {
    pub(super) fn requested(&self) -> bool {
        self.0.signal.load(Ordering::Relaxed) != 0
    }

    /// From inside ctrace: the user has quit, or the receiver has gone.
    pub(super) fn request(&self) {
        self.0.signal.store(BY_US, Ordering::Relaxed);
    }

    /// The signal, the first time it is asked for.
    pub(super) fn take_signal(&self) -> Option<i32> {
        let number = self.0.signal.load(Ordering::Relaxed);
        (number > 0 && !self.0.taken.swap(true, Ordering::Relaxed)).then_some(number)
    }

    /// Does this before a second signal ends ctrace at once.
    pub(super) fn on_abort(&self, act: impl Fn() + Send + 'static) {
        if let Ok(mut abort) = self.0.abort.lock() {
            *abort = Some(Box::new(act));
        }
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
        stop.watch(None)?;
        Ok(stop)
    }

    /// The same, but SIGUSR1 calls `reopen`, and so does SIGHUP where there is no terminal that could hang up.
    pub(super) fn watch_and_reopen(&self, reopen: impl Fn() + Send + 'static) -> Result<()> {
        self.watch(Some(Box::new(reopen)))
    }

    fn watch(&self, reopen: Option<Box<dyn Fn() + Send>>) -> Result<()> {
        let seen = self.clone();
        let runtime =
            runtime::Builder::new_current_thread().enable_io().build().context("cannot watch for signals")?;
        let guard = runtime.enter();
        let listen = |kind, name| signal(kind).with_context(|| format!("cannot watch for {name}"));
        let mut interrupt = listen(SignalKind::interrupt(), "SIGINT")?;
        let mut terminate = listen(SignalKind::terminate(), "SIGTERM")?;
        let mut hangup = listen(SignalKind::hangup(), "SIGHUP")?;
        let mut user = match reopen {
            Some(_) => Some(listen(SignalKind::user_defined1(), "SIGUSR1")?),
            None => None,
        };
        drop(guard);
        let hangup_ends = reopen.is_none() || has_terminal();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    loop {
                        let kind = tokio::select! {
                            _ = interrupt.recv() => SignalKind::interrupt(),
                            _ = terminate.recv() => SignalKind::terminate(),
                            _ = hangup.recv() => SignalKind::hangup(),
                            () = next(user.as_mut()) => SignalKind::user_defined1(),
                        };
                        match &reopen {
                            Some(reopen)
                                if kind == SignalKind::user_defined1()
                                    || (kind == SignalKind::hangup() && !hangup_ends) =>
                            {
                                reopen();
                            }
                            _ => seen.end(kind.as_raw_value()),
                        }
                    }
                });
            })
            .context("cannot start a thread")?;
        Ok(())
    }

    /// In order the first time, at once the second.
    fn end(&self, number: i32) {
        if self.0.signal.swap(number, Ordering::Relaxed) > 0 {
            if let Ok(abort) = self.0.abort.lock()
                && let Some(act) = &*abort
            {
                act();
            }
            process::exit(128 + number);
        }
    }
}

/// The next signal; without a source never.
async fn next(source: Option<&mut Signal>) {
    match source {
        Some(source) => _ = source.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether there is a controlling terminal.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
