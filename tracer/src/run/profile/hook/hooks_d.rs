//! The file that has podman and CRI-O call the hook.
//! <https://github.com/containers/podman/blob/v4.3.1/pkg/hooks/docs/oci-hooks.5.md>

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use super::order::ANNOTATION;

/// What a runtime grants beyond the hook's own deadline, so that the hook is heard when it gives up.
const MARGIN: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct File<'a> {
    version: &'static str,
    hook: Hook<'a>,
    when: When,
    stages: [&'static str; 2],
}

#[derive(Serialize)]
struct Hook<'a> {
    path: &'a str,
    args: [&'a str; 4],
    /// Seconds.
    timeout: u64,
}

/// By regular expression: a value for it.
#[derive(Serialize)]
struct When {
    annotations: BTreeMap<String, &'static str>,
}

/// `ctrace`: the binary; `timeout` that of the hook. Ends with a newline.
pub(super) fn hooks(ctrace: &Path, timeout: Duration) -> Result<String> {
    let path = ctrace.to_str().context("the path of ctrace is not UTF-8, which JSON needs; move it")?;
    let deadline = jiff::SignedDuration::try_from(timeout).context("the time is too long")?;
    let annotation = format!("^{}$", ANNOTATION.replace('.', "\\."));
    let file = File {
        version: "1.0.0",
        hook: Hook {
            path,
            args: ["ctrace", "oci-hook", "--timeout", &format!("{deadline:#}")],
            timeout: (timeout + MARGIN).as_secs(),
        },
        when: When { annotations: [(annotation, ".*")].into() },
        stages: ["createRuntime", "poststop"],
    };
    Ok(serde_json::to_string_pretty(&file).context("cannot print JSON")? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_what_is_printed() {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/oci/hooks.d/ctrace.json");
        let printed = hooks(Path::new("/usr/bin/ctrace"), Duration::from_secs(30)).unwrap();
        assert_eq!(std::fs::read_to_string(shipped).unwrap(), printed);
    }
}
