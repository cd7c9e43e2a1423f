//! What ctrace prints as JSON, found by meaning.

use serde_json::Value;

use super::schema;

/// `a.b.c` in nested objects; `Null` where there is none.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| &value[key])
}

/// Fails on a line that is not JSON, or is ctrace's and not as its schema describes it.
#[track_caller]
pub fn parse(line: &str) -> Value {
    let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"));
    schema::check(&value);
    value
}

pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(parse).collect()
}

/// Of a sample of `ctrace top`, the container's row.
pub fn row<'a>(sample: &'a Value, id: &str) -> Option<&'a Value> {
    list(&sample["containers"]).iter().find(|row| *at(row, "container.id") == *id)
}

/// Of a row, the line of one system call.
pub fn syscall<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    list(&row["syscalls"]).iter().find(|call| call["name"] == *name)
}

/// How often a call ended with this errno.
pub fn errno(call: &Value, name: &str) -> u64 {
    let found = list(&call["errnos"]).iter().find(|errno| errno["name"] == *name);
    found.map_or(0, |errno| number(errno, "total"))
}

/// Fails where there is none.
#[track_caller]
pub fn number(value: &Value, path: &str) -> u64 {
    at(value, path).as_u64().unwrap_or_else(|| panic!("no number at {path}: {value}"))
}

/// The elements; none where there is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether an event has this name and comes from this container.
pub fn is(event: &Value, name: &str, container: &str) -> bool {
    *at(event, "event.name") == *name && *at(event, "container.id") == *container
}
