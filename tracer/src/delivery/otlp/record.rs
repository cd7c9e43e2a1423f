//! Lines as OTLP's log records, those of one container under a resource of its own.
//!
//! | OTLP | from |
//! |---|---|
//! | `resource.attributes` | `service.name` = `ctrace`, `service.version`; `host.*`, `k8s.*` and `container.*` of the line, but for `container.lifetime_ns` |
//! | `scope.name`, `.version` | `ctrace`, its version |
//! | `time_unix_nano` | `timestamp` |
//! | `observed_time_unix_nano` | when the request was made |
//! | `severity_number`, `_text` | `level`: `info` 9, `warn` 13, `error` 17 |
//! | `body` | `message` |
//! | `event_name` | `event.name` |
//! | `attributes` | every other member, by its dotted name; lists as arrays, integers as integers, and what is a string in JSON for being large stays one |
//!
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/v1.8.0/opentelemetry/proto/logs/v1/logs.proto>

use std::collections::HashMap;

use jiff::Timestamp;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::Value;

use crate::delivery::flat;

const NAME: &str = "ctrace";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A member that begins so says whose the record is.
const RESOURCE: [&str; 3] = ["container.", "k8s.", "host."];
/// What begins so and differs from record to record.
const NOT_RESOURCE: [&str; 1] = ["container.lifetime_ns"];

/// The request that brings `lines`, in order within each container.
///
/// `observed_ns`: since the Unix epoch. The error says which line is none of ctrace's JSON.
pub fn request(lines: &[u8], observed_ns: u64) -> Result<ExportLogsServiceRequest, String> {
    let mut resources: Vec<ResourceLogs> = Vec::new();
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let Parts { resource, record } = parts(line, observed_ns)
            .map_err(|why| format!("{}: {why}", String::from_utf8_lossy(line).escape_debug()))?;
        let at = *known.entry(key(&resource)).or_insert_with(|| {
            resources.push(logs(resource));
            resources.len() - 1
        });
        if let Some(scope) = resources.get_mut(at).and_then(|logs| logs.scope_logs.first_mut()) {
            scope.log_records.push(record);
        }
    }
    Ok(ExportLogsServiceRequest { resource_logs: resources })
}

struct Parts {
    resource: Vec<KeyValue>,
    record: LogRecord,
}

fn parts(line: &[u8], observed_ns: u64) -> Result<Parts, serde_json::Error> {
    let mut resource = Vec::new();
    let mut record = LogRecord { observed_time_unix_nano: observed_ns, ..LogRecord::default() };
    flat::members(line, |name, value| match (name, value) {
        ("timestamp", Value::String(time)) if nanoseconds(&time).is_some() => {
            record.time_unix_nano = nanoseconds(&time).unwrap_or_default();
        }
        ("level", Value::String(level)) => {
            record.severity_number = severity(&level).into();
            record.severity_text = level;
        }
        ("message", Value::String(message)) => record.body = Some(any(Value::String(message))),
        ("event.name", Value::String(name)) => record.event_name = name,
        (name, value) => {
            let whose = RESOURCE.iter().any(|begin| name.starts_with(begin)) && !NOT_RESOURCE.contains(&name);
            let attributes = if whose { &mut resource } else { &mut record.attributes };
            attributes.push(attribute(name, any(value)));
        }
    })?;
    Ok(Parts { resource, record })
}

/// Equal for equal attributes. They come in the printer's order, so none is sorted.
fn key(attributes: &[KeyValue]) -> Vec<u8> {
    use prost::Message as _;
    let mut key = Vec::new();
    for attribute in attributes {
        // Fails for want of room alone, and a vector has it.
        let _ = attribute.encode_length_delimited(&mut key);
    }
    key
}

