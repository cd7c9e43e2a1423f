//! Numbers and names as the text of a Rust table.

use std::fmt::Write;

use anyhow::{Context, Result, bail};

/// Numbers from here on are no table's: a header was misread.
const END: usize = 1024;

/// Names by number; empty where there is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    names: Vec<String>,
    /// Further names of a number.
    aliases: Vec<(String, usize)>,
}

impl Table {
    /// Of several names of a number the first counts, the others are aliases.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, u32)>) -> Result<Self> {
        let mut table = Self::default();
        for (name, number) in entries {
            table.add(name, number)?;
        }
        Ok(table)
    }

    pub fn add(&mut self, name: &str, number: u32) -> Result<()> {
        let number = usize::try_from(number)?;
        if number >= END {
            bail!("{name} has the number {number}, and no table goes beyond {}", END - 1);
        }
        if self.names.iter().any(|known| known == name) {
            bail!("{name} has two numbers");
        }
        if self.names.len() <= number {
            self.names.resize(number + 1, String::new());
        }
        let place = self.names.get_mut(number).context("just made")?;
        if place.is_empty() {
            name.clone_into(place);
        } else {
            self.aliases.push((name.to_owned(), number));
        }
        Ok(())
    }

    /// Refuses aliases, where one of the names would have to be chosen.
    pub fn without_aliases(self) -> Result<Self> {
        if let Some((alias, number)) = self.aliases.first() {
            bail!(
                "{number} has two names, {} and {alias}",
                self.names.get(*number).map_or("", String::as_str)
            );
        }
        Ok(self)
    }

    /// `const CONSTANT: &[&str]`, indexed by number.
    pub fn names(&self, constant: &str) -> String {
        let mut text = format!(
            "/// By number; empty where there is none.\n#[rustfmt::skip]\npub const {constant}: &[&str] = &[\n"
        );
        for (number, name) in self.names.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    \"{name}\", // {number}");
        }
        text.push_str("];\n");
        text
    }

    /// `const CONSTANT: &[(&str, u16)]`.
    pub fn aliases(&self, constant: &str) -> String {
        let mut text =
            format!("/// Further names.\n#[rustfmt::skip]\npub const {constant}: &[(&str, u16)] = &[\n");
        for (alias, number) in &self.aliases {
            let _ = writeln!(text, "    (\"{alias}\", {number}),");
        }
        text.push_str("];\n");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_empty_and_later_names_are_aliases() {
        let table = Table::new([("write", 3), ("read", 0), ("put", 3)]).unwrap();
        assert_eq!(
            table.names("NAMES"),
            "/// By number; empty where there is none.\n#[rustfmt::skip]\npub const NAMES: &[&str] = &[\n    \
             \"read\", // 0\n    \"\", // 1\n    \"\", // 2\n    \"write\", // 3\n];\n"
        );
        assert_eq!(
            table.aliases("ALIASES"),
            "/// Further names.\n#[rustfmt::skip]\npub const ALIASES: &[(&str, u16)] = &[\n    (\"put\", 3),\n];\n"
        );
        let error = table.without_aliases().unwrap_err();
        assert_eq!(error.to_string(), "3 has two names, write and put");
    }

    #[test]
    fn misread_headers_are_refused() {
        let far = Table::new([("read", 0x4000_0000)]).unwrap_err();
        assert_eq!(far.to_string(), "read has the number 1073741824, and no table goes beyond 1023");
        let twice = Table::new([("read", 1), ("read", 2)]).unwrap_err();
        assert_eq!(twice.to_string(), "read has two numbers");
    }
}
