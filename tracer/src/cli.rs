//! The command line: what can be typed. What it means is decided in [`crate::run`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::filter::Filter;

/// What containers really do, at the level of system calls
#[derive(Debug, Parser)]
#[command(name = "ctrace", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Say more on stderr (-vv: even more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// None: somebody who wants to know what this is; see [`WELCOME`].
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What `ctrace` alone prints.
pub const WELCOME: &str = "\
ctrace shows what containers really do, at the level of system calls: what fails, what is slow,
what is refused. It changes nothing in them and needs nothing from them.

  watch      sudo ctrace top                     all containers, live
  export     sudo ctrace trace --failed web      what fails in the container `web`, one call a line
  confine    sudo ctrace profile record -o web.json -- podman run --rm IMAGE
                                                 a seccomp profile of what IMAGE calls

First time here?
  ctrace top --demo      looks at a small recording; no root, no containers
  ctrace doctor          says whether all this works on this machine
  ctrace --help          lists the rest
";

const EXAMPLES: &str = "\
Examples:
  sudo ctrace top                                what every container calls, live
  sudo ctrace trace --failed web                 the calls of container `web` that fail, one a line
  sudo ctrace profile record -o p.json -- podman run --rm IMAGE
                                                 a seccomp profile of what IMAGE calls
  ctrace doctor                                  whether all this works here";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Live table of containers: calls, errors, refusals and latency
    Top(TopArgs),
    /// Print events as they happen: system calls, exec, exit, refusals
    Trace(TraceArgs),
    /// Seccomp profiles from what containers really call
    #[command(subcommand)]
    Profile(ProfileCommand),
    /// Record calls, events and names into a file, to look at them later without privileges
    Record(RecordArgs),
    /// Run a command in a cgroup of its own and trace it; no container runtime needed
    ///
    /// Without -o, events and the output of the command share standard output. The exit code is the
    /// command's.
    Run(RunArgs),
    /// The containers that ctrace can see, and how it knows each
    Ps(PsArgs),
    /// What this machine offers, what is missing, and how to fix it
    Doctor(DoctorArgs),
    /// Enter a cgroup and become a command (for ctrace itself)
    #[command(hide = true)]
    InternalExec(ExecArgs),
}

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

const TOP_EXAMPLES: &str = "\
Examples:
  sudo ctrace top                                the screen; `?` lists its keys
  sudo ctrace top --filter image!=pause          all containers but those of the image `pause`
  sudo ctrace top --once --format json           one interval, one line, for scripts
  sudo ctrace top --record today.ctrace          the screen, and all that it saw kept in a file
  ctrace top --replay today.ctrace               the same screen again; takes no privileges
  ctrace top --demo                              a look at it without privileges or containers";

/// Titles of `ctrace top --help`.
const SAMPLES: &str = "Samples, for scripts";
const RECORDINGS: &str = "Recordings";
const SCREEN: &str = "Screen";

#[derive(Args, Debug)]
#[command(after_help = TOP_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub struct TopArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// Also what runs in no container
    #[arg(long)]
    pub host: bool,
    /// Time between two samples, as in `500ms` or `2s`; 1s if nothing else is configured
    #[arg(long, value_name = "D", value_parser = interval)]
    pub interval: Option<Duration>,
    /// Print one sample and end: what happened in one interval
    #[arg(long, conflicts_with = "count", help_heading = SAMPLES)]
    pub once: bool,
    /// Print that many samples and end
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = SAMPLES)]
    pub count: Option<u64>,
    /// How samples are printed when the screen is not used
    #[arg(long, value_enum, default_value_t = SampleFormat::Table, help_heading = SAMPLES)]
    pub format: SampleFormat,
    /// Show a recording instead of the running system
    #[arg(long, value_name = "FILE", conflicts_with = "record", help_heading = RECORDINGS)]
    pub replay: Option<PathBuf>,
    /// Show a small recording that ships inside ctrace; takes no privileges
    #[arg(long, conflicts_with_all = ["replay", "record"], help_heading = RECORDINGS)]
    pub demo: bool,
    /// Show a recording that many times as fast as it was made, from 0.1 to 1000
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed, help_heading = RECORDINGS)]
    pub speed: f64,
    /// Also write a recording
    #[arg(long, value_name = "FILE", help_heading = RECORDINGS)]
    pub record: Option<PathBuf>,
    /// Use ASCII characters only
    #[arg(long, help_heading = SCREEN)]
    pub ascii: bool,
    /// Print sentences instead of a screen, of each container only what changed: for screen readers and
    /// terminals that cannot move the cursor
    #[arg(long, conflicts_with = "format", help_heading = SCREEN)]
    pub plain: bool,
    /// Leave the mouse to the terminal
    #[arg(long, help_heading = SCREEN)]
    pub no_mouse: bool,
    /// Read this instead of ~/.config/ctrace/config.toml
    #[arg(long, value_name = "FILE", help_heading = SCREEN)]
    pub config: Option<PathBuf>,
    /// Print the commands of the screen, their keys and what they do
    #[arg(long, help_heading = SCREEN)]
    pub print_keys: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SampleFormat {
    Table,
    Json,
    Csv,
}

