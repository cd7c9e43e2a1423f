//! `ctrace top` on a terminal: snapshots and keys in, pictures out.
//!
//! ```text
//! keys -> Action -> App::update -> Effect       snapshots
//!                        |                          |
//!                        '-------- view::draw <-----'
//! ```
//!
//! It sees snapshots and nothing else of a trace, so a recording looks like the live thing.

mod action;
mod app;
mod column;
mod input;
mod key;
mod keys;
mod list;
mod names;
pub mod plain;
#[cfg(test)]
mod sample;
mod term;
mod view;
pub mod visual;

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::snapshot::Snapshot;
use action::Effect;
use app::App;
use input::Input;
use key::Key;
use term::{Drawn, Screen};

/// How to show it; constant while it is shown.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The snapshots come from a recording.
    pub replay: bool,
    /// What was asked for on the command line, for the header; empty: everything. The snapshots
    /// hold nothing else.
    pub filter: String,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Colours. Whoever calls has looked at `NO_COLOR` and the like.
    pub color: bool,
}

/// Shows the newest of `snapshots` until the user quits, a signal asks for the end, or the terminal
/// is closed. When the sender is dropped, the last snapshot stays.
pub async fn run(mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>, options: Options) -> Result<()> {
    let mut resize = listen(SignalKind::window_change())?;
    let mut end = End::new()?;
    let mut input = Input::open()?;
    let mut screen = Screen::open()?;
    let mut app = App::new(options);
    let mut shown = None;
    let mut dirty = true;
    loop {
        if !app.paused {
            shown.clone_from(&snapshots.borrow_and_update());
        }
        if dirty && let Drawn::Closed = screen.draw(|frame| view::draw(frame, &mut app, shown.as_deref()))? {
            return Ok(());
        }
        dirty = tokio::select! {
            key = input.next() => match key {
                Some(key) => match press(&mut app, key, shown.as_deref()) {
                    Some(Effect::Quit) => return Ok(()),
                    Some(Effect::Redraw) => true,
                    None => false,
                },
                None => return Ok(()),
            },
            changed = snapshots.changed(), if !app.ended => {
                app.ended = changed.is_err();
                app.ended || !app.paused
            }
            _ = resize.recv() => true,
            () = end.wanted() => return Ok(()),
        };
    }
}

fn press(app: &mut App, key: Key, shown: Option<&Snapshot>) -> Option<Effect> {
    let action = keys::action(app.mode(), key)?;
    Some(app.update(action, shown))
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

/// The signals that ask for the end.
struct End {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl End {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
