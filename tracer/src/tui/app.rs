//! What the user looks at, and how actions change it. No input, no output.

use super::Options;
use super::action::{Action, Arrange, Effect, Step};
use super::column::{CallColumn, Column, ContainerColumn, Context};
use super::keys::Mode;
use super::list::{List, stepped};
use crate::snapshot::{CallRow, Row, Snapshot, SubjectId};
use crate::text::Charset;

pub struct App {
    pub options: Options,
    pub screen: Screen,
    pub containers: List<ContainerColumn>,
    pub calls: List<CallColumn>,
    /// The help, when it is open: its first line on the screen.
    pub help: Option<Scroll>,
    typing: bool,
    /// The picture is held.
    pub paused: bool,
    /// No more snapshots will come.
    pub ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    Containers,
    /// Of this container.
    Calls(SubjectId),
}

/// A place in a text, with what is known of it since it was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    pub top: usize,
    pub page: usize,
    pub last: usize,
}

impl App {
    pub fn new(options: Options) -> Self {
        Self {
            screen: Screen::Containers,
            containers: List::new(),
            calls: List::new(),
            help: None,
            typing: false,
            paused: false,
            ended: false,
            options,
        }
    }

    pub const fn charset(&self) -> Charset {
        if self.options.ascii { Charset::Ascii } else { Charset::Unicode }
    }

    pub const fn mode(&self) -> Mode {
        match (&self.help, self.typing, &self.screen) {
            (Some(_), _, _) => Mode::Help,
            (None, true, _) => Mode::Filter,
            (None, false, Screen::Containers) => Mode::Containers,
            (None, false, Screen::Calls(_)) => Mode::Calls,
        }
    }

    /// Of the table on the screen.
    pub fn filter(&self) -> &str {
        match self.screen {
            Screen::Containers => self.containers.filter(),
            Screen::Calls(_) => self.calls.filter(),
        }
    }

    /// The opened container, if it still is in the trace.
    pub fn opened<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Row> {
        let Screen::Calls(key) = &self.screen else { return None };
        snapshot.rows.iter().find(|row| ContainerColumn::key(row) == *key)
    }

    /// `snapshot` is what is on the screen, None before the first one.
    pub fn update(&mut self, action: Action, snapshot: Option<&Snapshot>) -> Effect {
        match action {
            Action::Quit => return Effect::Quit,
            Action::Help => self.help = if self.help.is_some() { None } else { Some(Scroll::default()) },
            Action::Pause => self.paused = !self.paused,
            Action::Move(step) => self.step(step, snapshot),
            Action::Open => self.open(snapshot),
            Action::Back => self.back(),
            Action::Filter => self.typing = true,
            Action::Accept => self.typing = false,
            Action::Cancel => {
                self.typing = false;
                self.arrange(Arrange::EraseAll);
            }
            Action::Arrange(how) => self.arrange(how),
        }
        Effect::Redraw
    }

    fn step(&mut self, step: Step, snapshot: Option<&Snapshot>) {
        if let Some(help) = &mut self.help {
            help.top = stepped(help.top, step, help.page, help.last);
            return;
        }
        let Some(snapshot) = snapshot else { return };
        let context = Context { snapshot, charset: self.charset() };
        match &self.screen {
            Screen::Containers => {
                let rows = self.containers.rows(&snapshot.rows, &context);
                self.containers.step(&rows, step);
            }
            Screen::Calls(_) => {
                let calls: &[CallRow] = self.opened(snapshot).map_or(&[], |row| &row.calls);
                let rows = self.calls.rows(calls, &context);
                self.calls.step(&rows, step);
            }
        }
    }

    fn open(&mut self, snapshot: Option<&Snapshot>) {
        let Some(snapshot) = snapshot else { return };
        let context = Context { snapshot, charset: self.charset() };
        let rows = self.containers.rows(&snapshot.rows, &context);
        // The row that was opened is the one to come back to.
        self.containers.select(&rows);
        if let Some(row) = rows.get(self.containers.index(&rows)) {
            self.screen = Screen::Calls(ContainerColumn::key(row));
            self.calls.restart();
        }
    }

    fn back(&mut self) {
        if self.filter().is_empty() {
            self.screen = Screen::Containers;
        } else {
            self.arrange(Arrange::EraseAll);
        }
    }

    fn arrange(&mut self, how: Arrange) {
        match self.screen {
            Screen::Containers => self.containers.arrange(how),
            Screen::Calls(_) => self.calls.arrange(how),
        }
    }
}

#[cfg(test)]
mod tests;
