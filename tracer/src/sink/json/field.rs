//! The strings whose length others decide, and the room that each has in a line.

use tracer_common::limits::{ADDRESS_LEN, CGROUP_PATH_LEN, COMM_LEN};

/// No line of an event stream is longer. It is what the strictest receiver takes by default:
/// rsyslog cuts messages at 8 KiB, <https://www.rsyslog.com/doc/rainerscript/global.html>.
pub const LINE: usize = 8 << 10;

/// Bytes of a path or of arguments that are not UTF-8.
const RAW: usize = 512;

/// That many sinks fit into the line of `ctrace.stop`.
pub const SINKS: usize = 8;

/// A member of a line.
pub struct Field {
    pub key: &'static str,
    /// Member with the same bytes in base64.
    pub bytes_key: &'static str,
    /// Its name in `truncated`.
    pub path: &'static str,
    /// Bytes for the escaped text.
    pub room: usize,
    /// Bytes of which `bytes_key` is made, those behind them are cut; 0: it is never written.
    pub raw: usize,
}

/// A constant for each `parent` + `key`.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $parent:literal $key:literal, $room:expr, $raw:expr;)*) => {
        $($(#[$doc])* pub const $name: Field = Field {
            key: $key,
            bytes_key: concat!($key, "_bytes"),
            path: concat!($parent, $key),
            room: $room,
            raw: $raw,
        };)*
    };
}

fields! {
    MESSAGE = "" "message", 512, 0;
    HOST_NAME = "host." "name", 128, 0;
    /// 64 hexadecimal digits.
    CONTAINER_ID = "container." "id", 128, 0;
    CONTAINER_NAME = "container." "name", 256, 0;
    CONTAINER_IMAGE = "container.image." "name", 384, 0;
    CONTAINER_PARENT = "container.parent." "id", 128, 0;
    /// Kubernetes allows 253 characters in a name, 63 in a namespace's or a container's.
    POD_NAME = "k8s.pod." "name", 256, 0;
    POD_UID = "k8s.pod." "uid", 128, 0;
    POD_NAMESPACE = "k8s.namespace." "name", 128, 0;
    POD_CONTAINER = "k8s.container." "name", 128, 0;
    COMM = "process.executable." "name", 6 * COMM_LEN, COMM_LEN;
    FILENAME = "process.executable." "path", 1024, RAW;
    COMMAND_LINE = "process." "command_line", 896, 0;
    COMMAND_ARGS = "process." "command_args", 896, RAW;
    /// All arguments of a call share it.
    ARGUMENTS = "syscall." "arg", 1536, 0;
    PATH = "file." "path", 768, RAW;
    TARGET_PATH = "file." "target_path", 512, RAW;
    /// The longest is a path of 108 bytes.
    PEER_ADDRESS = "network.peer." "address", 6 * ADDRESS_LEN, ADDRESS_LEN;
    LOCAL_ADDRESS = "network.local." "address", 6 * ADDRESS_LEN, ADDRESS_LEN;
    CGROUP_PATH = "cgroup." "path", 2048, CGROUP_PATH_LEN;
    VERSION = "ctrace." "version", 128, 0;
    KERNEL = "ctrace." "kernel", 256, 0;
    SINK = "lost." "sink", 256, 0;
    SINK_NAME = "ledger.sinks." "name", 256, 0;
}

/// Keys, brackets, numbers and our own words: the longest are below 1200 bytes.
const FIXED: usize = 1280;

/// What every event may have.
const COMMON: [&Field; 11] = [
    &MESSAGE,
    &HOST_NAME,
    &CONTAINER_ID,
    &CONTAINER_NAME,
    &CONTAINER_IMAGE,
    &CONTAINER_PARENT,
    &POD_NAME,
    &POD_UID,
    &POD_NAMESPACE,
    &POD_CONTAINER,
    &COMM,
];

const fn longest(fields: &[&Field]) -> usize {
    match fields {
        [] => 0,
        [field, rest @ ..] => field.room + field.raw.div_ceil(3) * 4 + longest(rest),
    }
}

const _: () = assert!(FIXED + longest(&COMMON) + longest(&[&ARGUMENTS, &PATH, &TARGET_PATH]) <= LINE);
const _: () = assert!(FIXED + longest(&COMMON) + longest(&[&ARGUMENTS, &PEER_ADDRESS]) <= LINE);
const _: () = assert!(FIXED + longest(&COMMON) + longest(&[&FILENAME, &COMMAND_LINE, &COMMAND_ARGS]) <= LINE);
const _: () = assert!(FIXED + longest(&COMMON) + longest(&[&CGROUP_PATH]) <= LINE);
/// Keys and numbers of a sink's books take less than 180 bytes.
const _: () = assert!(FIXED + longest(&[&MESSAGE, &HOST_NAME]) + SINKS * (SINK_NAME.room + 180) <= LINE);
