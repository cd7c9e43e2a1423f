//! What a user can ask for.

use super::place::View;
use crate::export::Format;
use crate::snapshot::SubjectId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Move(Step),
    Go(Go),
    Arrange(Arrange),
    Time(Time),
    Type(Type),
    /// Begin to type a filter.
    Filter,
    /// Begin to type a command.
    Palette,
    /// Keep what was typed, run it, or open what is picked.
    Accept,
    /// Forget what was typed, or close what is open.
    Cancel,
    /// Containers below the one around them, or all alike.
    Tree,
    /// All that is known of the opened container, or the most telling.
    Expand,
    /// Open the help, or close it.
    Help,
    /// Choose a format for [`Action::Export`].
    ChooseFormat,
    Export(Format),
    CopyCommand,
    WriteProfile,
    /// Let the mouse be ours, or the terminal's.
    Mouse,
    Quit,
}

/// Another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// What the selected row is about.
    Open,
    /// Take back the last thing: a filter, or having opened something.
    Back,
    /// The view of this number, from 0, of the same container.
    Nth(usize),
    Next,
    Previous,
    /// Let the user pick a view.
    Pick,
    View(View),
}

/// Which rows the table on the screen shows, and in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrange {
    SortNext,
    SortPrevious,
    /// By the column at this place on the screen, from 0; asked twice, the other way round.
    SortBy(usize),
    Reverse,
    /// As it was at first: order, filter, and the present.
    Reset,
}

/// Which of the kept snapshots is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    Pause,
    /// By that many samples, back if negative.
    Step(i32),
    Now,
    /// So long before the newest one, ns.
    Ago(u64),
    /// A replay's speed.
    Faster,
    Slower,
}

/// Into the line that is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Char(char),
    Erase,
    EraseAll,
    /// Complete the command.
    Complete,
}

/// A movement of the selection, or of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    First,
    Last,
}

/// What the loop has to do after an [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Redraw,
    Quit,
    WriteProfile(SubjectId),
    CopyCommand,
    Export(Format),
    /// Whether it is ours now.
    Mouse(bool),
}
