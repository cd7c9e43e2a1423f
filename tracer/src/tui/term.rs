//! The terminal while ctrace draws on it, and its return to the state it was in: on every way out,
//! a panic on any thread included.

use std::io::{self, IsTerminal, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};

/// Whether the terminal is ours. There is one, so is this.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Presses and the wheel, with places beyond column 223:
/// <https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h2-Mouse-Tracking>
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// Terminals take no more than that at a time, some less.
const COPY_MAX: usize = 4096;

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
    pub fn open(mouse: bool) -> Result<Self> {
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
        let screen = Self { terminal: ManuallyDrop::new(terminal), _guard: guard };
        if mouse {
            screen.mouse(true)?;
        }
        Ok(screen)
    }

    /// Takes the mouse from the terminal, which then cannot select text with it, or gives it back.
    #[expect(clippy::unused_self, reason = "only who has the screen may")]
    pub fn mouse(&self, ours: bool) -> Result<()> {
        write(if ours { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Puts a text into the clipboard of whoever sits before the terminal, if it lets us: OSC 52.
    #[expect(clippy::unused_self, reason = "only who has the screen may")]
    pub fn copy(&self, text: &str) -> Result<()> {
        if text.len() > COPY_MAX {
            return Ok(());
        }
        write(&format!("\x1b]52;c;{}\x07", STANDARD.encode(text)))
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

fn write(sequence: &str) -> Result<()> {
    let mut out = stdout();
    let written = out.write_all(sequence.as_bytes()).and_then(|()| out.flush());
    match written {
        // The next picture finds that out.
        Err(error) if closed(&error) => Ok(()),
        written => written.context("cannot write to the terminal"),
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
        let _ = write(MOUSE_OFF);
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}