fn logs(mut attributes: Vec<KeyValue>) -> ResourceLogs {
    let service = [("service.name", NAME), ("service.version", VERSION)];
    attributes.extend(service.map(|(name, value)| attribute(name, any(value.into()))));
    let scope = InstrumentationScope {
        name: NAME.to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    ResourceLogs {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_logs: vec![ScopeLogs { scope: Some(scope), ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    }
}

fn attribute(name: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn any(value: Value) -> AnyValue {
    let value = match value {
        Value::Null => None,
        Value::Bool(value) => Some(Any::BoolValue(value)),
        Value::Number(number) => Some(match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Any::IntValue(integer),
            (None, Some(double)) if number.is_f64() => Any::DoubleValue(double),
            // Beyond OTLP's integers; its digits are exact.
            (None, _) => Any::StringValue(number.to_string()),
        }),
        Value::String(text) => Some(Any::StringValue(text)),
        Value::Array(values) => {
            Some(Any::ArrayValue(ArrayValue { values: values.into_iter().map(any).collect() }))
        }
        Value::Object(members) => Some(Any::KvlistValue(KeyValueList {
            values: members.into_iter().map(|(name, value)| attribute(&name, any(value))).collect(),
        })),
    };
    AnyValue { value }
}

/// Since the Unix epoch.
fn nanoseconds(time: &str) -> Option<u64> {
    time.parse::<Timestamp>().ok().and_then(|time| time.as_nanosecond().try_into().ok())
}

fn severity(level: &str) -> SeverityNumber {
    match level {
        "info" => SeverityNumber::Info,
        "warn" => SeverityNumber::Warn,
        "error" => SeverityNumber::Error,
        _ => SeverityNumber::Unspecified,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use serde_json::json;

    use super::*;

    fn found<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Any> {
        attributes.iter().find(|a| a.key == name)?.value.as_ref()?.value.as_ref()
    }

    fn text(text: &str) -> Any {
        Any::StringValue(text.to_owned())
    }

    fn lines(records: &[Value]) -> Vec<u8> {
        records.iter().flat_map(|record| format!("{record}\n").into_bytes()).collect()
    }

    fn only(record: &Value) -> (Vec<KeyValue>, LogRecord) {
        let mut request = request(&lines(std::slice::from_ref(record)), 5).unwrap();
        let mut logs = request.resource_logs.pop().unwrap();
        (logs.resource.unwrap().attributes, logs.scope_logs.pop().unwrap().log_records.pop().unwrap())
    }

    #[test]
    fn every_member_has_its_place() {
        let (resource, record) = only(&json!({
            "timestamp": "2026-11-23T18:04:05.123456789Z", "level": "warn", "message": "sh (7) in web-1: mkdir",
            "event": {"name": "syscall.denied", "seq": 42}, "schema_version": "1.0", "host": {"name": "node-a"},
            "container": {"id": "ab", "runtime": {"name": "runc"}, "lifetime_ns": 9}, "k8s": {"pod": {"name": "p"}},
            "process": {"pid": 7, "exit": {"last_thread": true}},
            "syscall": {"args": ["0xffffffffffffffff", "0x0"], "return_value": -1},
            "truncated": ["message"],
        }));
        assert_eq!(record.time_unix_nano, 1_795_457_045_123_456_789);
        assert_eq!(record.observed_time_unix_nano, 5);
        assert_eq!((record.severity_number, record.severity_text.as_str()), (13, "warn"));
        assert_eq!(record.body.unwrap().value, Some(text("sh (7) in web-1: mkdir")));
        assert_eq!(record.event_name, "syscall.denied");
        for (name, value) in [
            ("event.seq", Any::IntValue(42)),
            ("schema_version", text("1.0")),
            ("process.pid", Any::IntValue(7)),
            ("process.exit.last_thread", Any::BoolValue(true)),
            ("syscall.return_value", Any::IntValue(-1)),
            ("container.lifetime_ns", Any::IntValue(9)),
        ] {
            assert_eq!(found(&record.attributes, name), Some(&value), "{name}");
        }
        let Some(Any::ArrayValue(args)) = found(&record.attributes, "syscall.args") else { panic!() };
        let args: Vec<_> = args.values.iter().map(|value| value.value.clone().unwrap()).collect();
        assert_eq!(args, [text("0xffffffffffffffff"), text("0x0")]);
        assert_eq!(record.attributes.len(), 8);
        for (name, value) in [
            ("service.name", "ctrace"),
            ("service.version", VERSION),
            ("host.name", "node-a"),
            ("container.id", "ab"),
            ("container.runtime.name", "runc"),
            ("k8s.pod.name", "p"),
        ] {
            assert_eq!(found(&resource, name), Some(&text(value)), "{name}");
        }
        assert_eq!(resource.len(), 6);
    }

    #[test]
    fn numbers_at_the_edges_and_hostile_text_stay_what_they_are() {
        let hostile = "a\u{0}\u{1b}[2J\u{9b}\u{202e}\u{fffd}\n\u{10ffff}\"\\";
        let (_, record) = only(&json!({
            "a": i64::MIN, "b": i64::MAX, "c": u64::MAX, "d": u64::MAX.to_string(), "e": hostile, "f": 0.5,
            "g": [{"where": "ring", "count": 3}, null],
        }));
        let record = LogRecord::decode(record.encode_to_vec().as_slice()).unwrap();
        for (name, value) in [
            ("a", Any::IntValue(i64::MIN)),
            ("b", Any::IntValue(i64::MAX)),
            ("c", text("18446744073709551615")),
            ("d", text("18446744073709551615")),
            ("e", text(hostile)),
            ("f", Any::DoubleValue(0.5)),
        ] {
            assert_eq!(found(&record.attributes, name), Some(&value), "{name}");
        }
        let Some(Any::ArrayValue(list)) = found(&record.attributes, "g") else { panic!() };
        let Some(Any::KvlistValue(first)) = list.values[0].value.as_ref() else { panic!() };
        assert_eq!(found(&first.values, "where"), Some(&text("ring")));
        assert_eq!(found(&first.values, "count"), Some(&Any::IntValue(3)));
        assert_eq!(list.values[1].value, None);
    }

    #[test]
    fn what_cannot_be_taken_apart_is_an_attribute() {
        let (_, record) = only(&json!({"timestamp": "yesterday", "level": 3, "message": ["a"]}));
        assert_eq!((record.time_unix_nano, record.severity_number), (0, 0));
        assert_eq!(found(&record.attributes, "timestamp"), Some(&text("yesterday")));
        assert_eq!(found(&record.attributes, "level"), Some(&Any::IntValue(3)));
        assert!(found(&record.attributes, "message").is_some());
    }

    #[test]
    fn containers_are_resources_and_keep_their_order() {
        let record = |seq: u64, container: Value| json!({"event": {"seq": seq}, "container": container});
        let (a, b) = (json!({"id": "a"}), json!({"id": "b"}));
        let lines = lines(&[record(0, a.clone()), record(1, b), json!({"event": {"seq": 2}}), record(3, a)]);
        let request = request(&lines, 0).unwrap();
        let seqs = request.resource_logs.iter().map(|logs| {
            let records = logs.scope_logs.iter().flat_map(|scope| &scope.log_records);
            records.map(|record| found(&record.attributes, "event.seq").cloned().unwrap()).collect::<Vec<_>>()
        });
        let expected =
            [&[0, 3][..], &[1], &[2]].map(|s| s.iter().map(|n| Any::IntValue(*n)).collect::<Vec<_>>());
        assert!(seqs.eq(expected));
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let error = request(b"{}\nplain \x1b\n", 0).unwrap_err();
        assert!(error.contains(r"plain \u{1b}") && !error.contains('\x1b'), "{error}");
    }
}
