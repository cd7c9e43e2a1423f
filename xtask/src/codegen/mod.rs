//! `cargo xtask codegen`: the kernel's own headers to the tables that the tree keeps.

mod compile;
mod constants;
mod define;
mod sets;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{debian, root, toolchain};
use define::Defines;
use table::Table;

/// Debian builds it for all architectures at once. Its version is that of the kernel.
const PACKAGE: &str = "linux-libc-dev";
const VERSION: &str = "7.3.4-1~bpo13+1";

/// Where the tables are kept.
const FOLDER: &str = "tracer/src/syscall";

/// A table of system calls.
struct Calls {
    /// Of the ABI and of the file.
    abi: &'static str,
    /// In the package.
    header: &'static str,
    /// Names that the header takes from elsewhere.
    given: &'static [(&'static str, &'static str)],
}

const CALLS: [Calls; 6] = [
    Calls { abi: "x86_64", header: "usr/lib/linux/uapi/x86/asm/unistd_64.h", given: &[] },
    Calls { abi: "i386", header: "usr/lib/linux/uapi/x86/asm/unistd_32.h", given: &[] },
    Calls {
        abi: "x32",
        header: "usr/lib/linux/uapi/x86/asm/unistd_x32.h",
        // Bit 30 marks the ABI and is taken off by the kernel programs.
        given: &[("__X32_SYSCALL_BIT", "0")],
    },
    Calls { abi: "aarch64", header: "usr/lib/linux/uapi/arm64/asm/unistd_64.h", given: &[] },
    Calls {
        abi: "arm",
        header: "usr/lib/linux/uapi/arm/asm/unistd-eabi.h",
        given: &[("__NR_SYSCALL_BASE", "0")],
    },
    Calls { abi: "riscv64", header: "usr/lib/linux/uapi/riscv/asm/unistd_64.h", given: &[] },
];

/// x86, arm and arm64 use the generic errors and number their signals as the generic header does.
const ERRORS: [&str; 2] = ["usr/include/asm-generic/errno-base.h", "usr/include/asm-generic/errno.h"];
const SIGNALS: &str = "usr/include/asm-generic/signal.h";
const IO_URING: &str = "usr/include/linux/io_uring.h";

pub fn run(check: bool) -> Result<()> {
    let headers = headers()?;
    let mut differing = Vec::new();
    for (name, text) in generate(&headers)? {
        let path = root().join(FOLDER).join(&name);
        if !check {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        } else if fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?
            != text
        {
            differing.push(name);
        }
    }
    if !differing.is_empty() {
        bail!(
            "{FOLDER}/{{{}}} and the headers of {PACKAGE} {VERSION} differ: run `cargo xtask codegen` and commit",
            differing.join(",")
        );
    }
    Ok(())
}

/// The unpacked package, fetched on first use.
fn headers() -> Result<PathBuf> {
    let folder = toolchain::tools().join(format!("{PACKAGE}-{VERSION}"));
    if !folder.join(SIGNALS).is_file() {
        debian::fetch(&format!("{PACKAGE}={VERSION}"), &folder).with_context(|| {
            format!(
                "Debian's package {PACKAGE} {VERSION} could not be fetched; if trixie-backports has a newer \
                 one instead, write its version into xtask/src/codegen/mod.rs"
            )
        })?;
    }
    Ok(folder)
}

/// File names and contents.
fn generate(headers: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for calls in &CALLS {
        let text = read(headers, calls.header)?;
        let table = call_table(calls, &text).with_context(|| format!("in {}", calls.header))?;
        let title = format!("System calls of `{}`.", calls.abi);
        let head = head(&title, &[calls.header]);
        files.push((format!("{}.rs", calls.abi), format!("{head}\n{}", table.names("NAMES"))));
    }
    let errors = ERRORS.iter().map(|header| read(headers, header)).collect::<Result<String>>()?;
    let errors = error_table(&errors).with_context(|| format!("in {}", ERRORS.join(" or ")))?;
    let signals = signal_table(&read(headers, SIGNALS)?).with_context(|| format!("in {SIGNALS}"))?;
    let text = format!(
        "{}\n{}\n{}\n{}",
        head("Errors and signals.", &[ERRORS[0], ERRORS[1], SIGNALS]),
        errors.names("ERRORS"),
        errors.aliases("ERROR_ALIASES"),
        signals.names("SIGNALS"),
    );
    files.push(("uapi.rs".to_owned(), text));
    let table = operation_table(&read(headers, IO_URING)?).with_context(|| format!("in {IO_URING}"))?;
    let text = format!("{}\n{}", head("Operations of `io_uring`.", &[IO_URING]), table.names("OPERATIONS"));
    files.push(("io_uring/operations.rs".to_owned(), text));
    let (constants, from) = constants::constants(headers)?;
    let from: Vec<String> = from.iter().map(|header| format!("usr/include/{header}")).collect();
    let from: Vec<&str> = from.iter().map(String::as_str).collect();
    let head = head("Symbols of arguments, and of what they point to.", &from);
    let text = format!(
        "{head}#![cfg_attr(rustfmt, rustfmt::skip)]\n\nuse super::set::{{Names, Set}};\n\n{constants}"
    );
    files.push(("constants.rs".to_owned(), text.trim_end().to_owned() + "\n"));
    Ok(files)
}