#[derive(Args, Debug)]
pub struct TraceArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// Also what runs in no container
    #[arg(long)]
    pub host: bool,
    #[command(flatten)]
    pub what: What,
    #[command(flatten)]
    pub output: Output,
    /// Read events from a recording instead of the running system
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Read events from a small recording that ships inside ctrace; takes no privileges
    #[arg(long, conflicts_with = "replay")]
    pub demo: bool,
    /// End after this time, as in `30s`
    #[arg(long, value_name = "D", value_parser = interval)]
    pub duration: Option<Duration>,
    /// End after that many events
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

#[derive(Args, Debug)]
pub struct What {
    /// System calls and events, separated by commas; `*` stands for any characters.
    /// Events: syscall, process.fork, process.exec, process.exit, container.start, container.stop,
    /// cgroup.mkdir, cgroup.rmdir, cgroup.attach, cgroup.freeze, cgroup.unfreeze, cgroup.rename;
    /// without -e all but those of cgroups
    #[arg(short = 'e', long = "events", value_name = "WHAT")]
    pub what: Vec<String>,
    /// Only system calls that failed
    #[arg(long)]
    pub failed: bool,
    /// Only system calls that a seccomp filter refused
    #[arg(long)]
    pub denied: bool,
    /// Also what the runtime does on a container's behalf before its program runs
    #[arg(long)]
    pub setup: bool,
}

#[derive(Args, Debug)]
pub struct Output {
    #[arg(long, value_enum, default_value_t = EventFormat::Text)]
    pub format: EventFormat,
    /// Write to a file (mode 0600) instead of standard output; `-`: standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 7 if anything was lost
    #[arg(long)]
    pub fail_on_loss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    Text,
    /// One object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Record what containers call and write a profile for each
    Record(ProfileRecordArgs),
    /// Write profiles from recordings
    Generate(GenerateArgs),
}

#[derive(Args, Debug)]
pub struct ProfileRecordArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// End after this time instead of at Ctrl-C
    #[arg(long, value_name = "D", value_parser = interval)]
    pub duration: Option<Duration>,
    /// A file for one profile, a directory for several
    #[arg(short = 'o', long, value_name = "OUT")]
    pub output: PathBuf,
    /// Record the containers that this command brings about, or the command itself if it starts none
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// Made by `ctrace record`
    #[arg(required = true, value_name = "RECORDING")]
    pub recordings: Vec<PathBuf>,
    /// key=value as for `ctrace top`
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<Filter>,
    /// A file for one profile, a directory for several
    #[arg(short = 'o', long, value_name = "OUT")]
    pub output: PathBuf,
}

#[derive(Args, Debug)]
pub struct RecordArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// Also what runs in no container
    #[arg(long)]
    pub host: bool,
    /// The recording
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: PathBuf,
    /// End after this time instead of at Ctrl-C
    #[arg(long, value_name = "D", value_parser = interval)]
    pub duration: Option<Duration>,
}

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub what: What,
    #[command(flatten)]
    pub output: Output,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub struct PsArgs {
    #[command(flatten)]
    pub containers: Containers,
    /// Also systemd's services
    #[arg(long)]
    pub host: bool,
    /// Show containers inside containers below them
    #[arg(long)]
    pub tree: bool,
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

#[derive(Args, Debug)]
pub struct DoctorArgs {
    #[arg(long, value_enum, default_value_t = ReportFormat::Table)]
    pub format: ReportFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Table,
    Json,
}

#[derive(Args, Debug)]
pub struct ExecArgs {
    pub cgroup: PathBuf,
    #[arg(required = true, last = true)]
    pub command: Vec<OsString>,
}

/// `500ms`, `2s`, `1m30s`; more than nothing and at most a year.
pub fn interval(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().ok().ok_or("expected a time such as 500ms, 2s or 1m30s")?;
    let allowed = jiff::SignedDuration::from_millis(1)..=jiff::SignedDuration::from_hours(366 * 24);
    if !allowed.contains(&span) {
        return Err("expected a time from 1ms to a year".to_owned());
    }
    Ok(span.unsigned_abs())
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().ok().ok_or("expected a number such as 10 or 0.5")?;
    if (0.1..=1000.0).contains(&speed) {
        Ok(speed)
    } else {
        Err("expected a number from 0.1 to 1000".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times() {
        assert_eq!(interval("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("1m30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "5", "-1s", "0s", "1000000h"] {
            assert!(interval(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn speeds() {
        assert_eq!([speed("0.1"), speed("1"), speed("1000")], [Ok(0.1), Ok(1.0), Ok(1000.0)]);
        for wrong in ["", "x", "0", "-1", "NaN", "inf", "1001"] {
            assert!(speed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_command_keeps_its_own_flags() {
        let cli =
            Cli::parse_from(["ctrace", "profile", "record", "-o", "p", "--", "podman", "run", "-o", "x"]);
        let Some(Command::Profile(ProfileCommand::Record(args))) = cli.command else { panic!() };
        assert_eq!(args.command, ["podman", "run", "-o", "x"]);
    }
}
