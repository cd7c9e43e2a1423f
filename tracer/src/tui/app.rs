//! What the user looks at, and how actions change it. No input, no output.

use std::sync::Arc;

use super::action::{Action, Arrange, Effect, Go, Step, Time, Type};
use super::column::Context;
use super::history::History;
use super::key::{Click, Key, Mouse};
use super::keys::Mode;
use super::list::stepped;
use super::outside::Scope;
use super::palette::{Command, Palette};
use super::place::{Opened, Place, VIEWS, View, is};
use super::table::{Hit, Order, Table};
use super::{Options, names};
use crate::export;
use crate::snapshot::{Demand, Only, Row, Snapshot, Subject, SubjectId};
use crate::text::Charset;

#[expect(clippy::struct_excessive_bools, reason = "each is switched by itself")]
pub struct App {
    pub options: Options,
    pub history: History,
    pub place: Place,
    /// Where one came from, the first one first.
    before: Vec<Place>,
    /// How each view was sorted last.
    orders: [Option<Order>; VIEWS.len()],
    pub over: Over,
    pub tree: bool,
    /// Everything that is known of the opened container is shown.
    pub expanded: bool,
    /// Of a replay: as many times as fast as it was recorded.
    pub speed: f64,
    /// The mouse is ours.
    pub mouse: bool,
    /// No more snapshots will come.
    pub ended: bool,
    /// An answer to what was done last, not safe to show.
    pub message: Option<String>,
    pub drawn: Drawn,
}

/// What is typed, or open before the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    Nothing,
    Filter,
    Palette(Palette),
    /// Which of [`VIEWS`].
    Picker(usize),
    Export,
    Text(Text),
    Help(Scroll),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub title: String,
    pub body: String,
    pub scroll: Scroll,
}

/// A place in a text, with what is known of it since it was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    pub top: usize,
    pub page: usize,
    pub last: usize,
}

/// What of the last picture a mouse can point at.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// Line of the table's titles, and lines of the table with it.
    pub table: (u16, u16),
    pub footer: u16,
    /// End of each key's place in the footer.
    pub keys: Vec<(usize, Key)>,
}

/// Between a tenth and a thousand times.
const SPEEDS: [f64; 13] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Lines of a turn of the wheel.
const WHEEL: usize = 3;

impl App {
    pub fn new(options: Options) -> Self {
        Self {
            history: History::default(),
            place: Place::new(View::Containers, None, Only::default()),
            before: Vec::new(),
            orders: [None; VIEWS.len()],
            over: Over::Nothing,
            tree: false,
            expanded: false,
            speed: options.speed,
            mouse: options.mouse,
            ended: false,
            message: None,
            drawn: Drawn::default(),
            options,
        }
    }

    pub const fn charset(&self) -> Charset {
        if self.options.ascii { Charset::Ascii } else { Charset::Unicode }
    }

    pub const fn mode(&self) -> Mode {
        match self.over {
            Over::Nothing => Mode::Table,
            Over::Filter => Mode::Filter,
            Over::Palette(_) => Mode::Palette,
            Over::Picker(_) => Mode::Picker,
            Over::Export => Mode::Export,
            Over::Text(_) => Mode::Text,
            Over::Help(_) => Mode::Help,
        }
    }

    /// What is on the screen, None before the first one.
    pub fn shown(&self) -> Option<Arc<Snapshot>> {
        self.history.shown().map(Arc::clone)
    }

    /// What has to be looked at closely for it.
    pub fn demand(&self) -> Option<Demand> {
        self.place.demand()
    }

    /// The opened container, if it still is in the trace.
    pub fn opened<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Row> {
        let of = self.place.of.as_ref()?;
        snapshot.rows.iter().find(|row| is(&row.subject, &of.id))
    }

