//! The command line: what can be typed. What it means is decided in [`crate::run`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::delivery::spec::{self, Compression, EventFormat, OnFull, SinkSpec};
use crate::filter::ProcessFilter;
use crate::redact::Pattern;
use crate::sink::json::{Layout, Style};

mod choice;
mod hook;
mod manual;
mod minimise;
mod profile;
pub use choice::{ChosenArgs, Containers, MetricsArgs, SetupArgs, What};
pub use hook::OciHookArgs;
use manual::{COMPLETIONS_EXAMPLES, MAN_EXAMPLES};
pub use manual::{CompletionsArgs, ManArgs};
pub use minimise::{Capabilities, MinimiseArgs, SurplusArgs, TextOrJson};
pub use profile::{
    CapabilitiesArgs, CheckArgs, DiffArgs, GenerateArgs, MergeArgs, Print, ProfileCommand, ProfileRecordArgs,
    ShowArgs,
};

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
    /// Seccomp profiles and capabilities from what containers really call
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
    /// The JSON Schema of what `trace`, `top` or `ps` print with `--format json`
    ///
    /// Draft 2020-12. It allows lines of later versions, too: members may come, none goes or changes.
    Schema(SchemaArgs),
    /// Completions for a shell, on standard output
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// The manual pages
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArgs),
    /// For container runtimes to call: a profile of each container that has an annotation for it
    ///
    /// The state of a container comes on standard input, before its program runs and after its end. One without the
    /// annotation `io.containers.trace-syscall` is left alone. docs/hook.md has the rest.
    OciHook(OciHookArgs),
    /// Record a container that a runtime prepares (for ctrace itself)
    #[command(hide = true)]
    InternalOciTrace,
    /// Enter a cgroup and become a command (for ctrace itself)
    #[command(hide = true)]
    InternalExec(ExecArgs),
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
    pub chosen: ChosenArgs,
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
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub setup: SetupArgs,
}

/// Titles of `ctrace trace --help`.
const SINKS: &str = "Where events go";

#[derive(Args, Debug)]
pub struct Output {
    /// How events are printed [default: text to standard output and files, json to everything else]
    #[arg(long, value_enum, help_heading = SINKS)]
    pub format: Option<EventFormat>,
    /// Send events there, several times for several: `-` or `stdout:` (the default), PATH or `file:PATH`,
    /// `tcp://HOST:PORT`, `udp://HOST:PORT`, `unix:PATH`, `unix-dgram:PATH`, `syslog+tcp://HOST:PORT`,
    /// `syslog+unix:PATH`, `otlp+http://HOST:PORT`, `otlp+grpc://HOST:PORT`, `parquet:PATH`. With options of its own:
    /// `file:PATH?format=json&rotate_size=100M&rotate_age=1h&keep=5&compress=zstd&on_full=block&queue=16M`
    #[arg(short = 'o', long = "output", value_name = "SINK", value_parser = SinkSpec::parse, help_heading = SINKS)]
    pub sinks: Vec<SinkSpec>,
    /// While a sink takes nothing and its queue is full, lose events for it (and count them) or let everything wait
    /// [default: drop; block for recordings, which can wait]
    #[arg(long, value_enum, help_heading = SINKS)]
    pub on_full: Option<OnFull>,
    /// Put files aside before they are larger, as in `100M`
    #[arg(long, value_name = "SIZE", value_parser = spec::size, help_heading = SINKS)]
    pub rotate_size: Option<u64>,
    /// Put files aside when they are older, as in `1h`
    #[arg(long, value_name = "D", value_parser = spec::age, help_heading = SINKS)]
    pub rotate_age: Option<Duration>,
    /// Keep that many older files [default: 5]
    #[arg(long, value_name = "N", value_parser = spec::keep, help_heading = SINKS)]
    pub keep: Option<u32>,
    /// Compress older files from the second on
    #[arg(long, value_enum, help_heading = SINKS)]
    pub compress: Option<Compression>,
    /// At the end, wait that long for sinks to take what is left
    #[arg(long, value_name = "D", default_value = "5s", value_parser = interval, help_heading = SINKS)]
    pub flush_timeout: Duration,
    /// Exit with 7 if anything was lost
    #[arg(long, help_heading = SINKS)]
    pub fail_on_loss: bool,
    #[command(flatten)]
    pub lines: Lines,
    #[command(flatten)]
    pub privacy: Privacy,
}

