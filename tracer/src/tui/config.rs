//! The configuration file, as far as the screen is concerned; [`crate::run`] reads the rest:
//!
//! ```toml
//! [top]
//! mouse = false
//! ascii = true
//! plain = true
//! interval = "2s"
//!
//! [top.keys]
//! pause = ["Space", "p"]
//! ```

use std::time::Duration;

use toml::{Table, Value};

use super::key::Key;
use super::keys::Keys;
use crate::nearest::nearest;

/// Of the whole file: what the other commands have in theirs is theirs to check.
pub const SECTIONS: [&str; 3] = ["top", "trace", "run"];

/// What a file says; None: nothing.
#[derive(Clone, Default)]
pub struct Config {
    pub mouse: Option<bool>,
    pub ascii: Option<bool>,
    /// Sentences instead of a screen.
    pub plain: Option<bool>,
    pub interval: Option<Duration>,
    pub keys: Keys,
}

impl Config {
    /// `interval` reads a length of time. Fails with what is wrong, and what may have been meant.
    pub fn read(text: &str, interval: fn(&str) -> Result<Duration, String>) -> Result<Self, String> {
        let all: Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned())?;
        known("section", &all, &SECTIONS)?;
        let Some(top) = all.get("top") else { return Ok(Self::default()) };
        let Value::Table(top) = top else { return Err("`top` is not a section: write [top]".into()) };
        known("setting of [top]", top, &["mouse", "ascii", "plain", "interval", "keys"])?;
        let interval = match top.get("interval") {
            None => None,
            Some(Value::String(text)) => {
                Some(interval(text).map_err(|error| format!("top.interval: {error}"))?)
            }
            Some(_) => return Err("top.interval: expected a time such as \"2s\"".into()),
        };
        let keys = match top.get("keys") {
            None => Keys::default(),
            Some(Value::Table(keys)) => own(keys)?,
            Some(_) => return Err("`top.keys` is not a section: write [top.keys]".into()),
        };
        Ok(Self {
            mouse: yes_or_no(top, "mouse")?,
            ascii: yes_or_no(top, "ascii")?,
            plain: yes_or_no(top, "plain")?,
            interval,
            keys,
        })
    }
}

fn known(what: &str, table: &Table, names: &[&str]) -> Result<(), String> {
    match table.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => {
            let near = nearest(name, names.iter().copied());
            Err(format!("no {what} is called {name:?}{near}; there are {}", names.join(", ")))
        }
        None => Ok(()),
    }
}

fn yes_or_no(table: &Table, name: &str) -> Result<Option<bool>, String> {
    match table.get(name) {
        None => Ok(None),
        Some(Value::Boolean(value)) => Ok(Some(*value)),
        Some(_) => Err(format!("top.{name}: expected true or false")),
    }
}

fn own(table: &Table) -> Result<Keys, String> {
    let own = table.iter().map(|(command, keys)| {
        let wrong = |error: String| format!("top.keys.{command}: {error}");
        let Value::Array(keys) = keys else {
            return Err(wrong("expected a list such as [\"Space\", \"p\"]".into()));
        };
        let keys: Result<Vec<Key>, String> = keys
            .iter()
            .map(|key| key.as_str().ok_or("a key is a text such as \"Space\"".to_owned())?.parse())
            .collect();
        Ok((command.clone(), keys.map_err(wrong)?))
    });
    Keys::with(own.collect::<Result<Vec<_>, String>>()?).map_err(|error| format!("top.keys: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::action::{Action, Time};
    use crate::tui::keys::Mode;

    fn seconds(text: &str) -> Result<Duration, String> {
        text.strip_suffix('s')
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs)
            .ok_or("no time".into())
    }

    #[test]
    fn a_file_with_all_there_is() {
        let text = "[top]\nmouse = false\nascii = true\nplain = true\ninterval = \"2s\"\n[top.keys]\npause = [\"F5\", \"P\"]\n";
        let config = Config::read(text, seconds).unwrap();
        assert_eq!(
            (config.mouse, config.ascii, config.plain, config.interval),
            (Some(false), Some(true), Some(true), Some(Duration::from_secs(2)))
        );
        for key in [Key::F(5), Key::Char('P')] {
            assert_eq!(config.keys.action(Mode::Table, key), Some(Action::Time(Time::Pause)));
        }
        assert_eq!(Config::read("", seconds).unwrap().mouse, None);
        assert_eq!(Config::read("[trace]\nformat = 1\n[run]\n", seconds).unwrap().mouse, None);
    }

    #[test]
    fn mistakes_say_what_was_meant() {
        for (text, wanted) in [
            ("[tpo]", "did you mean `top`?"),
            ("top = 1", "write [top]"),
            ("[top]\nmose = true", "did you mean `mouse`?"),
            ("[top]\nmouse = 1", "top.mouse: expected true or false"),
            ("[top]\ninterval = 2", "such as \"2s\""),
            ("[top]\ninterval = \"x\"", "top.interval: no time"),
            ("[top]\nkeys = 1", "write [top.keys]"),
            ("[top.keys]\npuase = [\"p\"]", "did you mean `pause`?"),
            ("[top.keys]\npause = \"p\"", "top.keys.pause: expected a list"),
            ("[top.keys]\npause = [1]", "a key is a text"),
            ("[top.keys]\npause = [\"Spacebar\"]", "no key is called \"Spacebar\""),
            ("[top.keys]\npause = [\"q\"]", "both `quit` and `pause`"),
            ("[top", "line 1"),
        ] {
            let error = Config::read(text, seconds).err().unwrap();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
