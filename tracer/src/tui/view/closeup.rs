//! What a closer look covers, and what it does not.

use ratatui::style::Style;
use ratatui::text::Line;

use super::look::Look;
use crate::snapshot::{Demand, Snapshot};
use crate::text::{clock, fit};

/// Lines of at most `room` columns.
pub fn lines(demand: &Demand, snapshot: &Snapshot, look: Look, room: usize) -> Vec<Line<'static>> {
    let told = said(demand, snapshot, look).into_iter();
    told.map(|(text, style)| Line::styled(fit(&text, room, look.charset).into_owned(), style)).collect()
}

fn said(demand: &Demand, snapshot: &Snapshot, look: Look) -> Vec<(String, Style)> {
    let Some(closeup) = snapshot.closeup.as_deref().filter(|closeup| closeup.demand == *demand) else {
        return vec![(
            "nobody looked this closely at that time; the present shows it soon".into(),
            look.held(),
        )];
    };
    if let Some(why) = &closeup.unavailable {
        return vec![(format!("not to be had: {why}"), look.held())];
    }
    let mut all = Vec::new();
    if closeup.lost > 0 {
        all.push((
            format!("LOST {}: records of what is shown here did not arrive", closeup.lost),
            look.loss(),
        ));
    }
    let since = clock(snapshot.elapsed_ns.saturating_sub(closeup.since_ns));
    let others = match closeup.others {
        0 => String::new(),
        others => format!("; {others} more found no place"),
    };
    all.push((format!("looking for {since}{others}"), Style::new()));
    all
}
