//! The screen without a terminal, for pictures and measurements.

use std::convert::Infallible;
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::app::App;
use super::key::Key;
use super::{Options, view};
use crate::snapshot::{Demand, Snapshot};

/// Snapshots and keys in, pictures out.
pub struct Offscreen(App);

impl Offscreen {
    pub fn new(options: Options) -> Self {
        Self(App::new(options))
    }

    pub fn push(&mut self, snapshot: Arc<Snapshot>) {
        self.0.history.push(snapshot);
    }

    /// What the view wants to be looked at closely.
    pub fn demand(&self) -> Option<Demand> {
        self.0.demand()
    }

    /// `keys`: their names, with spaces between. What a key does outside the screen is left out. Fails with the name that
    /// is none.
    pub fn press(&mut self, keys: &str) -> Result<(), String> {
        for key in keys.split_whitespace() {
            let key: Key = key.parse()?;
            if let Some(action) = self.0.options.keys.action(self.0.mode(), key) {
                self.0.update(action);
            }
        }
        Ok(())
    }

    /// `size`: columns and lines.
    pub fn picture(&mut self, (width, height): (u16, u16)) -> Result<Buffer, Infallible> {
        let mut terminal = Terminal::new(TestBackend::new(width, height))?;
        Ok(terminal.draw(|frame| view::draw(frame, &mut self.0))?.buffer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::sample;

    fn text(buffer: &Buffer) -> String {
        buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn keys_change_the_picture() {
        let mut screen = Offscreen::new(Options::default());
        screen.push(Arc::new(sample::three()));
        assert!(text(&screen.picture((80, 24)).unwrap()).contains("web-1"));
        assert_eq!(screen.demand(), None);
        screen.press("/ w e b - 1 Enter Enter 5").unwrap();
        assert!(text(&screen.picture((80, 24)).unwrap()).contains("files: all containers > web-1"));
        assert!(screen.demand().is_some());
        assert!(screen.press("Entr").unwrap_err().contains("Entr"));
    }
}
