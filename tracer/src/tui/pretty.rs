//! JSON, a member a line.

/// What is not JSON comes out as something, too.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        // Deeper than that nobody can read it.
        out.extend(std::iter::repeat_n("  ", depth.min(8)));
    };
    let mut rest = text.trim().chars().peekable();
    while let Some(c) = rest.next() {
        if quoted {
            out.push(c);
            quoted = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                if rest.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    out.extend(rest.next());
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_below_each_other() {
        assert_eq!(
            json(r#"{"a":1,"b":{"c":[1,"x,{\"y\\"],"d":[],"e":{}}}"#),
            "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": [\n      1,\n      \"x,{\\\"y\\\\\"\n    ],\n    \"d\": [],\n    \"e\": {}\n  }\n}"
        );
        assert_eq!(json("}}]\"x"), "\n}\n}\n]\"x");
    }
}
