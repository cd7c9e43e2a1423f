//! Text that came from a container, made fit for a terminal.
