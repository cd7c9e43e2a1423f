//! What may be different from one stream of events to another.

use super::field::LINE;

/// How objects in a line are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `{"container":{"id":".."}}`
    #[default]
    Nested,
    /// `{"container.id":".."}`: one object; lists stay lists.
    Flat,
}

#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub layout: Layout,
    /// Longest line without its `\n`, bytes; within [`Style::BYTES`].
    pub max_bytes: usize,
    /// Whether calls show what was in their registers.
    pub args: bool,
}

impl Style {
    /// The least holds who did what to whom. The most is what the widest of receivers, an OpenTelemetry collector's file
    /// log, takes by default: <https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/v0.135.0/receiver/filelogreceiver/README.md>.
    pub const BYTES: std::ops::RangeInclusive<usize> = 1 << 10..=1 << 20;
}

impl Default for Style {
    fn default() -> Self {
        Self { layout: Layout::Nested, max_bytes: LINE, args: true }
    }
}