const LINES: &str = "JSON lines";
const PRIVACY: &str = "Privacy";

#[derive(Args, Debug)]
pub struct Lines {
    /// nested: `{"container":{"id":..}}`; flat: `{"container.id":..}`, for receivers that take keys as they are
    #[arg(long, value_enum, default_value_t = JsonLayout::Nested, help_heading = LINES)]
    pub json_layout: JsonLayout,
    /// Longest JSON line, 1024 to 1048576 bytes; what does not fit is shortened and named in `truncated`
    #[arg(long, value_name = "N", default_value_t = Style::default().max_bytes, value_parser = line_length, help_heading = LINES)]
    pub max_event_bytes: usize,
}

#[derive(Args, Debug)]
pub struct Privacy {
    /// Print `[redacted]` for what matches in arguments, command lines, paths, addresses and names of processes; of a
    /// pattern with groups, only what the groups match: `--password[= ](\S+)`. Can be repeated. Recordings (`ctrace
    /// record`) hold everything
    #[arg(long, value_name = "REGEX", value_parser = Pattern::parse, help_heading = PRIVACY)]
    pub redact: Vec<Pattern>,
    /// Print nothing that programs and calls were given: no arguments, command lines and paths, and no registers. Names of
    /// calls and programs, results, errors and durations stay
    #[arg(long, help_heading = PRIVACY)]
    pub no_args: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JsonLayout {
    Nested,
    Flat,
}

impl From<JsonLayout> for Layout {
    fn from(layout: JsonLayout) -> Self {
        match layout {
            JsonLayout::Nested => Self::Nested,
            JsonLayout::Flat => Self::Flat,
        }
    }
}

const SCHEMA_EXAMPLES: &str = "\
Examples:
  ctrace schema > event.json                     of the lines of `ctrace trace --format json`
  ctrace schema --json-layout flat               of those with `--json-layout flat`
  ctrace schema top                              of the lines of `ctrace top --format json`";

#[derive(Args, Debug)]
#[command(after_help = SCHEMA_EXAMPLES)]
pub struct SchemaArgs {
    /// The command that prints the lines
    #[arg(value_enum, default_value_t = SchemaOf::Trace, value_name = "COMMAND")]
    pub of: SchemaOf,
    /// Layout of the lines
    #[arg(long, value_enum, default_value_t = JsonLayout::Nested)]
    pub json_layout: JsonLayout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Events: `ctrace trace` and `ctrace run`
    #[value(aliases = ["run", "events"])]
    Trace,
    /// Samples
    Top,
    /// Containers
    Ps,
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
    /// key=value or key!=value with key comm, pid or uid: only events of such processes;
    /// repeated with the same key: any of them, with different keys: all of them
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<ProcessFilter>,
    #[command(flatten)]
    pub what: What,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub metrics: MetricsArgs,
    #[command(flatten)]
    pub setup: SetupArgs,
    /// The command and its arguments
    #[arg(required_unless_present_any = ["explain", "print_config"], last = true, value_name = "CMD")]
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

fn line_length(text: &str) -> Result<usize, String> {
    let (least, most) = (Style::BYTES.start(), Style::BYTES.end());
    let length = text.parse().ok().filter(|length| Style::BYTES.contains(length));
    length.ok_or_else(|| format!("expected a number of bytes from {least} to {most}"))
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
    fn lengths_of_lines() {
        assert_eq!(["1024", "8192", "1048576"].map(line_length), [Ok(1024), Ok(8192), Ok(1 << 20)]);
        for wrong in ["", "1023", "1048577", "-1", "8k"] {
            assert!(line_length(wrong).is_err(), "{wrong:?}");
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
