//! Running the virtual machine, and reading what it says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Of `init.sh`, a line each: `@@ kernel 6.1.0-56-cloud-amd64`, `@@ passed counts::runc_is_exact 3.05 7.60`
/// (seconds since the boot), `@@ end`. Before a failure comes what the test printed.
const MARK: &str = "@@ ";

/// After which a machine is given up: so much, and so much more for each test. `init.sh` gives up a test
/// that hangs.
const LEAST: Duration = Duration::from_mins(15);
const TEST: Duration = Duration::from_mins(1);

#[derive(Debug, PartialEq)]
pub enum Said<'a> {
    /// `uname -r`
    Kernel(&'a str),
    Tested {
        test: &'a str,
        passed: bool,
        seconds: f64,
    },
    End,
    /// Anything else.
    Text(&'a str),
}

/// Boots and tells `hear` all that the machine says, until it turns itself off. `console` is where the
/// kernel's own messages are put; an error has the last of them.
pub fn run(
    kernel: &Path,
    initramfs: &Path,
    console: &Path,
    tests: u32,
    mut hear: impl FnMut(&Said),
) -> Result<()> {
    let limit = LEAST + TEST * tests;
    // In the foreground, so that Ctrl-C reaches QEMU.
    let mut command = Command::new("timeout");
    command.arg("--foreground").arg(limit.as_secs().to_string()).arg("qemu-system-x86_64");
    // Emulated: a machine that tests run on is often a virtual one, that has no KVM to give. One processor:
    // with more, QEMU 7.2 now and then runs the breakpoint of a kernel that patches its own code (static
    // keys, which tracing switches) after it is gone, and the kernel dies of it.
    command.args(["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "2G"]);
    command.args(["-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.arg("-serial").arg(format!("file:{}", console.display())).args(["-serial", "stdio"]);
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
    // Without AppArmor and TOMOYO, which fail to execute a memory file on 5.10, as runc and crun do.
    command.args(["-append", "console=ttyS0 panic=-1 mitigations=off lsm=lockdown,yama,bpf"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let mut reader = BufReader::new(child.stdout.take().context("QEMU has no output")?);
    let (mut line, mut ended) = (Vec::new(), false);
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        let said = Said::parse(text.trim_end());
        ended |= said == Said::End;
        hear(&said);
        line.clear();
    }
    let status = child.wait().context("QEMU cannot be waited for")?;
    if !status.success() || !ended {
        let messages = fs::read(console).unwrap_or_default();
        let messages = String::from_utf8_lossy(&messages);
        let last: Vec<_> = messages.lines().rev().take(40).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        bail!(
            "the virtual machine ended early (QEMU: {status}, {limit:?} were allowed):\n{}",
            last.join("\n")
        );
    }
    Ok(())
}

impl<'a> Said<'a> {
    fn parse(line: &'a str) -> Self {
        let marked = |line: &'a str| {
            let words: Vec<&str> = line.strip_prefix(MARK)?.split(' ').collect();
            match words.as_slice() {
                ["kernel", release] => Some(Self::Kernel(release)),
                [result @ ("passed" | "failed"), test, start, end] => {
                    let seconds = end.parse::<f64>().ok()? - start.parse::<f64>().ok()?;
                    Some(Self::Tested { test, passed: *result == "passed", seconds })
                }
                ["end"] => Some(Self::End),
                _ => None,
            }
        };
        marked(line).unwrap_or(Self::Text(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guest_says_is_understood() {
        assert_eq!(Said::parse("@@ kernel 6.1.0-56"), Said::Kernel("6.1.0-56"));
        let passed = Said::Tested { test: "counts::runc", passed: true, seconds: 1.5 };
        assert_eq!(Said::parse("@@ passed counts::runc 2.00 3.50"), passed);
        let failed = Said::Tested { test: "counts::runc", passed: false, seconds: 2.0 };
        assert_eq!(Said::parse("@@ failed counts::runc 1.00 3.00"), failed);
        assert_eq!(Said::parse("@@ end"), Said::End);
        for text in ["", "@@ ", "@@ passed", "@@ passed a b c", "@@ skipped a 1 2", " @@ end", "@@ end of it"]
        {
            assert_eq!(Said::parse(text), Said::Text(text));
        }
    }
}
