//! The schemas that ctrace publishes, made strict: published ones allow what they do not know, because members may come;
//! a test wants each member described.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "that is how a test fails")]

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use tracer::sink::schema;

/// A format, as it is published and strict.
pub struct Format {
    pub schema: Value,
    pub published: Validator,
    pub strict: Validator,
}

pub static EVENT: LazyLock<Format> = LazyLock::new(|| Format::new(read(schema::EVENT)));
pub static FLAT: LazyLock<Format> = LazyLock::new(|| Format::new(schema::flat(&read(schema::EVENT))));
pub static TOP: LazyLock<Format> = LazyLock::new(|| Format::new(read(schema::TOP)));
pub static PS: LazyLock<Format> = LazyLock::new(|| Format::new(read(schema::PS)));

impl Format {
    fn new(schema: Value) -> Self {
        let compiled =
            |schema: &Value| jsonschema::draft202012::new(schema).unwrap_or_else(|e| panic!("{e}"));
        Self { published: compiled(&schema), strict: compiled(&strict(&schema)), schema }
    }

    /// Fails on a line that the schema does not allow, or does not describe all of.
    #[track_caller]
    pub fn check(&self, line: &Value) {
        for (name, validator) in [("published", &self.published), ("strict", &self.strict)] {
            let errors: Vec<_> = validator
                .iter_errors(line)
                .map(|error| format!("{} {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "not of the {name} schema: {line}\n{}", errors.join("\n"));
        }
    }
}

/// Checks what ctrace printed; what others did is not ours to describe.
#[track_caller]
pub fn check(line: &Value) {
    let format = if line["schema_version"].is_string() {
        if line.get("event").is_some() {
            &EVENT
        } else if line.get("event.name").is_some() {
            &FLAT
        } else {
            &TOP
        }
    } else if line["container"].is_object() && line["cgroup"].is_object() && line["source"].is_string() {
        &PS
    } else {
        return;
    };
    format.check(line);
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The same, for lines that have no member and no name of an event that it does not know.
pub fn strict(schema: &Value) -> Value {
    let defs = schema["$defs"].as_object().cloned().unwrap_or_default();
    let mut strict = schema.clone();
    close(&mut strict, &defs);
    strict["unevaluatedProperties"] = false.into();
    if let Some(branches) = strict.pointer_mut("/else/allOf").and_then(Value::as_array_mut) {
        let known: Vec<Value> = branches.iter().map(|branch| branch["if"].clone()).collect();
        branches.push(json!({ "anyOf": known }));
    }
    strict
}

/// Nothing but the members that are named, wherever the value of a member or the items of a list are an object.
fn close(schema: &mut Value, defs: &Map<String, Value>) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match keyword.as_str() {
                    // What a condition asks is not what there may be.
                    "if" => {}
                    "properties" => value.as_object_mut().unwrap().values_mut().for_each(|value| {
                        close(value, defs);
                        close_object(value, defs);
                    }),
                    "items" => {
                        close(value, defs);
                        close_object(value, defs);
                    }
                    _ => close(value, defs),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| close(one, defs)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn close_object(schema: &mut Value, defs: &Map<String, Value>) {
    if members(schema, defs) && schema.get("additionalProperties").is_none() {
        schema["unevaluatedProperties"] = false.into();
    }
}

fn members(schema: &Value, defs: &Map<String, Value>) -> bool {
    schema.get("properties").is_some() || definition(schema, defs).is_some_and(|def| members(def, defs))
}

fn definition<'s>(schema: &Value, defs: &'s Map<String, Value>) -> Option<&'s Value> {
    defs.get(schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?)
}
