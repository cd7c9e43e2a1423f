//! What `ctrace trace` and `ctrace run` look at, where that is configured, and the metrics of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::filter::{AnyFilter, Filter};
use crate::select::Asked;

/// Which containers; without any, all of them
#[derive(Args, Clone, Debug, Default)]
pub struct Containers {
    /// Name, or beginning of the id; without any, all containers
    #[arg(value_name = "CONTAINER")]
    pub names: Vec<String>,
    /// key=value or key!=value with key id, name, image, runtime, label, pod, namespace or cgroup;
    /// repeated with the same key: any of them, with different keys: all of them
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<Filter>,
}

/// Which containers, and which processes in them; without any, all of them
#[derive(Args, Clone, Debug, Default)]
pub struct ChosenArgs {
    /// Name, or beginning of the id; without any, all containers
    #[arg(value_name = "CONTAINER")]
    pub names: Vec<String>,
    /// key=value or key!=value with key id, name, image, runtime, label, pod, namespace or cgroup,
    /// or, of the process that caused an event, comm, pid or uid as the host sees them;
    /// repeated with the same key: any of them, with different keys: all of them
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<AnyFilter>,
}

/// Title in `--help`.
const CHOOSING: &str = "Choosing events";

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct What {
    /// System calls, classes of them and events, separated by commas; `*` stands for any characters,
    /// `!` takes away what follows, at the start of a list all of the list.
    /// Classes as in strace: %clock, %creds, %desc, %file, %ipc, %memory, %network, %process, %pure,
    /// %signal, %stat, %lstat, %fstat, %%stat, %statfs, %fstatfs, %%statfs.
    /// Events: syscall, process.fork, process.exec, process.exit, container.start, container.stop,
    /// cgroup.mkdir, cgroup.rmdir, cgroup.attach, cgroup.freeze, cgroup.unfreeze, cgroup.rename,
    /// `io_uring.submit`, `io_uring.complete`;
    /// without -e all but those of cgroups
    #[arg(short = 'e', long = "events", value_name = "WHAT", help_heading = CHOOSING)]
    pub what: Vec<String>,
    /// Only system calls that failed
    #[arg(long, help_heading = CHOOSING)]
    pub failed: bool,
    /// Only system calls that a seccomp filter refused
    #[arg(long, help_heading = CHOOSING)]
    pub denied: bool,
    /// Only system calls that took that long, as in `10ms`
    #[arg(long, value_name = "D", value_parser = duration, help_heading = CHOOSING)]
    pub slower_than: Option<Duration>,
    /// Only system calls that failed with one of these errors, as in `ENOENT,EACCES`
    #[arg(long = "errno", value_name = "ERRNO", help_heading = CHOOSING)]
    pub errnos: Vec<String>,
    /// Also what the runtime does on a container's behalf before its program runs
    #[arg(long, help_heading = CHOOSING)]
    pub setup: bool,
    /// Print what of all this the kernel decides and what ctrace, and end; takes no privileges
    #[arg(long, help_heading = CHOOSING)]
    pub explain: bool,
}

impl What {
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            what: &self.what,
            failed: self.failed,
            denied: self.denied,
            slower_than: self.slower_than,
            errnos: &self.errnos,
        }
    }
}

/// As short as a call may be.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().ok().ok_or("expected a time such as 10ms, 50us or 2s")?;
    let allowed = jiff::SignedDuration::from_nanos(1)..=jiff::SignedDuration::from_hours(24);
    if !allowed.contains(&span) {
        return Err("expected a time from 1ns to 24h".to_owned());
    }
    Ok(span.unsigned_abs())
}

const CONFIGURATION: &str = "Configuration";

#[derive(Args, Debug)]
pub struct SetupArgs {
    /// Read this instead of ~/.config/ctrace/config.toml or /etc/ctrace/config.toml
    #[arg(long, value_name = "FILE", help_heading = CONFIGURATION)]
    pub config: Option<PathBuf>,
    /// Print what flags, CTRACE_* variables and configuration come to, as a configuration file, and end
    #[arg(long, help_heading = CONFIGURATION)]
    pub print_config: bool,
}

const METRICS: &str = "Metrics";

/// More series than this are no help to anybody, and a burden to who stores them.
const SERIES_MAX: u32 = 10_000;

#[derive(Args, Debug)]
pub struct MetricsArgs {
    /// Serve metrics for Prometheus over HTTP, at /metrics, and /healthz, as in `127.0.0.1:9464`;
    /// `:9464` is that port for this machine only
    #[arg(long, value_name = "ADDR", value_parser = address, help_heading = METRICS)]
    pub metrics: Option<SocketAddr>,
    /// Also metrics of that many containers one by one, and of all others together
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(SERIES_MAX)),
        requires = "metrics",
        help_heading = METRICS
    )]
    pub metrics_containers: Option<u32>,
}

/// No names: what they stand for may be anybody's.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address = if text.starts_with(':') { format!("127.0.0.1{text}") } else { text.to_owned() };
    address
        .parse()
        .ok()
        .ok_or_else(|| "expected an address and a port, as in 127.0.0.1:9464, or :9464".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_calls() {
        assert_eq!(duration("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(duration("50us"), Ok(Duration::from_micros(50)));
        assert_eq!(duration("1ns"), Ok(Duration::from_nanos(1)));
        for wrong in ["", "10", "0s", "-1ms", "25h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_alone_is_for_this_machine() {
        assert_eq!(address(":9464").unwrap().to_string(), "127.0.0.1:9464");
        assert_eq!(address("0.0.0.0:1").unwrap().to_string(), "0.0.0.0:1");
        assert_eq!(address("[::1]:0").unwrap().to_string(), "[::1]:0");
        for wrong in ["", "9464", "localhost:1", ":", ":65536", "127.0.0.1"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
