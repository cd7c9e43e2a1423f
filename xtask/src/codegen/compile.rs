//! Constants as the C compiler sees them: macros with casts and `sizeof`, and enumerators.
//!
//! A header's names come out of the preprocessor, their values out of assembler text where each stands in a line
//! of its own: nothing is linked or run, so that a compiler for x86-64 is enough for all ABIs.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::sets::Spec;

/// An ABI's folder of headers, and what makes the compiler lay out structures as it does.
pub struct Target {
    /// As the tables of calls have it.
    pub abi: &'static str,
    asm: &'static str,
    options: &'static [&'static str],
}

/// In the order of the tables. What x32 passes is as on x86-64.
pub const TARGETS: [Target; 4] = [
    Target { abi: "x86_64", asm: "x86", options: &["-m64"] },
    Target { abi: "i386", asm: "x86", options: &["-m32"] },
    Target { abi: "aarch64", asm: "arm64", options: &["-m64"] },
    // 64-bit members begin at a multiple of 8 there.
    Target { abi: "arm", asm: "arm", options: &["-m32", "-malign-double"] },
];

/// Symbols of a set with their values, in the order of their definition. Of several names of a value the first counts.
pub fn symbols(headers: &Path, target: &Target, spec: &Spec) -> Result<Vec<(String, u64)>> {
    let names = names(headers, target, spec)?;
    let values = values(headers, target, spec, &names)?;
    let mut symbols: Vec<(String, u64)> = Vec::new();
    for (name, value) in values {
        if symbols.iter().all(|(_, known)| *known != value) {
            symbols.push((name, value));
        }
    }
    Ok(symbols)
}

/// The bits of a set that are one number.
pub fn mask(spec: &Spec) -> Result<u64> {
    let (text, flip) = spec.mask.strip_prefix('~').map_or((spec.mask, false), |text| (text, true));
    let number = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    let number = number.with_context(|| format!("{} is no mask", spec.mask))?;
    Ok(if flip { !number } else { number })
}

/// Names and the expressions that stand for them.
fn names(headers: &Path, target: &Target, spec: &Spec) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    if !spec.headers.is_empty() {
        let text = compiler(headers, target, &["-E", "-dD", "-P"], &includes(spec))?;
        for (name, body) in defined(&text) {
            let wanted = matches(spec.names, &name) && !matches(spec.except, &name);
            let request = !spec.requests || is_request(&body);
            if wanted && request && !found.iter().any(|(known, _)| *known == name) {
                found.push((name.clone(), name));
            }
        }
    }
    found.extend(spec.given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    Ok(found)
}