    /// The table on the screen, and what its rows depend on.
    pub fn parts<'a>(&'a mut self, snapshot: &'a Snapshot) -> (&'a mut dyn Table, Context<'a>) {
        let charset = self.charset();
        let Place { of, only, table, .. } = &mut self.place;
        let of = of.as_ref().map(|of| &of.id);
        (table.as_mut(), Context { snapshot, history: &self.history, of, only, tree: self.tree, charset })
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut dyn Table, &Context<'_>) -> T) -> Option<T> {
        let snapshot = self.shown()?;
        let (table, context) = self.parts(&snapshot);
        Some(act(table, &context))
    }

    pub fn update(&mut self, action: Action) -> Effect {
        self.message = None;
        match action {
            Action::Quit => return Effect::Quit,
            Action::Help => {
                let open = matches!(self.over, Over::Help(_));
                self.over = if open { Over::Nothing } else { Over::Help(Scroll::default()) };
            }
            Action::Move(step) => self.step(step),
            Action::Go(go) => self.go(go),
            Action::Filter => self.over = Over::Filter,
            Action::Palette => self.over = Over::Palette(Palette::default()),
            Action::Type(what) => self.type_in(what),
            Action::Accept => return self.accept(),
            Action::Cancel => {
                if self.over == Over::Filter {
                    self.place.table.needle_mut().clear();
                }
                self.over = Over::Nothing;
            }
            Action::Arrange(how) => self.arrange(how),
            Action::Time(time) => self.travel(time),
            Action::Tree => self.tree = !self.tree,
            Action::Expand => self.expanded = !self.expanded,
            Action::ChooseFormat => self.over = Over::Export,
            Action::Export(format) => {
                self.over = Over::Nothing;
                return Effect::Export(format);
            }
            Action::CopyCommand => return Effect::CopyCommand,
            Action::WriteProfile => return self.write_profile(),
            Action::Mouse => {
                self.mouse = !self.mouse;
                self.message =
                    Some(if self.mouse { "mouse on" } else { "mouse off: the terminal has it" }.into());
                return Effect::Mouse(self.mouse);
            }
        }
        Effect::Redraw
    }

    fn step(&mut self, step: Step) {
        match &mut self.over {
            Over::Help(scroll) | Over::Text(Text { scroll, .. }) => {
                scroll.top = stepped(scroll.top, step, scroll.page, scroll.last);
            }
            Over::Picker(nth) => *nth = stepped(*nth, step, VIEWS.len(), VIEWS.len() - 1),
            Over::Nothing | Over::Filter | Over::Palette(_) | Over::Export => {
                self.with(|table, context| table.step(step, context));
            }
        }
    }

    fn go(&mut self, go: Go) {
        match go {
            Go::Open => self.open(),
            Go::Back if !self.place.table.needle().is_empty() => self.place.table.needle_mut().clear(),
            Go::Back => {
                self.remember();
                if let Some(place) = self.before.pop() {
                    self.place = place;
                }
            }
            Go::Pick => self.over = Over::Picker(self.place.view.nth()),
            Go::View(view) => self.view(view),
            Go::Nth(nth) => {
                if let Some(spec) = VIEWS.get(nth) {
                    self.view(spec.view);
                }
            }
            Go::Next => self.beside(1),
            Go::Previous => self.beside(VIEWS.len() - 1),
        }
    }

    fn beside(&mut self, places: usize) {
        let to = |from: usize| (from + places) % VIEWS.len();
        let mut nth = to(self.place.view.nth());
        // The table of all containers would leave the opened one.
        if self.place.of.is_some() && nth == View::Containers.nth() {
            nth = to(nth);
        }
        self.go(Go::Nth(nth));
    }

    fn open(&mut self) {
        let opened = self.with(|table, context| table.open(context)).flatten();
        match opened {
            Some(Opened::Place { view, of, only }) => {
                let of = of.map(Into::into).or_else(|| self.place.of.clone());
                self.remember();
                let place = self.sorted(Place::new(view, of, only));
                self.before.push(std::mem::replace(&mut self.place, place));
            }
            Some(Opened::Moment(elapsed_ns)) => self.history.go_to(elapsed_ns),
            Some(Opened::Text { title, text }) => {
                self.over = Over::Text(Text { title, body: text, scroll: Scroll::default() });
            }
            None => {}
        }
    }

    /// Another view of the same container.
    fn view(&mut self, view: View) {
        self.over = Over::Nothing;
        if view == self.place.view {
            return;
        }
        self.remember();
        if view == View::Containers {
            // It is where one came from, mostly.
            let first = self.before.drain(..).next().filter(|place| place.view == view);
            let all = || Place::new(view, None, Only::default());
            self.place = first.unwrap_or_else(|| self.sorted(all()));
            return;
        }
        let place = self.sorted(Place::new(view, self.place.of.clone(), Only::default()));
        let left = std::mem::replace(&mut self.place, place);
        if left.view == View::Containers {
            self.before = vec![left];
        }
    }

    fn remember(&mut self) {
        if let Some(order) = self.orders.get_mut(self.place.view.nth()) {
            *order = Some(self.place.table.order());
        }
    }

    fn sorted(&self, mut place: Place) -> Place {
        if let Some(Some(order)) = self.orders.get(place.view.nth()) {
            place.table.set_order(*order);
        }
        place
    }

    fn type_in(&mut self, what: Type) {
        match (&mut self.over, what) {
            (Over::Palette(palette), _) => palette.edit(what, &self.place.table.titles()),
            (Over::Filter, Type::Char(c)) => self.place.table.needle_mut().push(c),
            (Over::Filter, Type::Erase) => self.place.table.needle_mut().pop(),
            (Over::Filter, Type::EraseAll) => self.place.table.needle_mut().clear(),
            _ => {}
        }
    }

    fn accept(&mut self) -> Effect {
        match std::mem::replace(&mut self.over, Over::Nothing) {
            Over::Picker(nth) => self.go(Go::Nth(nth)),
            Over::Palette(mut palette) => {
                let titles = self.place.table.titles();
                match palette.run(&titles) {
                    Some(Command::Do(action)) => return self.update(action),
                    Some(Command::Sort(title)) => {
                        self.place.table.sort_by_title(&title);
                    }
                    None => self.over = Over::Palette(palette),
                }
            }
            Over::Nothing | Over::Filter | Over::Export | Over::Text(_) | Over::Help(_) => {}
        }
        Effect::Redraw
    }

    fn arrange(&mut self, how: Arrange) {
        self.place.table.arrange(how);
        if how == Arrange::Reset {
            self.history.release();
        }
    }

    fn travel(&mut self, time: Time) {
        match time {
            Time::Pause if self.history.is_held() => self.history.release(),
            Time::Pause => self.history.hold(),
            Time::Step(samples) => self.history.step(samples),
            Time::Now => self.history.release(),
            Time::Ago(ns) => self.history.go_back(ns),
            Time::Faster | Time::Slower if !self.options.replay => {
                self.message = Some("only a replay has another speed than the machine".into());
            }
            Time::Faster => {
                self.speed = SPEEDS.into_iter().find(|speed| *speed > self.speed).unwrap_or(self.speed);
            }
            Time::Slower => {
                let slower = SPEEDS.into_iter().rev().find(|speed| *speed < self.speed);
                self.speed = slower.unwrap_or(self.speed);
            }
        }
    }

    /// Whose row is selected, else what was opened.
    fn subject(&mut self) -> Option<Subject> {
        let selected = self.with(|table, context| table.subject(context)).flatten();
        selected.or_else(|| self.place.of.as_ref().map(|of| of.subject.clone()))
    }

    fn write_profile(&mut self) -> Effect {
        match self.subject().map(|subject| subject.id()) {
            Some(id @ SubjectId::Container { .. }) => return Effect::WriteProfile(id),
            Some(SubjectId::Host | SubjectId::Unknown(_)) => {
                self.message = Some("only a container has a seccomp profile".into());
            }
            None => self.message = Some("select or open a container first".into()),
        }
        Effect::Redraw
    }

    /// The table on the screen, all of it.
    pub fn export(&mut self) -> Option<export::Table> {
        let title = self.crumbs();
        self.with(|table, context| export::Table {
            title,
            columns: table.titles(),
            rows: table.rows(context),
        })
    }

    pub fn scope(&self) -> Scope {
        let Place { view, of, only, table, .. } = &self.place;
        let arch = self.history.shown().map(|snapshot| snapshot.arch);
        Scope {
            view: view.spec().name,
            of: of.as_ref().map(|of| of.subject.clone()),
            call: arch
                .zip(only.call)
                .map(|(arch, (abi, number))| names::call(arch, abi, number).into_owned()),
            errno: only.errno.map(|errno| names::errno(errno).into_owned()),
            only: only.clone(),
            filter: table.needle().text().to_owned(),
        }
    }

    /// `syscalls: all containers > web-1 > openat`, not safe to show.
    pub fn crumbs(&self) -> String {
        let Place { view, of, only, .. } = &self.place;
        let scope = self.scope();
        let container = of.as_ref().map(|of| names::subject(&of.subject).to_owned());
        let pid = only.pid.map(|pid| format!("pid {pid}"));
        let parts = [container, pid, scope.call, scope.errno, only.path.clone(), only.peer.clone()];
        let parts = parts.into_iter().flatten().fold(String::new(), |crumbs, part| crumbs + " > " + &part);
        format!("{}: all containers{parts}", view.spec().title)
    }

    /// `again`: where the last press was, a moment ago.
    pub fn point(&mut self, mouse: Mouse, again: bool) -> Option<Effect> {
        if !self.mouse {
            return None;
        }
        let step = match mouse.what {
            Click::WheelUp => Some(Step::Up),
            Click::WheelDown => Some(Step::Down),
            Click::Press => None,
        };
        if let Some(step) = step {
            (0..WHEEL).for_each(|_| self.step(step));
            return Some(Effect::Redraw);
        }
        if mouse.y == self.drawn.footer {
            let x = usize::from(mouse.x);
            let key = self.drawn.keys.iter().find(|(end, _)| x < *end).map(|(_, key)| *key)?;
            let action = self.options.keys.action(self.mode(), key)?;
            return Some(self.update(action));
        }
        if self.over != Over::Nothing {
            return None;
        }
        let (top, height) = self.drawn.table;
        let line = mouse.y.checked_sub(top).filter(|line| *line < height)?;
        match self.place.table.hit(mouse.x.into(), line.into()) {
            Hit::Title(nth) => self.arrange(Arrange::SortBy(nth)),
            Hit::Row(nth) => {
                self.with(|table, context| table.select_nth(nth, context));
                if again {
                    self.open();
                }
            }
            Hit::Nothing => return None,
        }
        Some(Effect::Redraw)
    }
}

#[cfg(test)]
mod tests;
