//! What OpenTelemetry's own variables say of an exporter. Headers hold secrets: they come from nowhere else, since a
//! command line is there for everybody to read, and are never printed.
//!
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::fmt;
use std::time::Duration;

/// The specification's default, `OTEL_EXPORTER_OTLP_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

pub struct Settings {
    /// Of one attempt.
    pub timeout: Duration,
    pub headers: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeout: TIMEOUT, headers: Vec::new() }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Settings").field("timeout", &self.timeout).field("headers", &names).finish()
    }
}

impl Settings {
    /// `variable`: the value of an environment variable. One that is for logs alone goes before the general one.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let value = |what: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_LOGS_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
            names.into_iter().find_map(|name| {
                let value = variable(&name).filter(|value| !value.trim().is_empty())?;
                Some((name, value))
            })
        };
        let mut settings = Self::default();
        if let Some((name, text)) = value("TIMEOUT") {
            let milliseconds = text.trim().parse().ok().filter(|milliseconds| *milliseconds > 0);
            settings.timeout = milliseconds
                .map(Duration::from_millis)
                .ok_or_else(|| format!("{name}: `{}` is no number of milliseconds", text.escape_debug()))?;
        }
        if let Some((name, text)) = value("HEADERS") {
            let headers: Option<_> =
                text.split(',').filter(|part| !part.trim().is_empty()).map(header).collect();
            settings.headers = headers.ok_or_else(|| {
                format!("{name}: not of the form NAME=VALUE,NAME=VALUE with values that are percent-encoded")
            })?;
        }
        Ok(settings)
    }
}

/// `NAME=VALUE`; the specification has headers encoded as W3C Baggage is.
fn header(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=')?;
    let (name, value) = (name.trim(), decode(value.trim())?);
    // <https://www.rfc-editor.org/rfc/rfc9110#name-fields>
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let named = !name.is_empty() && name.bytes().all(token);
    (named && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
        .then(|| (name.to_ascii_lowercase(), value))
}

/// Percent-decoding.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::of(|asked| {
            variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        })
    }

    fn headers(text: &str) -> Option<Vec<(String, String)>> {
        settings(&[("OTEL_EXPORTER_OTLP_HEADERS", text)]).ok().map(|settings| settings.headers)
    }

    #[test]
    fn variables_for_logs_go_before_general_ones() {
        let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "500");
        assert_eq!(settings(&[]).unwrap().timeout, TIMEOUT);
        assert_eq!(settings(&[general]).unwrap().timeout, Duration::from_millis(500));
        let both = settings(&[general, ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "7")]).unwrap();
        assert_eq!(both.timeout, Duration::from_millis(7));
        let empty = settings(&[general, ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "")]).unwrap();
        assert_eq!(empty.timeout, Duration::from_millis(500));
        for wrong in ["0", "-1", "1s", "\u{1b}"] {
            let error = settings(&[("OTEL_EXPORTER_OTLP_TIMEOUT", wrong)]).unwrap_err();
            assert!(error.contains("OTLP_TIMEOUT") && !error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn headers_are_decoded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let several = headers(" Authorization=Basic%20YTpi= ,x-scope=a=b,").unwrap();
        assert_eq!(several, [pair("authorization", "Basic YTpi="), pair("x-scope", "a=b")]);
        for wrong in
            ["a", "=b", "a b=c", "a=%", "a=%4", "a=%zz", "a=%+1", "a=x%0d%0aevil:%201", "a=%ff", "ä=b"]
        {
            assert_eq!(headers(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_of_headers_are_never_shown() {
        let set = |text| settings(&[("OTEL_EXPORTER_OTLP_HEADERS", text)]);
        let shown = format!("{:?}", set("api-key=hunter2").unwrap());
        assert!(shown.contains("api-key") && !shown.contains("hunter2"), "{shown}");
        let error = set("hunter2").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