/// Macros without parameters and enumerators, with the text behind the name.
fn defined(preprocessed: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in preprocessed.lines() {
        if let Some(rest) = line.strip_prefix("#define ") {
            let (name, body) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            if body.starts_with(' ') && !body.trim().is_empty() {
                found.push((name.to_owned(), body.trim().to_owned()));
            }
        }
    }
    let code: Vec<&str> = preprocessed.lines().filter(|line| !line.starts_with('#')).collect();
    let code = code.join(" ");
    for part in code.split("enum").skip(1) {
        let Some((head, rest)) = part.split_once('{') else { continue };
        if !head.chars().all(|c| is_word(c) || c.is_whitespace()) {
            continue;
        }
        let body = rest.split_once('}').map_or(rest, |(body, _)| body);
        for entry in body.split(',') {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            let name = name.split_whitespace().next().unwrap_or_default();
            if !name.is_empty() && name.chars().all(is_word) {
                found.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }
    found
}

/// The oldest requests are plain numbers whose second byte is their family.
fn is_request(body: &str) -> bool {
    let body = body.trim_start_matches('(').to_ascii_lowercase();
    let family = ["0x54", "0x4b", "0x56", "0x89"];
    body.starts_with("_io") || (body.len() == 6 && family.iter().any(|family| body.starts_with(family)))
}

fn matches(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('$') {
        Some(whole) => name == whole,
        None => name.starts_with(pattern),
    })
}

fn values(
    headers: &Path,
    target: &Target,
    spec: &Spec,
    names: &[(String, String)],
) -> Result<Vec<(String, u64)>> {
    let mut program = includes(spec);
    // Headers take these from the C library.
    program.push_str("typedef __SIZE_TYPE__ size_t;\ntypedef long time_t;\nvoid values(void) {\n");
    for (name, expression) in names {
        // In parts that fit an immediate operand of any instruction set.
        let parts = [48, 32, 16, 0]
            .map(|shift| format!("\"i\"((int)(((long long)({expression}) >> {shift}) & 0xffff))"));
        let parts = parts.join(", ");
        _ = writeln!(program, "asm volatile(\"\\n@ {name} %c0 %c1 %c2 %c3\" : : {parts});");
    }
    program.push_str("}\n");
    let text = compiler(headers, target, &["-S", "-O1"], &program)?;
    let mut values = HashMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("@ ")) {
        let mut words = line.split_whitespace();
        let name = words.next().context("a name is missing")?;
        let value = words.try_fold(0, |value, part| anyhow::Ok(value << 16 | part.parse::<u64>()?))?;
        // A negative `int`.
        let value = if value >> 32 == 0xffff_ffff { value & 0xffff_ffff } else { value };
        values.insert(name.to_owned(), value);
    }
    names
        .iter()
        .map(|(name, _)| {
            Ok((name.clone(), *values.get(name).with_context(|| format!("{name} has no value"))?))
        })
        .collect()
}

/// A header, and one that it includes and that not every architecture has.
const NEEDS: (&str, &str) = ("linux/kvm.h", "asm/kvm.h");

fn includes(spec: &Spec) -> String {
    let mut text = String::new();
    for header in spec.headers {
        let needed = if *header == NEEDS.0 { NEEDS.1 } else { header };
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "#if __has_include(<{header}>) && __has_include(<{needed}>)\n#include <{header}>\n#endif"
        );
    }
    text
}

fn compiler(headers: &Path, target: &Target, options: &[&str], program: &str) -> Result<String> {
    let mut command = Command::new("cc");
    command
        .args(target.options)
        .args(["-x", "c", "-w", "-nostdinc", "-ffreestanding", "-fno-pic", "-fno-asynchronous-unwind-tables"])
        .arg("-I")
        .arg(headers.join("usr/lib/linux/uapi").join(target.asm))
        .arg("-I")
        .arg(headers.join("usr/include"))
        .args(options)
        .args(["-o", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start cc: install gcc")?;
    let mut input = child.stdin.take().context("cc has no input")?;
    input.write_all(program.as_bytes()).context("cc does not read")?;
    drop(input);
    let output = child.wait_with_output().context("cc does not end")?;
    if !output.status.success() {
        bail!("cc for {}: {}", target.abi, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("cc gave no text")
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        defined(text)
    }

    #[test]
    fn macros_and_enumerators_are_found_in_order() {
        let text = "#define N_A 1\n#define N_F(x) x\n#define N_EMPTY\nenum kind {\n N_B,\n N_C = 7,\n};\nenum kind f(void);\n";
        let expected = [("N_A", "1"), ("N_B", ""), ("N_C", "7")];
        assert_eq!(pairs(text), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn requests_are_told_from_other_numbers() {
        for request in ["0x5401", "_IOR('T', 0x2A, struct termios2)", "0x8933", "_IO(0x12,94)"] {
            assert!(is_request(request), "{request}");
        }
        for other in ["0x001", "1", "(1 << 2)", "\"mapper\"", "0x54"] {
            assert!(!is_request(other), "{other}");
        }
    }

    #[test]
    fn names_are_meant_whole_or_by_their_beginning() {
        assert!(matches(&["O_"], "O_RDONLY") && matches(&["F_OK$"], "F_OK"));
        assert!(!matches(&["F_OK$"], "F_OKAY") && !matches(&[], "F_OK"));
    }
}
