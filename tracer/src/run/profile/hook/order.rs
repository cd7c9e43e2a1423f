//! What the annotation asks for. Pure.
//!
//! ```text
//! io.containers.trace-syscall=of:PATH               a profile into PATH
//! io.containers.trace-syscall=if:BASE;of:PATH       BASE, and what was called, into PATH; in any order
//! ```
//!
//! The contract of <https://github.com/containers/oci-seccomp-bpf-hook/blob/v1.3.0/docs/oci-seccomp-bpf-hook.md>.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::safe;

pub(super) const ANNOTATION: &str = "io.containers.trace-syscall";

/// `PATH_MAX`, with its zero: <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/limits.h>.
const PATH_MAX: usize = 4096;

/// Both paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// A profile that is extended.
    pub base: Option<PathBuf>,
    /// Where the profile goes.
    pub output: PathBuf,
}

/// One line, safe to print.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the annotation {ANNOTATION}={text}: {why}")]
pub(super) struct Malformed {
    text: String,
    why: String,
}

impl Order {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        parse(text).map_err(|why| Malformed { text: short(text), why })
    }
}

fn parse(text: &str) -> Result<Order, String> {
    let (mut base, mut output) = (None, None);
    for part in text.split(';') {
        let (key, place, path) = match part.split_once(':') {
            Some(("if", path)) => ("if", &mut base, path),
            Some(("of", path)) => ("of", &mut output, path),
            _ => {
                let part = short(part);
                return Err(format!(
                    "`{part}` is neither if:PATH nor of:PATH; write of:PATH or if:PATH;of:PATH"
                ));
            }
        };
        if place.is_some() {
            return Err(format!("{key}: is there twice; keep one"));
        }
        check(key, path)?;
        *place = Some(PathBuf::from(path));
    }
    let output = output.ok_or("no of:PATH says where the profile goes; write if:PATH;of:PATH")?;
    Ok(Order { base, output })
}

fn check(key: &str, path: &str) -> Result<(), String> {
    if !Path::new(path).is_absolute() {
        return Err(format!("{key}:{} is not absolute: begin the path with /", short(path)));
    }
    if path.len() >= PATH_MAX
        || path.contains('\0')
        || path.ends_with('/')
        || Path::new(path).file_name().is_none()
    {
        return Err(format!("{key}:{} cannot be the path of a file", short(path)));
    }
    Ok(())
}

/// Beside the profile from the beginning of its recording to its end, and afterwards if that went wrong.
pub(super) fn beside(output: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(output);
    name.push(suffix);
    name.into()
}

fn short(text: &str) -> String {
    const MOST: usize = 200;
    let end = if text.chars().nth(MOST).is_some() { ".." } else { "" };
    format!("{}{end}", safe(&text.chars().take(MOST).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn in_any_order() {
        let order = |base: Option<&str>| Order { base: base.map(PathBuf::from), output: "/out.json".into() };
        assert_eq!(Order::parse("of:/out.json"), Ok(order(None)));
        assert_eq!(Order::parse("if:/in.json;of:/out.json"), Ok(order(Some("/in.json"))));
        assert_eq!(Order::parse("of:/out.json;if:/in.json"), Ok(order(Some("/in.json"))));
        assert_eq!(Order::parse("of:/out.json;if:/a:b c"), Ok(order(Some("/a:b c"))));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("", "neither if:PATH nor of:PATH"),
            ("/out.json", "neither"),
            ("of:/a;", "neither"),
            ("of:/a; if:/b", "` if:/b` is neither"),
            ("to:/a", "`to:/a` is neither"),
            ("if:/a", "no of:PATH"),
            ("of:/a;of:/b", "of: is there twice"),
            ("if:/a;if:/b;of:/c", "if: is there twice"),
            ("of:a.json", "of:a.json is not absolute"),
            ("of:", "not absolute"),
            ("of:/a;if:../b", "if:../b is not absolute"),
            ("of:/", "cannot be the path of a file"),
            ("of:/a/", "cannot be"),
            ("of:/a/..", "cannot be"),
            ("of:/a\0b", "cannot be"),
        ] {
            let said = Order::parse(text).unwrap_err().to_string();
            assert!(
                said.contains(why) && said.starts_with("the annotation io.containers.trace-syscall="),
                "{said}"
            );
        }
        assert!(Order::parse(&format!("of:/{}", "x".repeat(PATH_MAX))).is_err());
    }

    #[test]
    fn names_lie_beside() {
        assert_eq!(beside(Path::new("/a/b.json"), ".tracing"), Path::new("/a/b.json.tracing"));
    }

    proptest! {
        #[test]
        fn any_text_is_an_order_or_one_safe_line(text in ".{0,300}", key in "(if|of|):") {
            for text in [text.clone(), format!("{key}{text}"), format!("of:/{text}")] {
                match Order::parse(&text) {
                    Ok(order) => prop_assert!(order.output.is_absolute()),
                    Err(error) => {
                        let said = error.to_string();
                        prop_assert!(said.len() < 4000 && !said.contains(char::is_control), "{said:?}");
                    }
                }
            }
        }
    }
}
