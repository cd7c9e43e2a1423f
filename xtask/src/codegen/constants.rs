//! The sets of constants as the text of a Rust module.

use std::fmt::Write;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::compile::{TARGETS, mask, symbols};
use super::sets::{SETS, Spec};

/// What one ABI calls the values and the bits of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    /// By value.
    values: Vec<(u64, String)>,
    /// In the order in which they are taken off.
    bits: Vec<(u64, String)>,
}

/// The module without its head, and the headers that it comes from.
pub fn constants(headers: &Path) -> Result<(String, Vec<&'static str>)> {
    let by_target = thread::scope(|scope| {
        let threads = TARGETS.each_ref().map(|target| {
            scope.spawn(move || {
                let names = |spec: &Spec| {
                    let symbols = symbols(headers, target, spec);
                    let symbols = symbols.with_context(|| format!("{} for {}", spec.name, target.abi))?;
                    Ok(split(&symbols, mask(spec)?, spec.last))
                };
                SETS.iter().map(names).collect::<Result<Vec<Names>>>()
            })
        });
        let joined = threads.map(|thread| thread.join().map_err(|_panic| anyhow!("a thread is gone"))?);
        joined.into_iter().collect::<Result<Vec<_>>>()
    })?;
    let mut text = String::new();
    for (at, spec) in SETS.iter().enumerate() {
        let names: Vec<&Names> = by_target.iter().filter_map(|sets| sets.get(at)).collect();
        text.push_str(&set(spec, &names)?);
    }
    let mut from: Vec<&str> = SETS.iter().flat_map(|spec| spec.headers).copied().collect();
    from.sort_unstable();
    from.dedup();
    Ok((text, from))
}

/// Into what is one number and what is flags. Flags by their value, those that stand `last` behind the others, but one of
/// several bits before all of which it is made: what is taken off first wins.
fn split(symbols: &[(String, u64)], mask: u64, last: &[&str]) -> Names {
    let mut names = Names::default();
    for (name, value) in symbols {
        let place = if value & !mask == 0 { &mut names.values } else { &mut names.bits };
        place.push((*value, name.clone()));
    }
    names.values.sort_by_key(|(value, _)| *value);
    names.bits.sort_by_key(|(value, name)| (last.iter().position(|known| known == name), *value));
    let mut ordered: Vec<(u64, String)> = Vec::new();
    for (value, name) in names.bits {
        let part = ordered.iter().position(|(known, _)| known & value == *known);
        ordered.insert(part.unwrap_or(ordered.len()), (value, name));
    }
    names.bits = ordered;
    names
}

/// A static, and a constant for each way in which the ABIs name it.
fn set(spec: &Spec, by_target: &[&Names]) -> Result<String> {
    let mut text = String::new();
    let mut distinct: Vec<(&Names, String)> = Vec::new();
    let mut used = Vec::new();
    for (names, target) in by_target.iter().zip(&TARGETS) {
        let known = distinct.iter().find(|(known, _)| known == names).map(|(_, name)| name.clone());
        let name = known.unwrap_or_else(|| format!("{}_{}", spec.name, target.abi.to_ascii_uppercase()));
        if !used.contains(&name) {
            constant(&mut text, &name, names)?;
            distinct.push((names, name.clone()));
        }
        used.push(name);
    }
    let mask = mask(spec)?;
    writeln!(
        text,
        "pub static {}: Set = Set {{ mask: {mask:#x}, names: [{}] }};\n",
        spec.name,
        used.join(", ")
    )?;
    Ok(text)
}

fn constant(text: &mut String, name: &str, names: &Names) -> Result<()> {
    writeln!(text, "const {name}: Names = Names {{")?;
    for (field, symbols) in [("values", &names.values), ("bits", &names.bits)] {
        writeln!(text, "    {field}: &[")?;
        for (value, symbol) in symbols {
            writeln!(text, "        ({value:#x}, \"{symbol}\"),")?;
        }
        writeln!(text, "    ],")?;
    }
    writeln!(text, "}};")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(symbols: &[(&str, u64)], mask: u64) -> (Vec<u64>, Vec<u64>) {
        let symbols: Vec<_> = symbols.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
        let numbers = |list: Vec<(u64, String)>| list.into_iter().map(|(value, _)| value).collect();
        let Names { values, bits } = split(&symbols, mask, &["LAST", "ZLAST"]);
        (numbers(values), numbers(bits))
    }

    #[test]
    fn numbers_and_flags_are_told_apart() {
        assert_eq!(names(&[("FLAG", 0x40), ("TWO", 2), ("ZERO", 0)], 3), (vec![0, 2], vec![0x40]));
    }

    #[test]
    fn what_is_to_stand_last_does() {
        assert_eq!(names(&[("ZLAST", 1), ("LAST", 2), ("OTHER", 4)], 0).1, [4, 2, 1]);
    }

    #[test]
    fn a_flag_of_several_bits_stands_before_its_parts() {
        let (_, bits) = names(&[("DSYNC", 0x1000), ("SYNC", 0x10_1000), ("OTHER", 0x800)], 0);
        assert_eq!(bits, [0x800, 0x10_1000, 0x1000]);
    }
}
