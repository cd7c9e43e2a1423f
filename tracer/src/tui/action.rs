//! What a user can ask for.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Move(Step),
    /// Show the system calls of the selected container.
    Open,
    /// Take back the last thing: a filter, or having opened a container.
    Back,
    /// Begin to type a filter.
    Filter,
    /// Keep what was typed.
    Accept,
    /// Forget what was typed.
    Cancel,
    Arrange(Arrange),
    Pause,
    /// Open the help, or close it.
    Help,
    Quit,
}

/// Which rows the table on the screen shows, and in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrange {
    /// A character of the filter.
    Type(char),
    Erase,
    EraseAll,
    SortNext,
    SortPrevious,
    /// By the column at this place on the screen, from 0; asked twice, the other way round.
    SortBy(usize),
    Reverse,
}

/// A movement of the selection, or of the help's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

/// What the loop has to do after an [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Redraw,
    Quit,
}
