//! The trace in words, for screen readers and terminals that only write on: sentences, and of each
//! container only what has changed.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::snapshot::{Counts, Row, Snapshot, State, Subject, SubjectId};
use crate::text::{Charset, clock, fit, grouped};

/// Containers in one sample: as many as can be listened to before the next one.
const MOST: usize = 20;
/// Columns of a name.
const NAME: usize = 60;
/// What has grown or shrunk by less is not told.
const NOTICEABLE: f64 = 1.5;

/// What was said before.
#[derive(Debug, Default)]
pub struct Plain {
    charset: Charset,
    said: HashMap<SubjectId, Said>,
    lost: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    state: State,
    /// A second.
    rates: Rates,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Rates {
    calls: f64,
    errors: f64,
    denied: f64,
}

impl Rates {
    fn of(counts: &Counts, snapshot: &Snapshot) -> Self {
        let [calls, errors, denied] =
            [counts.count, counts.errors, counts.denied].map(|count| snapshot.per_second(count));
        Self { calls, errors, denied }
    }
}

impl Said {
    fn noticeably(self, before: Self) -> bool {
        let pairs = [
            (self.rates.calls, before.rates.calls),
            (self.rates.errors, before.rates.errors),
            (self.rates.denied, before.rates.denied),
        ];
        self.state != before.state || pairs.into_iter().any(|(now, then)| differ(now, then))
    }
}

impl Plain {
    pub fn new(charset: Charset) -> Self {
        Self { charset, ..Self::default() }
    }

    /// The sentences of a sample: what was lost, if there is more of it; the totals; a line for each
    /// container that changed noticeably since it was last spoken of, the most troubled first.
    pub fn lines(&mut self, snapshot: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        let lost = snapshot.losses.iter().fold(0, |sum: u64, row| sum.saturating_add(row.count));
        if lost > self.lost {
            lines.push(self.losses(snapshot, lost));
        }
        self.lost = lost;
        lines.push(totals(snapshot, lost));
        // Rates of no time are not known.
        if snapshot.interval_ns == 0 {
            return lines;
        }
        let mut changed: Vec<(&Row, SubjectId, Said)> = snapshot
            .rows
            .iter()
            .map(|row| {
                (row, row.subject.id(), Said { state: row.state, rates: Rates::of(&row.sum, snapshot) })
            })
            .filter(|(_, id, now)| match self.said.get(id) {
                Some(before) => now.noticeably(*before),
                None => now.state == State::Ended || now.rates.calls > 0.0,
            })
            .collect();
        changed.sort_by_key(|(row, _, _)| Reverse((row.sum.denied, row.sum.errors, row.sum.count)));
        let more = changed.len().saturating_sub(MOST);
        for (row, id, now) in changed.into_iter().take(MOST) {
            lines.push(self.container(row, now));
            self.said.insert(id, now);
        }
        if more > 0 {
            lines.push(format!("and {} more", grouped(more as u64)));
        }
        let present: HashSet<SubjectId> = snapshot.rows.iter().map(|row| row.subject.id()).collect();
        self.said.retain(|id, _| present.contains(id));
        lines
    }

    /// `LOST: 1,034 records since the start: 1,000 at ring (web-1), 34 at call_table.`, the worst first.
    fn losses(&self, snapshot: &Snapshot, lost: u64) -> String {
        let mut rows: Vec<_> = snapshot.losses.iter().filter(|row| row.count > 0).collect();
        rows.sort_by_key(|row| Reverse(row.count));
        let mut places: Vec<String> = rows
            .iter()
            .take(MOST)
            .map(|row| {
                let whose = row.container.as_ref().map_or_else(String::new, |container| {
                    format!(" ({})", fit(container.display_name(), NAME, self.charset))
                });
                format!("{} at {}{whose}", grouped(row.count), row.place)
            })
            .collect();
        if rows.len() > MOST {
            places.push(format!("and {} more places", rows.len() - MOST));
        }
        format!("LOST: {} since the start: {}. Not everything was counted.", grouped(lost), places.join(", "))
    }

