//! Printed lines as columns. A column is named as its member is, with `_` for the dots.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use jiff::Timestamp;
use serde_json::Value;

use crate::delivery::flat;

#[derive(Clone, Copy)]
enum Kind {
    /// As a moment, for readers that know nanoseconds.
    Time,
    /// The same as a number, for those that would cut it to microseconds.
    TimeNumber,
    /// Also of a string of digits: JSON's large numbers.
    Integer,
    Text,
    Texts,
}

use Kind::{Integer, Text, Texts, Time, TimeNumber};

/// Column, the member that it is, and how. What has no column is in the last one, which has the whole line.
const COLUMNS: [(&str, &str, Kind); 46] = [
    ("timestamp", "timestamp", Time),
    ("timestamp_ns", "timestamp", TimeNumber),
    ("event_name", "event.name", Text),
    ("event_seq", "event.seq", Integer),
    ("level", "level", Text),
    ("message", "message", Text),
    ("host_name", "host.name", Text),
    ("container_id", "container.id", Text),
    ("container_name", "container.name", Text),
    ("container_image_name", "container.image.name", Text),
    ("container_runtime_name", "container.runtime.name", Text),
    ("container_parent_id", "container.parent.id", Text),
    ("k8s_pod_name", "k8s.pod.name", Text),
    ("k8s_pod_uid", "k8s.pod.uid", Text),
    ("k8s_namespace_name", "k8s.namespace.name", Text),
    ("k8s_container_name", "k8s.container.name", Text),
    ("owner_unknown", "owner.unknown", Text),
    ("process_pid", "process.pid", Integer),
    ("process_vpid", "process.vpid", Integer),
    ("process_tid", "process.tid", Integer),
    ("process_parent_pid", "process.parent_pid", Integer),
    ("process_executable_name", "process.executable.name", Text),
    ("process_executable_path", "process.executable.path", Text),
    ("process_command_line", "process.command_line", Text),
    ("process_command_args", "process.command_args", Texts),
    ("process_user_id", "process.user.id", Integer),
    ("process_origin", "process.origin", Text),
    ("process_exit_code", "process.exit.code", Integer),
    ("process_exit_signal_name", "process.exit.signal.name", Text),
    ("syscall_name", "syscall.name", Text),
    ("syscall_number", "syscall.number", Integer),
    ("syscall_abi", "syscall.abi", Text),
    ("syscall_args", "syscall.args", Texts),
    ("syscall_return_value", "syscall.return_value", Integer),
    ("syscall_duration_ns", "syscall.duration_ns", Integer),
    ("file_path", "file.path", Text),
    ("file_target_path", "file.target_path", Text),
    ("network_peer_address", "network.peer.address", Text),
    ("network_peer_port", "network.peer.port", Integer),
    ("network_local_address", "network.local.address", Text),
    ("network_local_port", "network.local.port", Integer),
    ("error_type", "error.type", Text),
    ("cgroup_path", "cgroup.path", Text),
    ("lost_where", "lost.where", Text),
    ("lost_count", "lost.count", Integer),
    (RECORD, "", Text),
];

/// The whole line.
const RECORD: &str = "record";

enum Builder {
    Time(TimestampNanosecondBuilder),
    Integer(Int64Builder),
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
}

/// Rows that wait to be written.
pub struct Rows {
    schema: SchemaRef,
    builders: Vec<Builder>,
    /// Columns of a member.
    columns: HashMap<&'static str, Vec<usize>>,
    /// Of the line at hand, by column.
    values: Vec<Option<Value>>,
    count: usize,
    bytes: usize,
}

impl Rows {
    pub fn new() -> Self {
        let fields: Vec<Field> =
            COLUMNS.iter().map(|(name, _, kind)| Field::new(*name, kind.of(), *name != RECORD)).collect();
        let mut columns: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, (_, member, _)) in COLUMNS.iter().enumerate() {
            columns.entry(*member).or_default().push(at);
        }
        Self {
            schema: Arc::new(Schema::new(fields)),
            builders: COLUMNS.iter().map(|(_, _, kind)| kind.builder()).collect(),
            columns,
            values: Vec::new(),
            count: 0,
            bytes: 0,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of their lines.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// `line`: without its end. A line that is no record is a row that has nothing but itself.
    pub fn push(&mut self, line: &[u8]) {
        let Self { schema: _, builders, columns, values, count, bytes } = self;
        values.clear();
        values.resize(COLUMNS.len(), None);
        let read = flat::members(line, |name, value| {
            for at in columns.get(name).into_iter().flatten() {
                if let Some(place) = values.get_mut(*at) {
                    *place = Some(value.clone());
                }
            }
        });
        if read.is_err() {
            values.fill(None);
        }
        if let Some(record) = values.last_mut() {
            *record = Some(String::from_utf8_lossy(line).into());
        }
        for (builder, value) in builders.iter_mut().zip(values.drain(..)) {
            builder.push(value);
        }
        *count += 1;
        *bytes += line.len();
    }

    /// All rows, which are none from here on.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        (self.count, self.bytes) = (0, 0);
        RecordBatch::try_new(self.schema(), self.builders.iter_mut().map(Builder::finish).collect())
    }
}

