//! `cargo xtask vm`: the privileged tests on other kernels than this machine's, each in a virtual machine
//! that has cgroup v2 alone, with this machine's container runtimes.

mod image;
mod kernel;
mod machine;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;

use self::image::Image;
use self::kernel::{SERIES, Series, TRIXIE};
use self::machine::Said;
use crate::build::{Executable, build};
use crate::command::exists;
use crate::report::{NotRun, Report, say};
use crate::test::FEATURES;
use crate::{privileged, setup, toolchain};

/// The binary with the tests on real containers.
const BINARY: &str = "privileged";
/// That make and run virtual machines.
const HOST_PROGRAMS: [&str; 7] = ["apt-get", "cpio", "dpkg", "ldd", "qemu-system-x86_64", "strip", "xz"];
/// Compiles here what the guest, which has no compiler, runs in containers.
const COMPILING: &str = "fixtures::programs_are_compiled";

/// What `cargo xtask test` runs, on a kernel between the oldest and the newest: whether containers are told
/// apart and counted exactly, and how ctrace ends.
const BRIEF: Series = TRIXIE;
const BRIEF_TESTS: [&str; 5] = ["counts::", "denied::", "lifetime::", "manners::", "running::"];

#[derive(Args)]
pub struct Options {
    /// Series of Debian's kernels; `all` leaves out 5.10, which ctrace does not support
    #[arg(long, default_value = "all", value_parser = PossibleValuesParser::new(names()))]
    kernel: String,
    /// Only tests whose names contain one of these
    filter: Vec<String>,
}

fn names() -> impl Iterator<Item = &'static str> {
    SERIES.iter().map(|series| series.name).chain(["all"])
}

pub fn run(options: &Options) -> Result<()> {
    let Options { kernel, filter } = options;
    let mut report = Report::default();
    report.step("set-up", || {
        setup::install()?;
        lack().map_or(Ok(()), |missing| bail!(missing))
    });
    for series in SERIES.iter().filter(|s| s.name == *kernel || kernel == "all" && s.supported) {
        let mut not_run = Vec::new();
        report.step(&format!("kernel {}", series.name), || test(series, filter, &mut not_run));
        report.not_run(not_run);
    }
    report.finish(false)
}

/// The part that proves most in little time.
pub fn brief(not_run: &mut Vec<NotRun>) -> Result<()> {
    if let Some(reason) = lack() {
        not_run.push(NotRun { test: format!("virtual machine with Linux {}", BRIEF.name), reason });
        return Ok(());
    }
    let mut not_in_guest = Vec::new();
    let done = test(&BRIEF, &BRIEF_TESTS.map(str::to_owned), &mut not_in_guest);
    // This machine's own kernel has run those, or the sum says why not.
    for NotRun { test, reason } in not_in_guest {
        say(&format!("only outside: {test}: {reason} in the guest\n"));
    }
    done
}

/// What is missing on this machine.
fn lack() -> Option<String> {
    if cfg!(not(target_arch = "x86_64")) {
        return Some("the kernels are for x86-64".to_owned());
    }
    privileged::lack(HOST_PROGRAMS.iter().chain(&image::PROGRAMS).copied(), exists)
}

/// Runs those whose names contain one of `filters` (none: all) and whose needs are in the guest; the
/// others go to `not_run`.
fn test(series: &Series, filters: &[String], not_run: &mut Vec<NotRun>) -> Result<()> {
    let folder = toolchain::tools().join("vm");
    let kernel = series.fetch(&folder)?;
    let built = build(&["test", "--locked", "--no-run", FEATURES])?;
    let binary = built.iter().find(|b| b.is_test && is_called(b, BINARY)).context("cargo built no tests")?;
    let ctrace =
        built.iter().find(|b| !b.is_test && is_called(b, "ctrace")).context("cargo built no ctrace")?;
    privileged::run(binary, &[COMPILING.to_owned()], None)?;

    let names = privileged::choose(privileged::ignored(binary)?, filters, image::has, not_run);
    if names.is_empty() {
        bail!("no test of these names can run in the guest: {}", filters.join(" "));
    }
    let archive = folder.join("initramfs");
    Image::new(folder.join("image"), binary, &ctrace.path, &names)?.pack(&kernel, &archive)?;
    // A test without a result is a failed one.
    let mut failed = names.clone();
    let count = u32::try_from(names.len()).context("a reasonable number of tests")?;
    machine::run(&kernel.image, &archive, &folder.join("console"), count, |said| match said {
        Said::Tested { test, passed, seconds } => {
            say(&format!("{:<8} {seconds:>7.1} s  {test}\n", if *passed { "ok" } else { "FAILED" }));
            if *passed {
                failed.retain(|name| name != test);
            }
        }
        Said::Kernel(release) => say(&format!("Linux {release}\n")),
        Said::Text(text) => say(&format!("{text}\n")),
        Said::End => {}
    })?;
    if !failed.is_empty() {
        bail!("on {}: {}", series.name, failed.join(", "));
    }
    Ok(())
}

/// Cargo adds a hash to the names of tests.
fn is_called(built: &Executable, name: &str) -> bool {
    let file = built.path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
    file == name || file.strip_prefix(name).is_some_and(|rest| built.is_test && rest.starts_with('-'))
}