    fn container(&self, row: &Row, Said { state, rates }: Said) -> String {
        let name = match row.name() {
            "" => "(no name)".into(),
            name => fit(name, NAME, self.charset),
        };
        match state {
            State::Ended => {
                let Counts { total, total_errors, total_denied, .. } = row.sum;
                let calls = if total == 1 { "call" } else { "calls" };
                let [failed, refused] = [total_errors, total_denied].map(|count| match count {
                    0 => "none".to_owned(),
                    count => grouped(count),
                });
                format!(
                    "{name}: ended; {} {calls} in all, {failed} failed, {refused} refused",
                    grouped(total)
                )
            }
            State::Running => {
                let slow = row.duration.map_or_else(String::new, |duration| {
                    format!(", 99 percent within {}", time(duration.p99))
                });
                format!("{name}: {}{slow}", sentence(rates))
            }
        }
    }
}

/// `At 1:02:03: 2 containers, 13,395 calls a second, 45 fail, 2 refused, nothing lost.`
fn totals(snapshot: &Snapshot, lost: u64) -> String {
    let running = snapshot
        .rows
        .iter()
        .filter(|row| matches!(row.subject, Subject::Container(_)) && row.state == State::Running)
        .count();
    let containers = match running {
        0 => "no containers".to_owned(),
        1 => "1 container".to_owned(),
        more => format!("{} containers", grouped(more as u64)),
    };
    let mut sum = Counts::default();
    for row in &snapshot.rows {
        sum.count = sum.count.saturating_add(row.sum.count);
        sum.errors = sum.errors.saturating_add(row.sum.errors);
        sum.denied = sum.denied.saturating_add(row.sum.denied);
    }
    let rates = if snapshot.interval_ns == 0 {
        "not measured yet".to_owned()
    } else {
        sentence(Rates::of(&sum, snapshot))
    };
    let lost = if lost == 0 { "nothing lost".to_owned() } else { format!("{} LOST", grouped(lost)) };
    format!("At {}: {containers}, {rates}, {lost}.", clock(snapshot.elapsed_ns))
}

/// `1,700 calls a second, 76 fail, none refused`.
fn sentence(rates: Rates) -> String {
    let calls = if rates.calls > 0.0 { rate(rates.calls) } else { "no".to_owned() };
    let or_none = |per_second: f64| if per_second > 0.0 { rate(per_second) } else { "none".to_owned() };
    let errors = or_none(rates.errors);
    let noun = if calls == "1" { "call" } else { "calls" };
    let fail = if errors == "1" { "fails" } else { "fail" };
    format!("{calls} {noun} a second, {errors} {fail}, {} refused", or_none(rates.denied))
}

/// More than nothing; with a decimal below 10.
fn rate(per_second: f64) -> String {
    if per_second < 0.05 {
        return "fewer than 0.1".to_owned();
    }
    if per_second < 9.95 {
        return format!("{per_second:.1}").trim_end_matches(".0").to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive, and what does not fit becomes the largest number"
    )]
    let whole = per_second.round() as u64;
    grouped(whole)
}

/// `52 milliseconds`: units in full, for they are read aloud.
fn time(ns: u64) -> String {
    let short = crate::text::duration(ns, Charset::Ascii);
    let unit = short.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = short.trim_end_matches(char::is_alphabetic);
    let number = number.strip_suffix(".0").unwrap_or(number);
    let name = match unit {
        "ns" => "nanosecond",
        "us" => "microsecond",
        "ms" => "millisecond",
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        _ => "day",
    };
    format!("{number} {name}{}", if number == "1" { "" } else { "s" })
}

