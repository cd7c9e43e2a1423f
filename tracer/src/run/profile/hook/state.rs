//! What a runtime tells a hook: a container's state, on standard input.
//! <https://github.com/opencontainers/runtime-spec/blob/v1.2.0/runtime.md#state>

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Longer than any state or configuration.
const MAX_BYTES: u64 = 16 << 20;

#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub id: String,
    /// runc says `creating` before the entrypoint runs, crun `created`; both `stopped` at the end.
    status: String,
    /// Host pid of its first process; at the end absent, or 0.
    pub pid: Option<i32>,
    bundle: PathBuf,
    annotations: Option<BTreeMap<String, String>>,
}

/// `config.json` in the bundle.
#[derive(Deserialize)]
struct Config {
    annotations: Option<BTreeMap<String, String>>,
}

impl State {
    pub(super) fn read(from: impl Read) -> Result<Self> {
        json(from).context(
            "cannot read the state of a container on standard input: `ctrace oci-hook` is for runtimes to call \
             (`ctrace oci-hook --print-hooks` prints what tells them)",
        )
    }

    pub(super) fn is_over(&self) -> bool {
        self.status == "stopped"
    }

    /// An annotation of the container, from its configuration where the state has none.
    pub(super) fn annotation(&self, name: &str) -> Result<Option<String>> {
        if let Some(annotations) = &self.annotations {
            return Ok(annotations.get(name).cloned());
        }
        let path = self.bundle.join("config.json");
        let what = || format!("cannot read the container's configuration {}", path.display());
        let config: Config = File::open(&path).map_err(Into::into).and_then(json).with_context(what)?;
        Ok(config.annotations.and_then(|mut annotations| annotations.remove(name)))
    }
}

fn json<T: DeserializeOwned>(from: impl Read) -> Result<T> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("it is larger than {} MiB", MAX_BYTES >> 20);
    }
    // What is wrong may be quoted, and came from outside.
    serde_json::from_slice(&bytes)
        .map_err(|error| anyhow::anyhow!("{}", crate::text::safe(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn state(text: &str) -> State {
        State::read(text.as_bytes()).unwrap()
    }

    /// As the runtimes print them.
    #[test]
    fn beginnings_and_ends() {
        let runc = r#"{"ociVersion":"1.0.2-dev","id":"a","status":"creating","pid":7,"bundle":"/b","annotations":{"k":"v"}}"#;
        let crun = r#"{"ociVersion":"1.0","id":"a","pid":7,"root":"rootfs","bundle":"/b","status":"created","annotations":{"k":"v"}}"#;
        for text in [runc, crun] {
            let state = state(text);
            assert_eq!((state.id.as_str(), state.pid, state.is_over()), ("a", Some(7), false));
            assert_eq!(state.annotation("k").unwrap().as_deref(), Some("v"));
            assert_eq!(state.annotation("other").unwrap(), None);
        }
        for pid in ["", r#","pid":0"#] {
            assert!(state(&format!(r#"{{"id":"a","status":"stopped","bundle":"/b"{pid}}}"#)).is_over());
        }
    }

    #[test]
    fn the_configuration_tells_what_the_state_does_not() {
        let bundle = tempfile::tempdir().unwrap();
        let path = bundle.path().join("config.json");
        let state =
            state(&format!(r#"{{"id":"a","status":"creating","pid":1,"bundle":{:?}}}"#, bundle.path()));
        let missing = format!("{:#}", state.annotation("k").unwrap_err());
        assert!(missing.contains("config.json: No such file"), "{missing}");
        for (config, found) in
            [(r#"{"annotations":{"k":"v"}}"#, Some("v")), (r#"{"annotations":null}"#, None), ("{}", None)]
        {
            std::fs::write(&path, config).unwrap();
            assert_eq!(state.annotation("k").unwrap().as_deref(), found);
        }
        std::fs::write(&path, "[]").unwrap();
        assert!(state.annotation("k").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>, text in ".{0,80}") {
            prop_assert!(State::read(&bytes[..]).is_err());
            let quoted = format!(r#"{{"id":"a","status":1,"{text}":1}}"#);
            let said = format!("{:#}", State::read(quoted.as_bytes()).unwrap_err());
            prop_assert!(!said.contains(char::is_control), "{said:?}");
        }
    }
}
