//! What is known of one container, the most telling first.

use ratatui::text::{Line, Span};

use super::look::Look;
use crate::container::{Container, Pod};
use crate::snapshot::{Row, Snapshot, State, Subject};
use crate::text::fit;
use crate::tui::column::incomplete;

/// Columns of the labels.
const LABEL: usize = 11;

/// Lines of at most `room` columns.
pub fn lines(row: &Row, snapshot: &Snapshot, look: Look, room: usize) -> Vec<Line<'static>> {
    let facts = facts(row, snapshot).into_iter().map(|(label, fact)| {
        let fact = fit(&fact, room.saturating_sub(LABEL), look.charset).into_owned();
        Line::from(vec![Span::styled(format!("{label:<LABEL$}"), Look::TITLE), Span::raw(fact)])
    });
    let loss = incomplete(&row.subject, snapshot).then(|| {
        let text = "LOST: not all that this container did was counted";
        Line::styled(fit(text, room, look.charset).into_owned(), look.loss())
    });
    let mut lines: Vec<Line<'static>> = facts.collect();
    // Below the name.
    lines.splice(1.min(lines.len())..1.min(lines.len()), loss);
    lines
}

fn facts(row: &Row, snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let state = match row.state {
        State::Running => "running",
        State::Ended => "ended",
    };
    let mut facts = match &row.subject {
        Subject::Container(container) => of_container(container, state, snapshot),
        Subject::Host => vec![("host", "everything that runs in no container".to_owned())],
        Subject::Unknown { cgroup_id, cgroup_path, reason } => vec![
            ("unknown", format!("{reason} ({state})")),
            ("cgroup", format!("{cgroup_id} {}", cgroup_path.as_deref().unwrap_or("(path unknown)"))),
        ],
    };
    if row.setup_calls > 0 {
        facts.push(("set-up", format!("{} calls by its runtime, not counted below", row.setup_calls)));
    }
    facts
}

fn of_container(container: &Container, state: &str, snapshot: &Snapshot) -> Vec<(&'static str, String)> {
    let Container { id, runtime, image, image_id, parent, pod, pid, .. } = container;
    let pid = pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    let mut facts = vec![
        ("container", format!("{} ({state}, {runtime}{pid})", container.display_name())),
        ("id", id.clone()),
    ];
    match (image, image_id) {
        (Some(image), Some(id)) => facts.push(("image", format!("{image} ({id})"))),
        (Some(image), None) | (None, Some(image)) => facts.push(("image", image.clone())),
        (None, None) => {}
    }
    if let Some(parent) = parent {
        facts.push(("inside", around(parent, snapshot)));
    }
    if let Some(pod) = pod {
        facts.push(("pod", of_pod(pod)));
    }
    facts
}

/// The container around it: its name, where it is part of the trace, and its id.
fn around(id: &str, snapshot: &Snapshot) -> String {
    let name = snapshot.rows.iter().find_map(|row| match &row.subject {
        Subject::Container(container) if container.id == id => container.name.as_deref(),
        Subject::Container(_) | Subject::Host | Subject::Unknown { .. } => None,
    });
    name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
}

/// `namespace/name/container`, as far as known.
fn of_pod(pod: &Pod) -> String {
    let Pod { name, uid, namespace, container_name } = pod;
    let name = name.as_ref().or(uid.as_ref());
    [namespace.as_ref(), name, container_name.as_ref()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("/")
}