/// Whether it began, ended, or changed by more than [`NOTICEABLE`].
fn differ(now: f64, then: f64) -> bool {
    let (low, high) = if now < then { (now, then) } else { (then, now) };
    high > low * NOTICEABLE
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::container::Runtime;
    use crate::snapshot::{LossRow, Quantiles};
    use crate::tui::sample;

    const UNICODE: Charset = Charset::Unicode;

    fn many(number: usize) -> Snapshot {
        let row = |nth: usize| {
            let mut container = sample::container('a', &format!("web-{nth}"), "nginx", Runtime::Docker);
            container.id = format!("{nth:064}");
            sample::row(Subject::Container(Arc::new(container)), nth as u64 + 1, 10)
        };
        sample::snapshot((0..number).map(row).collect())
    }

    #[test]
    fn sentences() {
        let shown = [sample::three(), sample::loss(), sample::hostile(), sample::snapshot(Vec::new())]
            .map(|snapshot| Plain::new(UNICODE).lines(&snapshot).join("\n"));
        insta::assert_snapshot!("plain", shown.join("\n\n"));
    }

    #[test]
    fn only_what_changed_is_said_again() {
        let mut plain = Plain::new(UNICODE);
        let mut snapshot = sample::loss();
        assert_eq!(plain.lines(&snapshot).len(), 2 + 4);
        assert_eq!(plain.lines(&snapshot).len(), 1, "the totals alone");
        let mut said = |snapshot: &Snapshot| plain.lines(snapshot)[1..].join("\n");

        // A little more or less, in small steps: only when it has become much.
        for (count, is_said) in [(900, false), (1_150, false), (1_250, true), (900, false), (800, true)] {
            snapshot.rows[0].sum.count = count;
            let expected = format!(
                "db-1: {} calls a second, none fail, none refused, 99 percent within 4.2 milliseconds",
                grouped(count)
            );
            assert_eq!(said(&snapshot), if is_said { expected } else { String::new() });
        }
        snapshot.rows[0].sum.count = 0;
        snapshot.rows[0].duration = None;
        assert_eq!(said(&snapshot), "db-1: no calls a second, none fail, none refused");
        snapshot.rows[0].sum =
            Counts { count: 1, errors: 1, denied: 1, total: 9, total_errors: 1, ..Counts::default() };
        assert_eq!(said(&snapshot), "db-1: 1 call a second, 1 fails, 1 refused");
        snapshot.rows[0].state = State::Ended;
        assert_eq!(said(&snapshot), "db-1: ended; 9 calls in all, 1 failed, none refused");
        assert_eq!(said(&snapshot), "");
    }

    #[test]
    fn loss_comes_first_whenever_there_is_more() {
        let mut plain = Plain::new(UNICODE);
        plain.lines(&sample::three());
        let mut snapshot = sample::loss();
        let lines = plain.lines(&snapshot);
        assert_eq!(
            lines[0],
            "LOST: 1,034 since the start: 1,000 at ring (web-1), 34 at call_table. Not everything was counted."
        );
        assert!(lines[1].ends_with(", 1,034 LOST."), "{}", lines[1]);
        assert!(plain.lines(&snapshot)[0].ends_with(", 1,034 LOST."));
        snapshot.losses[0].count += 1;
        assert!(plain.lines(&snapshot)[0].starts_with("LOST: 1,035 since the start"));
    }

    #[test]
    fn lines_are_bounded_and_the_rest_comes_later() {
        let mut plain = Plain::new(UNICODE);
        let snapshot = many(1 + MOST + 12);
        let lines = plain.lines(&snapshot);
        assert_eq!(lines.len(), 1 + MOST + 1);
        assert!(lines[1].starts_with("web-32: 33 calls a second"), "{}", lines[1]);
        assert_eq!(lines.last().unwrap(), "and 13 more");
        assert_eq!(plain.lines(&snapshot).len(), 1 + 13);
        assert_eq!(plain.lines(&snapshot).len(), 1);
        plain.lines(&many(3));
        assert_eq!(plain.said.len(), 3, "who is gone is forgotten");
    }

    #[test]
    fn the_first_sample_has_no_rates() {
        let snapshot = Snapshot { interval_ns: 0, ..sample::three() };
        let lines = Plain::new(UNICODE).lines(&snapshot);
        assert_eq!(lines, ["At 1:02:03: 2 containers, not measured yet, nothing lost."]);
    }

    #[test]
    fn times_in_words() {
        let shown = [1, 812, 1_024, 52_000_000, 1_000_000_000, 150_000_000_000, u64::MAX].map(time);
        let expected = [
            "1 nanosecond",
            "812 nanoseconds",
            "1 microsecond",
            "52 milliseconds",
            "1 second",
            "2.5 minutes",
            "213504 days",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn changes_are_noticed() {
        for (now, then, noticed) in
            [(0.0, 0.0, false), (0.1, 0.0, true), (0.0, 0.1, true), (15.0, 10.0, false), (15.1, 10.0, true)]
        {
            assert_eq!(differ(now, then), noticed, "{now} {then}");
            assert_eq!(differ(then, now), noticed, "{then} {now}");
        }
    }

    proptest! {
        #[test]
        fn any_numbers_and_names_make_safe_and_bounded_lines(
            samples in prop::collection::vec(
                prop::collection::vec((".{0,200}", any::<[u64; 6]>(), any::<u64>(), any::<bool>()), 0..60), 1..4),
            interval_ns: u64, lost: u64, ascii: bool,
        ) {
            let mut plain = Plain::new(if ascii { Charset::Ascii } else { UNICODE });
            for rows in samples {
                let mut snapshot = many(rows.len());
                snapshot.interval_ns = interval_ns;
                for (row, (name, [count, errors, denied, total, total_errors, total_denied], p99, ended)) in
                    snapshot.rows.iter_mut().zip(rows)
                {
                    let Subject::Container(container) = &mut row.subject else { panic!() };
                    let container = Arc::make_mut(container);
                    snapshot.losses.push(LossRow {
                        place: "ring", container: Some(Arc::new(container.clone())), count: lost,
                    });
                    container.name = Some(name);
                    row.sum = Counts { count, errors, denied, total, total_errors, total_denied };
                    row.duration = Some(Quantiles { p99, ..Quantiles::default() });
                    row.state = if ended { State::Ended } else { State::Running };
                }
                let lines = plain.lines(&snapshot);
                prop_assert!(lines.len() <= MOST + 3);
                for line in lines {
                    prop_assert_eq!(crate::text::safe(&line), line.as_str());
                    prop_assert!(!ascii || line.is_ascii());
                    prop_assert!(line.len() < 4 * (MOST + 1) * (NAME + 40));
                }
            }
        }
    }
}
