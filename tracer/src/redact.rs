//! What nobody shall see of what processes say: patterns, and texts without what matches them. Pure.

use std::borrow::Cow;
use std::ops::Range;

use regex::bytes::Regex;

/// What stands where something was.
pub const REDACTED: &str = "[redacted]";

/// A pattern of `--redact`, of bytes: paths and arguments need not be UTF-8.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// The error shows the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        Regex::new(text).map(Self).map_err(|error| error.to_string())
    }

    /// What of each match is to go: its groups, or all of it if none took part.
    fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        if self.0.captures_len() == 1 {
            found.extend(self.0.find_iter(text).map(|whole| whole.range()));
            return;
        }
        for captures in self.0.captures_iter(text) {
            let before = found.len();
            found.extend(captures.iter().skip(1).flatten().map(|group| group.range()));
            if found.len() == before {
                found.extend(captures.get(0).map(|whole| whole.range()));
            }
        }
    }
}

/// All patterns at once.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    pub const fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Some if anything matched: then the rest is UTF-8, too, with U+FFFD for what was not. Nobody can tell what stood there
    /// from the bytes around it.
    pub fn text<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut found = Vec::new();
        self.0.iter().for_each(|pattern| pattern.find(text, &mut found));
        without(text, found)
    }

    /// As [`Patterns::text`], for a `path` that `whole` ends with: what of a match in `whole` is in `path` goes, too.
    pub fn path<'t>(&self, whole: &[u8], path: &'t [u8]) -> Cow<'t, [u8]> {
        let mut found = Vec::new();
        self.0.iter().for_each(|pattern| pattern.find(whole, &mut found));
        let before = whole.len().saturating_sub(path.len());
        for range in &mut found {
            *range = range.start.saturating_sub(before)..range.end.saturating_sub(before);
        }
        self.0.iter().for_each(|pattern| pattern.find(path, &mut found));
        without(path, found)
    }

    /// As [`Patterns::text`], for arguments with a NUL byte after each. A pattern is looked for in each of them, and in
    /// all of them with spaces between; the number of arguments stays.
    pub fn arguments<'t>(&self, vector: &'t [u8]) -> Cow<'t, [u8]> {
        let mut found = Vec::new();
        let joined: Vec<u8> = vector.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
        for pattern in &self.0 {
            pattern.find(joined.strip_suffix(b" ").unwrap_or(&joined), &mut found);
            let mut start = 0;
            for argument in vector.split(|byte| *byte == 0) {
                let before = found.len();
                pattern.find(argument, &mut found);
                for range in found.iter_mut().skip(before) {
                    *range = range.start + start..range.end + start;
                }
                start += argument.len() + 1;
            }
        }
        without(vector, found)
    }
}

