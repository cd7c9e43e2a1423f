//! The terminal while ctrace draws on it, and its return to the state it was in: on every way out,
//! a panic on any thread included.

use std::io::{self, IsTerminal, Stdout, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};

/// Whether the terminal is ours. There is one, so is this.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The panic hook is set once; without a screen it does nothing.
static HOOK: Once = Once::new();

/// Whoever has it has the terminal; dropping it gives the terminal back.
pub struct Screen {
    /// Not dropped: on a closed terminal ratatui would report that to standard error, which is closed
    /// too, and panic. The guard does all that is needed.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    _guard: Guard,
}

/// What became of a picture.
pub enum Drawn {
    Done,
    /// Nobody can see it any more.
    Closed,
}

impl Screen {
    pub fn open() -> Result<Self> {
        if !stdout().is_terminal() {
            bail!("cannot draw: standard output is not a terminal; `ctrace top --once` prints instead");
        }
        HOOK.call_once(|| {
            let report = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                report(info);
            }));
        });
        TAKEN.store(true, Ordering::SeqCst);
        let guard = Guard;
        enable_raw_mode().context("cannot set the terminal to raw mode")?;
        execute!(stdout(), EnterAlternateScreen, Hide).context("cannot write to the terminal")?;
        let terminal =
            Terminal::new(CrosstermBackend::new(stdout())).context("cannot draw on the terminal")?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), _guard: guard })
    }

    /// Draws a picture of the size that the terminal has now.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> Result<Drawn> {
        if !TAKEN.load(Ordering::SeqCst) {
            bail!("a part of ctrace has panicked, see above; what the screen showed was no longer complete");
        }
        match self.terminal.draw(picture) {
            Ok(_) => Ok(Drawn::Done),
            Err(error) if closed(&error) => Ok(Drawn::Closed),
            Err(error) => Err(error).context("cannot draw on the terminal"),
        }
    }
}

/// A hung-up terminal answers with EIO, one behind a pipe with EPIPE.
fn closed(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        || error.kind() == io::ErrorKind::BrokenPipe
}

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Once for each [`Screen`]. There is nothing to be done about a terminal that takes no restoring.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
