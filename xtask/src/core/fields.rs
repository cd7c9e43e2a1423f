//! Reads `kernel.fields`: the kernel types and fields that the programs use.

use anyhow::{Context, Result, bail, ensure};

/// How a field is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Width in bits, and the C type's name as BTF has it.
    Scalar {
        bits: u32,
        signed: bool,
    },
    /// To a type of the table, or to bytes.
    Pointer(String),
    Embedded(String),
    /// A struct without a name that holds just this, as behind `kuid_t` and `atomic_t`.
    Wrapped(Box<Kind>),
    Array {
        element: Box<Kind>,
        len: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    pub name: String,
    pub fields: Vec<Field>,
}

/// Parses the table; the error names the line.
pub fn parse(text: &str) -> Result<Vec<Type>> {
    let mut types: Vec<Type> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let content = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = content.split_whitespace().collect();
        let at = || format!("kernel.fields line {}: {line:?}", index + 1);
        match (content.starts_with(char::is_whitespace), words.as_slice()) {
            (_, []) => {}
            (false, [name]) => {
                ensure!(types.iter().all(|t| t.name != *name), "{}: type given twice", at());
                types.push(Type { name: (*name).to_owned(), fields: Vec::new() });
            }
            (true, [name, kind]) => {
                let owner = types.last_mut().with_context(|| format!("{}: no type yet", at()))?;
                let kind = parse_kind(kind).with_context(at)?;
                owner.fields.push(Field { name: (*name).to_owned(), kind });
            }
            _ => bail!("{}: expected a type, or a field and its kind", at()),
        }
    }
    for ty in &types {
        for field in &ty.fields {
            check_known(&types, &field.kind).with_context(|| format!("{}.{}", ty.name, field.name))?;
        }
    }
    Ok(types)
}

fn parse_kind(word: &str) -> Result<Kind> {
    if let Some(target) = word.strip_prefix('*') {
        return Ok(Kind::Pointer(target.to_owned()));
    }
    if let Some(element) = word.strip_prefix('[') {
        let inside = element.strip_suffix(']').context("array without `]`")?;
        let (element, len) = inside.split_once(';').unwrap_or((inside, "1"));
        let len = len.parse().with_context(|| format!("array of {len:?} elements"))?;
        return Ok(Kind::Array { element: Box::new(parse_kind(element)?), len });
    }
    if let Some(inside) = word.strip_prefix('{') {
        let inside = inside.strip_suffix('}').context("wrapper without `}`")?;
        return Ok(Kind::Wrapped(Box::new(parse_kind(inside)?)));
    }
    Ok(match scalar(word) {
        Some(kind) => kind,
        None => Kind::Embedded(word.to_owned()),
    })
}

fn scalar(word: &str) -> Option<Kind> {
    let (signed, bits) = (word.starts_with('i'), word.get(1..)?);
    let bits = match (word.get(..1)?, bits) {
        ("i" | "u", "8") => 8,
        ("i" | "u", "16") => 16,
        ("i" | "u", "32") => 32,
        ("i" | "u", "64") => 64,
        _ => return None,
    };
    Some(Kind::Scalar { bits, signed })
}

fn check_known(types: &[Type], kind: &Kind) -> Result<()> {
    match kind {
        Kind::Scalar { .. } => Ok(()),
        Kind::Array { element, .. } | Kind::Wrapped(element) => check_known(types, element),
        Kind::Pointer(name) if scalar(name).is_some() => Ok(()),
        Kind::Pointer(name) | Kind::Embedded(name) => {
            ensure!(types.iter().any(|t| t.name == *name), "no type {name:?} in the table");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_fields() {
        let types = parse("a # comment\n  x u32\n  b *a\n\nc\n  in a\n  l [u8;16]\n").unwrap();
        assert_eq!(types[0].fields[0].kind, Kind::Scalar { bits: 32, signed: false });
        assert_eq!(types[0].fields[1].kind, Kind::Pointer("a".into()));
        assert_eq!(types[1].fields[0].kind, Kind::Embedded("a".into()));
        assert_eq!(
            types[1].fields[1].kind,
            Kind::Array { element: Box::new(Kind::Scalar { bits: 8, signed: false }), len: 16 }
        );
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, part) in [
            ("  x u32", "no type yet"),
            ("a\na", "type given twice"),
            ("a b", "expected a type"),
            ("a\n  x b", "no type \"b\""),
            ("a\n  x [u8", "array without"),
            ("a\n  x {u8", "wrapper without"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }
}
