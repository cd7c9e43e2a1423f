//! Other people's programs that read lines of JSON, each of which gives back what it understood.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::wait::until;

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.get(..2000).unwrap_or(&said);
    assert!(output.status.success(), "{command:?}: {} {said}\n{}", output.status, tail(&output.stdout));
    output
}

fn tail(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(2000)..]).into_owned()
}

fn lines(text: &[u8]) -> Vec<Value> {
    let parse =
        |line: &[u8]| serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {}", tail(line)));
    text.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').map(parse).collect()
}

/// The interpreter that `cargo xtask` keeps.
fn python() -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python/bin/python");
    std::env::var_os("CTRACE_TEST_PYTHON").map_or(kept, PathBuf::from)
}

pub fn jq(file: &Path) -> Vec<Value> {
    lines(&output(Command::new("jq").args(["--compact-output", "."]).arg(file)).stdout)
}

pub fn node(file: &Path) -> Vec<Value> {
    const SCRIPT: &str = "
const lines = require('fs').readFileSync(process.argv[1], 'utf8').trimEnd().split('\\n');
for (const line of lines) console.log(JSON.stringify(JSON.parse(line)));
";
    lines(&output(Command::new("node").args(["--eval", SCRIPT]).arg(file)).stdout)
}

pub fn python_json(file: &Path) -> Vec<Value> {
    const SCRIPT: &str = "
import json, sys
for line in open(sys.argv[1], encoding='utf-8', newline='\\n'):
    print(json.dumps(json.loads(line)))
";
    lines(&output(Command::new(python()).args(["-c", SCRIPT]).arg(file)).stdout)
}

/// Validates lines with `check-jsonschema`, as items of one list. Its error if they are not valid.
pub fn check_jsonschema(schema: &Value, lines: &[Value]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let (list, of) = (folder.path().join("lines.json"), folder.path().join("schema.json"));
    fs::write(&list, json!(lines).to_string()).unwrap();
    // The schema keeps its own `$id`, to which its references are relative.
    let around = json!({ "$schema": schema["$schema"], "type": "array", "items": schema });
    fs::write(&of, around.to_string()).unwrap();
    let output = Command::new(python())
        .args(["-m", "check_jsonschema", "--schemafile"])
        .arg(of)
        .arg(list)
        .output()
        .unwrap();
    if output.status.success() { Ok(()) } else { Err(tail(&output.stdout) + &tail(&output.stderr)) }
}

/// Reads them into a table whose columns have the types that the schema gives, and prints its rows. What is absent there
/// is NULL, which no line has.
pub fn duckdb(file: &Path, schema: &Value, printed: &[Value]) -> Vec<Value> {
    const SCRIPT: &str = "
import duckdb, sys
table = f\"read_json('{sys.argv[1]}', format='newline_delimited', columns={sys.argv[2]})\"
for (row,) in duckdb.sql(f'SELECT CAST(to_json(line) AS VARCHAR) FROM {table} line').fetchall():
    print(row)
";
    let defs = schema["$defs"].as_object().unwrap();
    let all = members(&[schema], defs);
    let mut columns: Vec<_> = all.iter().map(|(key, of)| format!("'{key}': '{}'", kind(of, defs))).collect();
    // Keys with data in them, which only the flat layout has, are known from the lines alone.
    let keys = printed.iter().filter_map(Value::as_object).flat_map(Map::keys);
    let data: BTreeSet<_> = keys.filter(|key| key.starts_with("syscall.arg.")).collect();
    columns.extend(data.iter().map(|key| format!("'{key}': 'VARCHAR'")));
    let columns = format!("{{{}}}", columns.join(", "));
    let output = output(Command::new(python()).args(["-c", SCRIPT]).arg(file).arg(columns));
    lines(&output.stdout).into_iter().map(without_nulls).collect()
}

/// All members that a line may have, each with all that is said of it.
fn members<'s>(schemas: &[&'s Value], defs: &'s Map<String, Value>) -> BTreeMap<String, Vec<&'s Value>> {
    let mut all: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    let mut open = schemas.to_vec();
    while let Some(schema) = open.pop() {
        for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            all.entry(key.clone()).or_default().push(value);
        }
        open.extend(["else", "then"].iter().filter_map(|part| schema.get(part)));
        open.extend(schema.get("allOf").and_then(Value::as_array).into_iter().flatten());
        open.extend(definition(schema, defs));
    }
    all
}

fn definition<'s>(schema: &Value, defs: &'s Map<String, Value>) -> Option<&'s Value> {
    defs.get(schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?)
}

/// The type of a column.
fn kind(schemas: &[&Value], defs: &Map<String, Value>) -> String {
    let inside = members(schemas, defs);
    if !inside.is_empty() {
        let fields = inside.iter().map(|(key, of)| format!("\"{key}\" {}", kind(of, defs)));
        return format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "));
    }
    let schema = schemas[0];
    let schema = definition(schema, defs).unwrap_or(schema);
    let example = schema.get("const").or_else(|| schema.get("enum")?.get(0));
    match (schema.get("type").and_then(Value::as_str), example) {
        (Some("string"), _) | (_, Some(Value::String(_))) => "VARCHAR".to_owned(),
        (Some("integer"), _) | (_, Some(Value::Number(_))) => "BIGINT".to_owned(),
        (Some("boolean"), _) | (_, Some(Value::Bool(_))) => "BOOLEAN".to_owned(),
        (Some("array"), _) => format!("{}[]", kind(&[&schema["items"]], defs)),
        (Some("object"), _) => "MAP(VARCHAR, VARCHAR)".to_owned(),
        // A number or a string.
        _ => "JSON".to_owned(),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k, without_nulls(v)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// Sends each line as the message of an RFC 5424 record to an rsyslog as it is configured by default, whose `mmjsonparse`
/// takes it apart; gives what it put together again.
pub fn rsyslog(text: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (socket, out, configuration) = (at("socket"), at("out"), at("rsyslog.conf"));
    let text_of_configuration = format!(
        "global(workDirectory=\"{}\")
module(load=\"imptcp\")
module(load=\"mmjsonparse\")
template(name=\"json\" type=\"list\") {{ property(name=\"$!all-json\") constant(value=\"\\n\") }}
ruleset(name=\"take\") {{
    action(type=\"mmjsonparse\" cookie=\"\")
    if $parsesuccess == \"OK\" then {{ action(type=\"omfile\" file=\"{out}\" template=\"json\") }}
}}
input(type=\"imptcp\" path=\"{socket}\" ruleset=\"take\")
",
        folder.path().display()
    );
    fs::write(&configuration, text_of_configuration).unwrap();
    let mut command = Command::new("/usr/sbin/rsyslogd");
    command.args(["-n", "-f", &configuration, "-i", &at("pid")]).stdin(Stdio::null()).stderr(Stdio::null());
    let _daemon = Daemon(command.spawn().unwrap());
    let mut stream = until("rsyslog's socket", || UnixStream::connect(&socket).ok());
    for line in text.lines() {
        let record = format!("<134>1 - - ctrace - - - {line}");
        write!(stream, "{} {record}", record.len()).unwrap();
    }
    drop(stream);
    let wanted = text.lines().count();
    let got = until("all lines from rsyslog", || {
        let got = fs::read(&out).unwrap_or_default();
        (got.split(|byte| *byte == b'\n').count() > wanted).then_some(got)
    });
    lines(&got)
}