impl Kind {
    fn of(self) -> DataType {
        match self {
            Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            TimeNumber | Integer => DataType::Int64,
            Text => DataType::Utf8,
            Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }

    fn builder(self) -> Builder {
        match self {
            Time => Builder::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            TimeNumber | Integer => Builder::Integer(Int64Builder::new()),
            Text => Builder::Text(StringBuilder::new()),
            Texts => Builder::Texts(ListBuilder::new(StringBuilder::new())),
        }
    }
}

impl Builder {
    fn push(&mut self, value: Option<Value>) {
        match self {
            Self::Time(builder) => builder.append_option(value.and_then(|value| integer(&value))),
            Self::Integer(builder) => builder.append_option(value.and_then(|value| integer(&value))),
            Self::Text(builder) => builder.append_option(value.map(text)),
            Self::Texts(builder) => {
                let Some(Value::Array(values)) = value else {
                    builder.append_null();
                    return;
                };
                for value in values {
                    builder.values().append_value(text(value));
                }
                builder.append(true);
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Of a number, of its digits, or of a moment: nanoseconds since the Unix epoch.
fn integer(value: &Value) -> Option<i64> {
    let Value::String(text) = value else { return value.as_i64() };
    let moment = || text.parse::<Timestamp>().ok().and_then(|time| time.as_nanosecond().try_into().ok());
    text.parse().ok().or_else(moment)
}

fn text(value: Value) -> String {
    if let Value::String(text) = value { text } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int64Type, TimestampNanosecondType};

    use super::*;

    #[test]
    fn members_are_in_their_columns_and_the_line_is_whole() {
        let lines = [
            r#"{"timestamp":"2026-11-23T18:04:05.123456789Z","event":{"name":"syscall"},"container":{"image":{"name":"nginx"}},"syscall":{"args":["0x0","0xffffffffffffffff"],"return_value":"-9223372036854775808"},"other":{"a":1}}"#,
            r#"{"message":"\u001b[2J","syscall":{"args":[],"return_value":-2},"process":{"pid":"18446744073709551615"}}"#,
            "plain",
        ];
        let mut rows = Rows::new();
        for line in lines {
            rows.push(line.as_bytes());
        }
        assert_eq!((rows.count(), rows.bytes()), (3, lines.concat().len()));
        let batch = rows.take().unwrap();
        assert_eq!((rows.count(), rows.bytes(), batch.num_rows()), (0, 0, 3));
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let texts = |name: &str| {
            column(name).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
        };
        let numbers = |name: &str| column(name).as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
        assert_eq!(texts("record"), lines.map(|line| Some(line.to_owned())));
        assert_eq!(texts("event_name"), [Some("syscall".to_owned()), None, None]);
        assert_eq!(texts("container_image_name"), [Some("nginx".to_owned()), None, None]);
        assert_eq!(texts("message"), [None, Some("\u{1b}[2J".to_owned()), None]);
        let time = 1_795_457_045_123_456_789;
        assert_eq!(column("timestamp").as_primitive::<TimestampNanosecondType>().value(0), time);
        assert_eq!(numbers("timestamp_ns"), [Some(time), None, None]);
        assert_eq!(numbers("syscall_return_value"), [Some(i64::MIN), Some(-2), None]);
        assert_eq!(numbers("process_pid"), [None, None, None], "no number is better than a wrong one");
        let args = column("syscall_args").as_list::<i32>();
        let first = args.value(0);
        assert_eq!(
            first.as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
            ["0x0", "0xffffffffffffffff"]
        );
        assert_eq!((args.value(1).len(), args.is_null(2)), (0, true));
    }

    #[test]
    fn columns_are_named_by_one_rule() {
        for (name, member, kind) in COLUMNS {
            let named = name == member.replace('.', "_") || name == RECORD || matches!(kind, TimeNumber);
            assert!(named, "{name}");
        }
        assert_eq!(COLUMNS.last().unwrap().0, RECORD);
    }
}
