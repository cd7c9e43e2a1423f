//! How things look. Nothing is told by colour alone, and only the terminal's own 16 colours and its
//! default ones are used: they can be read on dark and on light.

use ratatui::style::{Color, Modifier, Style};

use crate::text::Charset;
use crate::tui::Options;

#[derive(Clone, Copy)]
pub struct Look {
    pub charset: Charset,
    color: bool,
}

impl Look {
    pub const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
    pub const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);
    /// What is no longer there.
    pub const GONE: Style = Style::new().add_modifier(Modifier::DIM);

    pub fn new(options: &Options) -> Self {
        Self { charset: if options.ascii { Charset::Ascii } else { Charset::Unicode }, color: options.color }
    }

    /// Something is missing.
    pub const fn loss(self) -> Style {
        self.colored(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is shown is not what is.
    pub const fn held(self) -> Style {
        self.colored(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// A key in the footer.
    pub const fn key(self) -> Style {
        self.colored(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub const fn colored(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// The column that the table is sorted by.
    pub const fn sorted(self, from_largest: bool) -> char {
        match (self.charset, from_largest) {
            (Charset::Unicode, true) => '▼',
            (Charset::Unicode, false) => '▲',
            (Charset::Ascii, true) => 'v',
            (Charset::Ascii, false) => '^',
        }
    }

    /// Where the filter is being typed.
    pub const fn cursor(self) -> char {
        match self.charset {
            Charset::Unicode => '▏',
            Charset::Ascii => '_',
        }
    }
}
