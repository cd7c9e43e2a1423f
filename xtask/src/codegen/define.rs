//! `#define NAME EXPRESSION` in C headers, as far as headers that list numbers use it: `+`, brackets
//! and other names. Conditionals are not followed; that matters where they define a name in two
//! ways, and there it is an error.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};

/// Names in the order of their definition, which tells a name from its later aliases.
pub struct Defines {
    order: Vec<String>,
    bodies: HashMap<String, String>,
}

impl Defines {
    /// `given` are names that the header expects from elsewhere, with their values.
    pub fn parse(text: &str, given: &[(&str, &str)]) -> Result<Self> {
        let given = given.iter().map(|&(name, body)| (name.to_owned(), body.to_owned()));
        let mut defines = Self { order: Vec::new(), bodies: given.collect() };
        let text = without_comments(text)?.replace("\\\n", " ");
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix("#define") else { continue };
            if !rest.starts_with(char::is_whitespace) {
                continue;
            }
            let rest = rest.trim();
            let (name, body) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            // A bracket that touches the name makes it a macro with parameters.
            if !body.starts_with('(') {
                defines.add(name, body.trim())?;
            }
        }
        Ok(defines)
    }

    fn add(&mut self, name: &str, body: &str) -> Result<()> {
        match self.bodies.insert(name.to_owned(), body.to_owned()) {
            Some(old) if old != body => bail!("{name} is defined as {old:?} and as {body:?}"),
            Some(_) => {}
            None => self.order.push(name.to_owned()),
        }
        Ok(())
    }

    /// Names with `prefix`, without it, and their numbers. Other names need not be numbers.
    pub fn numbers(&self, prefix: &str) -> Result<Vec<(&str, u32)>> {
        let named = self.order.iter().filter_map(|name| Some((name, name.strip_prefix(prefix)?)));
        named.map(|(name, rest)| Ok((rest, self.value(name)?))).collect()
    }

    pub fn value(&self, name: &str) -> Result<u32> {
        // A chain longer than there are names runs in a circle.
        self.resolve(name, self.bodies.len())
    }

    fn resolve(&self, name: &str, steps: usize) -> Result<u32> {
        let body = self.bodies.get(name).with_context(|| format!("{name} is not defined"))?;
        let steps = steps.checked_sub(1).with_context(|| format!("{name} is defined by itself"))?;
        self.sum(body, steps).with_context(|| format!("{name} is defined as {body:?}"))
    }

    /// With nothing but `+`, brackets change nothing once they are known to match.
    fn sum(&self, expression: &str, steps: usize) -> Result<u32> {
        let mut depth = 0_u32;
        for c in expression.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.checked_sub(1).context("brackets do not match")?,
                _ => {}
            }
        }
        if depth != 0 {
            bail!("brackets do not match");
        }
        expression.split('+').try_fold(0_u32, |sum, term| {
            let term = term.trim_matches(|c: char| c.is_whitespace() || c == '(' || c == ')');
            sum.checked_add(self.term(term, steps)?).context("the sum is too large")
        })
    }

    fn term(&self, term: &str, steps: usize) -> Result<u32> {
        if let Some(hex) = term.strip_prefix("0x") {
            return Ok(u32::from_str_radix(hex, 16)?);
        }
        if term.starts_with(|c: char| c.is_ascii_digit()) {
            // What C reads as octal.
            if term.len() > 1 && term.starts_with('0') {
                bail!("{term} is octal");
            }
            return Ok(term.parse()?);
        }
        if term.is_empty() || !term.chars().all(is_word) {
            bail!("{term:?} is neither a number nor a name");
        }
        self.resolve(term, steps)
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn without_comments(mut text: &str) -> Result<String> {
    let mut kept = String::with_capacity(text.len());
    while let Some((before, comment)) = text.split_once("/*") {
        kept.push_str(before);
        kept.push(' ');
        text = comment.split_once("*/").context("a comment does not end")?.1;
    }
    kept.push_str(text);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str, given: &[(&str, &str)]) -> Vec<(String, u32)> {
        let defines = Defines::parse(text, given).unwrap();
        let numbers = defines.numbers("N_").unwrap();
        numbers.into_iter().map(|(name, number)| (name.to_owned(), number)).collect()
    }

    fn error(text: &str) -> String {
        match Defines::parse(text, &[]).and_then(|d| d.value("N_A")) {
            Ok(number) => panic!("{text:?} gave {number}"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn numbers_sums_and_aliases() {
        let text = "#ifndef GUARD\n#define GUARD\n\n#define N_A 0\n#define\tN_B\t\t 17\t/* a comment */\n\
                    # not a definition\n#define N_C (BASE + 2)\n#define N_D N_C\n#define N_E ((N_D)+(0x10))\n\
                    #define N_F(x) (x)\n#define OTHER (1 / 2)\n#endif\n";
        let expected = [("A", 0), ("B", 17), ("C", 102), ("D", 102), ("E", 118)];
        assert_eq!(
            numbers(text, &[("BASE", "100")]),
            expected.map(|(name, number)| (name.to_owned(), number))
        );
    }

    #[test]
    fn commented_definitions_are_none() {
        let text = "#define N_A 1\n/*\n#define N_B 2\n*/\n#define N_C /* 7 */ 3\n";
        assert_eq!(numbers(text, &[]), [("A".to_owned(), 1), ("C".to_owned(), 3)]);
    }

    #[test]
    fn the_same_definition_twice_is_one() {
        assert_eq!(numbers("#define N_A 1\n#define N_A 1\n", &[]), [("A".to_owned(), 1)]);
    }

    #[test]
    fn what_cannot_be_told_is_an_error() {
        assert_eq!(error("#define N_A 1\n#define N_A 2\n"), r#"N_A is defined as "1" and as "2""#);
        assert!(error("#define N_A N_B\n#define N_B N_A\n").ends_with("by itself"));
        assert!(error("#define N_A N_A\n").ends_with("by itself"));
        assert!(error("#define N_A MISSING\n").ends_with("MISSING is not defined"));
        assert!(error("#define N_A (1\n").ends_with("brackets do not match"));
        assert!(error("#define N_A )1(\n").ends_with("brackets do not match"));
        assert!(error("#define N_A 4 / 2\n").contains("invalid digit"));
        assert!(error("#define N_A X - 2\n").ends_with("neither a number nor a name"));
        assert!(error("#define N_A\n").ends_with("neither a number nor a name"));
        assert!(error("#define N_A 010\n").ends_with("010 is octal"));
        assert!(error("#define N_A 4294967295 + 1\n").ends_with("the sum is too large"));
        assert!(error("#define N_A 1 /* and so on\n").ends_with("does not end"));
    }
}