fn read(headers: &Path, header: &str) -> Result<String> {
    let path = headers.join(header);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn head(title: &str, from: &[&str]) -> String {
    format!(
        "//! {title}\n//!\n//! Written by `cargo xtask codegen` from Debian's {PACKAGE} {VERSION}:\n//! `{}`.\n",
        from.join("`,\n//! `")
    )
}

fn call_table(calls: &Calls, header: &str) -> Result<Table> {
    let defines = Defines::parse(header, calls.given)?;
    // `__NR_syscalls` is their number in headers that have it.
    let entries = defines.numbers("__NR_")?.into_iter().filter(|&(name, _)| name != "syscalls");
    Table::new(entries)?.without_aliases()
}

fn error_table(headers: &str) -> Result<Table> {
    let defines = Defines::parse(headers, &[])?;
    let mut table = Table::default();
    for (rest, number) in defines.numbers("E")? {
        table.add(&format!("E{rest}"), number)?;
    }
    Ok(table)
}

/// Real-time signals have no names of their own; `SIGRT_n` is `SIGRTMIN` + n.
fn signal_table(header: &str) -> Result<Table> {
    let defines = Defines::parse(header, &[])?;
    let (real_time, last) = (defines.value("SIGRTMIN")?, defines.value("SIGRTMAX")?);
    let mut table = Table::default();
    for (rest, number) in defines.numbers("SIG")? {
        // Sizes and limits begin with SIG, too.
        if (1..real_time).contains(&number) {
            table.add(&format!("SIG{rest}"), number)?;
        }
    }
    table.add("SIGRTMIN", real_time)?;
    for number in real_time + 1..=last {
        table.add(&format!("SIGRT_{}", number - real_time), number)?;
    }
    Ok(table)
}

/// The constants of `enum io_uring_op`, which count from 0.
fn operation_table(header: &str) -> Result<Table> {
    let names = header.lines().filter_map(|line| line.trim().strip_prefix("IORING_OP_")?.strip_suffix(','));
    let names: Vec<&str> = names.take_while(|name| *name != "LAST").collect();
    if names.first() != Some(&"NOP") {
        bail!("the operations do not begin with IORING_OP_NOP");
    }
    Table::new(names.into_iter().zip(0..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_lose_their_marker() {
        let arm = CALLS.iter().find(|calls| calls.abi == "arm").unwrap();
        let header = "#define __NR_read (__NR_SYSCALL_BASE + 3)\n#define __NR_syscalls 4\n";
        assert_eq!(call_table(arm, header).unwrap(), Table::new([("read", 3)]).unwrap());
        let x32 = CALLS.iter().find(|calls| calls.abi == "x32").unwrap();
        let table = call_table(x32, "#define __NR_write (__X32_SYSCALL_BIT + 1)\n").unwrap();
        assert_eq!(table, Table::new([("write", 1)]).unwrap());
    }

    #[test]
    fn operations_count_from_0_to_the_last() {
        let header =
            "\tIORING_OP_NOP,\n\tIORING_OP_READV,\n\n\t/* end */\n\tIORING_OP_LAST,\n\tIORING_OP_X,\n";
        assert_eq!(operation_table(header).unwrap(), Table::new([("NOP", 0), ("READV", 1)]).unwrap());
        assert!(operation_table("").is_err());
    }

    #[test]
    fn two_names_of_a_call_are_an_error() {
        let header = "#define __NR_fstatat 79\n#define __NR_newfstatat __NR_fstatat\n";
        let error = call_table(&CALLS[3], header).unwrap_err();
        assert_eq!(error.to_string(), "79 has two names, fstatat and newfstatat");
    }

    #[test]
    fn real_time_signals_are_counted_and_sizes_left_out() {
        let header = "#define _NSIG 5\n#define SIGHUP 1\n#define SIGIO 2\n#define SIGPOLL SIGIO\n\
                      #define SIGRTMIN 3\n#define SIGRTMAX _NSIG\n#define SIGSTKSZ 8192\n";
        let text = signal_table(header).unwrap().names("SIGNALS");
        assert!(text.contains(
            "    \"SIGHUP\", // 1\n    \"SIGIO\", // 2\n    \"SIGRTMIN\", // 3\n    \"SIGRT_1\", // 4\n    \"SIGRT_2\", // 5\n"
        ));
    }
}
