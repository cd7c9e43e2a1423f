//! `ctrace top` on a terminal: snapshots and keys in, pictures out.
//!
//! ```text
//! keys -> Action -> App::update -> Effect       snapshots -> History
//!                        |                                      |
//!                        '------------ view::draw <-------------'
//! ```
//!
//! It sees snapshots and nothing else of a trace, so a recording looks like the live thing. What it wants beyond
//! counts it tells in a [`Wish`]; what is to be done in files it asks of [`Outside`].

mod action;
mod app;
mod column;
mod config;
mod history;
mod input;
mod key;
mod keys;
mod list;
mod merge;
mod names;
mod needle;
mod offscreen;
pub mod outside;
mod palette;
mod place;
pub mod plain;
mod pretty;
#[cfg(test)]
mod sample;
mod table;
mod term;
mod view;
pub mod visual;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::snapshot::{Demand, Snapshot};
use action::Effect;
use app::App;
pub use config::{Config, SECTIONS};
use input::Input;
use key::{Key, Mouse};
pub use keys::Keys;
pub use offscreen::Offscreen;
pub use outside::Outside;
use term::{Drawn, Screen};

/// How to show it; constant while it is shown.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is set by itself")]
pub struct Options {
    /// The snapshots come from a recording.
    pub replay: bool,
    /// How much faster than it was recorded, at first.
    pub speed: f64,
    /// What was asked for on the command line, for the header; empty: everything. The snapshots
    /// hold nothing else.
    pub filter: String,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Colours. Whoever calls has looked at `NO_COLOR` and the like.
    pub color: bool,
    /// Take the mouse from the terminal.
    pub mouse: bool,
    pub keys: Keys,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replay: false,
            speed: 1.0,
            filter: String::new(),
            ascii: false,
            color: false,
            mouse: true,
            keys: Keys::default(),
        }
    }
}

/// What the screen wants of whoever makes the snapshots.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    pub demand: Option<Demand>,
    /// Of a replay: as many times as fast as it was recorded.
    pub speed: f64,
}

impl Default for Wish {
    fn default() -> Self {
        Self { demand: None, speed: 1.0 }
    }
}

/// How long an answer stays.
const MESSAGE: Duration = Duration::from_secs(8);

/// Two presses within this are a double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(400);

/// Shows the newest of `snapshots` until the user quits, a signal asks for the end, or the terminal
/// is closed. When the sender is dropped, the last snapshot stays.
pub async fn run(
    mut snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    wishes: watch::Sender<Wish>,
    options: Options,
    outside: &dyn Outside,
) -> Result<()> {
    let mut resize = listen(SignalKind::window_change())?;
    let mut end = End::new()?;
    let mut input = Input::open()?;
    let mut screen = Screen::open(options.mouse)?;
    let mut app = App::new(options);
    let mut pressed: Option<(Mouse, Instant)> = None;
    let mut message_until = Instant::now();
    let mut dirty = true;
    loop {
        let wish = Wish { demand: app.demand(), speed: app.speed };
        wishes.send_if_modified(|sent| {
            let changed = *sent != wish;
            *sent = wish;
            changed
        });
        if dirty && let Drawn::Closed = screen.draw(|frame| view::draw(frame, &mut app))? {
            return Ok(());
        }
        dirty = tokio::select! {
            key = input.next() => {
                let effect = match key {
                    Some(Key::Mouse(mouse)) => {
                        let again = pressed.is_some_and(|(last, at)| last == mouse && at.elapsed() < DOUBLE_CLICK);
                        pressed = (!again).then(|| (mouse, Instant::now()));
                        app.point(mouse, again)
                    }
                    Some(key) => app.options.keys.action(app.mode(), key).map(|action| app.update(action)),
                    None => return Ok(()),
                };
                match effect {
                    Some(Effect::Quit) => return Ok(()),
                    Some(effect) => {
                        act(&effect, &mut app, &mut screen, outside)?;
                        message_until = Instant::now() + MESSAGE;
                        true
                    }
                    None => false,
                }
            },
            changed = snapshots.changed(), if !app.ended => {
                app.ended = changed.is_err();
                let newest = snapshots.borrow_and_update().clone();
                if !app.ended && let Some(snapshot) = newest {
                    app.history.push(snapshot);
                }
                true
            }
            () = sleep_until(message_until), if app.message.is_some() => {
                app.message = None;
                true
            }
            _ = resize.recv() => true,
            () = end.wanted() => return Ok(()),
        };
    }
}

fn act(effect: &Effect, app: &mut App, screen: &mut Screen, outside: &dyn Outside) -> Result<()> {
    let answer = match effect {
        Effect::Redraw | Effect::Quit => return Ok(()),
        Effect::Mouse(ours) => return screen.mouse(*ours),
        Effect::WriteProfile(of) => match app.shown() {
            Some(snapshot) => outside.write_profile(&snapshot, of),
            None => Err(NOTHING_YET.to_owned()),
        },
        Effect::CopyCommand => match app.shown() {
            Some(snapshot) => {
                let line = outside.command_line(&snapshot, &app.scope());
                screen.copy(&line)?;
                Ok(line)
            }
            None => Err(NOTHING_YET.to_owned()),
        },
        Effect::Export(format) => match (app.shown(), app.export()) {
            (Some(snapshot), Some(table)) => outside.export(&table, *format, snapshot.wall_ns),
            _ => Err(NOTHING_YET.to_owned()),
        },
    };
    app.message = Some(answer.unwrap_or_else(|error| error));
    Ok(())
}

const NOTHING_YET: &str = "there is no sample yet";

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