/// `text` with [`REDACTED`] for each of the ranges, which may overlap. A NUL byte in one of them stays.
fn without(text: &[u8], mut ranges: Vec<Range<usize>>) -> Cow<'_, [u8]> {
    ranges.retain(|range| !range.is_empty());
    if ranges.is_empty() {
        return text.into();
    }
    ranges.sort_unstable_by_key(|range| range.start);
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    let keep = |out: &mut Vec<u8>, range: Range<usize>| {
        out.extend_from_slice(String::from_utf8_lossy(text.get(range).unwrap_or_default()).as_bytes());
    };
    let mut ranges = ranges.into_iter().peekable();
    while let Some(mut range) = ranges.next() {
        while let Some(next) = ranges.next_if(|next| next.start <= range.end) {
            range.end = range.end.max(next.end);
        }
        keep(&mut out, done..range.start);
        done = range.end;
        let inside = text.get(range).unwrap_or_default();
        for (at, piece) in inside.split(|byte| *byte == 0).enumerate() {
            if at > 0 {
                out.push(0);
            }
            if !piece.is_empty() {
                out.extend_from_slice(REDACTED.as_bytes());
            }
        }
    }
    keep(&mut out, done..text.len());
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::new(texts.iter().map(|text| Pattern::parse(text).unwrap()).collect())
    }

    #[track_caller]
    fn text(texts: &[&str], from: &[u8], to: &str) {
        assert_eq!(String::from_utf8(patterns(texts).text(from).into_owned()).unwrap(), to);
    }

    #[test]
    fn matches_go_and_the_rest_stays() {
        text(&["secret"], b"/a/secret/b/secret", "/a/[redacted]/b/[redacted]");
        text(&["b+", "bc", "d"], b"abbbcde", "a[redacted]e");
        text(&[".*"], b"all of it", "[redacted]");
        text(&[".*"], b"", "");
        text(&["x*"], b"abc", "abc");
    }

    #[test]
    fn groups_go_alone() {
        text(&[r"--password[= ](\S+)"], b"--password=x y", "--password=[redacted] y");
        text(&[r"(\w+):(\w+)@"], b"http://me:pw@host", "http://[redacted]:[redacted]@host");
        text(&[r"token|key=(\w+)"], b"token key=1", "[redacted] key=[redacted]");
        text(&["(x?)secret"], b"secret", "secret");
    }

    #[test]
    fn what_was_no_text_is_text_after() {
        text(&["secret"], b"\xff/secret\xc3", "\u{fffd}/[redacted]\u{fffd}");
        text(&[r"(?-u:\xff)"], b"a\xffb", "a[redacted]b");
        text(&["grün"], "grün, grau".as_bytes(), "[redacted], grau");
        assert_eq!(*patterns(&["x"]).text(b"\xff"), *b"\xff");
    }

    #[test]
    fn paths_are_seen_alone_and_with_what_is_before_them() {
        let path = |text: &str| {
            let hidden = patterns(&[text]).path(b"/run/secrets/db/key", b"db/key").into_owned();
            String::from_utf8(hidden).unwrap()
        };
        assert_eq!(path("^/run/secrets/(.*)"), "[redacted]");
        assert_eq!(path("secrets/db"), "[redacted]/key");
        assert_eq!(path("^db"), "[redacted]/key");
        assert_eq!(path("secrets/"), "db/key");
        assert_eq!(path("y$"), "db/ke[redacted]");
    }

    #[test]
    fn arguments_are_seen_alone_and_together() {
        let arguments = |texts: &[&str], from: &'static [u8]| patterns(texts).arguments(from).into_owned();
        assert_eq!(arguments(&[r"-p (\S+)"], b"mysql\0-p\0pw\0db\0"), b"mysql\0-p\0[redacted]\0db\0");
        assert_eq!(arguments(&["-p .*w"], b"a\0-p\0\0pw\0b\0"), b"a\0[redacted]\0\0[redacted]\0b\0");
        assert_eq!(arguments(&["^pw$"], b"a\0pw\0pwx\0"), b"a\0[redacted]\0pwx\0");
        assert_eq!(arguments(&["pw$"], b"a\0pw\0"), b"a\0[redacted]\0");
        assert_eq!(arguments(&["cut"], b"a\0cu"), b"a\0cu");
    }

    #[test]
    fn the_error_shows_the_place() {
        let error = Pattern::parse("a(b").unwrap_err();
        assert!(error.contains("a(b\n     ^\n") && error.contains("unclosed group"), "{error}");
    }

    proptest! {
        #[test]
        fn nothing_that_matches_is_left(
            bytes in prop::collection::vec(prop::sample::select(b"ab1 \0\xff".to_vec()), 0..40),
        ) {
            let all = patterns(&["a+b", "1"]);
            for (hidden, arguments) in [(all.text(&bytes), false), (all.arguments(&bytes), true)] {
                let left = String::from_utf8_lossy(&hidden).replace(REDACTED, "_");
                prop_assert!(!left.contains("ab") && !left.contains('1'), "{left:?}");
                let nuls = |bytes: &[u8]| bytes.split(|byte| *byte == 0).count();
                prop_assert!(!arguments || nuls(&hidden) == nuls(&bytes));
                prop_assert!(matches!(hidden, Cow::Borrowed(_)) || str::from_utf8(&hidden).is_ok());
            }
        }
    }
}
