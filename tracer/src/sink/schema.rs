//! What programs can expect of lines, as JSON Schema (2020-12). The files are the machine's form of what [`super::json`],
//! [`super::top`] and `ctrace ps` document, and of the nested layout; that of the flat layout is made of it here.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Lines of [`super::json`].
pub const EVENT: &str = include_str!("../../schema/ctrace-event-1.json");
/// Lines of `ctrace top --format json`.
pub const TOP: &str = include_str!("../../schema/ctrace-top-1.json");
/// Lines of `ctrace ps --format json`.
pub const PS: &str = include_str!("../../schema/ctrace-ps-1.json");

/// As [`flat`], from text to text.
pub fn flat_text(schema: &str) -> serde_json::Result<String> {
    let flat = flat(&serde_json::from_str(schema)?);
    Ok(serde_json::to_string_pretty(&flat)? + "\n")
}

/// The schema of lines whose objects are written as members with dots in their keys, except those in lists.
///
/// It knows what our own schemas consist of: objects with `properties`, `required` and `additionalProperties` that is a
/// schema, in `$ref` to `$defs`, conditions, and combinations at the top.
pub fn flat(schema: &Value) -> Value {
    let empty = Map::new();
    let defs = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let root = without(schema, &["$defs"]);
    let mut flat = Flattening { defs }.object(&root);
    // Of what is defined, only values are still asked for by name.
    let values: Map<_, _> = defs
        .iter()
        .filter(|(_, def)| !is_object(defs, def))
        .map(|(name, def)| (name.clone(), def.clone()))
        .collect();
    flat.insert("$defs".to_owned(), values.into());
    if let Some(id) = flat.get("$id").and_then(Value::as_str) {
        let id = id.replace(".json", "-flat.json");
        flat.insert("$id".to_owned(), id.into());
    }
    Value::Object(flat)
}

struct Flattening<'s> {
    defs: &'s Map<String, Value>,
}

/// What a schema says of the members of an object.
#[derive(Default)]
struct Members {
    properties: Map<String, Value>,
    /// Of keys that hold data.
    patterns: Map<String, Value>,
    required: Vec<String>,
    /// What must be there, too, if a member is.
    dependent: BTreeMap<String, Vec<String>>,
}

impl Flattening<'_> {
    /// A schema for an object that keeps its braces.
    fn object(&self, schema: &Value) -> Map<String, Value> {
        let mut members = Members::default();
        self.members(schema, &[], "", &mut members);
        let mut flat = Map::new();
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match keyword.as_str() {
                "properties" | "required" | "additionalProperties" | "$ref" => {}
                "if" | "then" | "else" | "not" => {
                    flat.insert(keyword.clone(), self.object(value).into());
                }
                "allOf" | "anyOf" | "oneOf" => {
                    let all = value.as_array().into_iter().flatten();
                    flat.insert(keyword.clone(), all.map(|one| Value::from(self.object(one))).collect());
                }
                _ => {
                    flat.insert(keyword.clone(), value.clone());
                }
            }
        }
        let Members { properties, patterns, required, dependent } = members;
        let mut put = |keyword: &str, value: Value, empty: bool| {
            if !empty {
                flat.insert(keyword.to_owned(), value);
            }
        };
        put("required", json!(required), required.is_empty());
        put("dependentRequired", json!(dependent), dependent.is_empty());
        put("patternProperties", patterns.clone().into(), patterns.is_empty());
        put("properties", properties.clone().into(), properties.is_empty());
        flat
    }

    /// What `schema`, of an object whose keys begin with `prefix`, says of them. `required`: what is asked for by those
    /// who refer to it.
    fn members(&self, schema: &Value, required: &[&str], prefix: &str, out: &mut Members) {
        let own: Vec<&str> = strings(schema.get("required")).collect();
        let values = own.iter().filter(|key| !self.has_object(schema, key));
        out.required.extend(values.map(|key| format!("{prefix}{key}")));
        let required = [&own, required].concat();
        if let Some(def) = referred(self.defs, schema) {
            self.members(def, &required, prefix, out);
        }
        for (key, value) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{prefix}{key}");
            if !is_object(self.defs, value) {
                out.properties.insert(path, self.value(value));
                continue;
            }
            let mut inside = Members::default();
            self.members(value, &[], &format!("{path}."), &mut inside);
            out.properties.extend(inside.properties.clone());
            out.patterns.extend(inside.patterns);
            if required.contains(&key.as_str()) {
                out.required.extend(inside.required);
            } else {
                // Nothing says that the object is there but its members.
                for member in inside.properties.keys() {
                    let others = inside.required.iter().filter(|other| *other != member).cloned();
                    out.dependent.entry(member.clone()).or_default().extend(others);
                }
            }
            for (member, others) in inside.dependent {
                out.dependent.entry(member).or_default().extend(others);
            }
        }
        if let Some(any) = schema.get("additionalProperties").filter(|any| any.is_object()) {
            out.patterns.insert(format!("^{}", prefix.replace('.', "\\.")), any.clone());
        }
        out.required.sort_unstable();
        out.required.dedup();
        out.dependent.retain(|_, others| !others.is_empty());
    }

    /// Whether the member `key` is one that has members itself.
    fn has_object(&self, schema: &Value, key: &str) -> bool {
        let own = schema.get("properties").and_then(|all| all.get(key));
        own.is_some_and(|own| is_object(self.defs, own))
            || referred(self.defs, schema).is_some_and(|def| self.has_object(def, key))
    }

    /// A list of objects has flat ones; other values stay what they are.
    fn value(&self, schema: &Value) -> Value {
        match schema.get("items") {
            Some(items) if is_object(self.defs, items) => {
                let mut list = without(schema, &["items"]);
                if let Some(list) = list.as_object_mut() {
                    list.insert("items".to_owned(), self.object(items).into());
                }
                list
            }
            _ => schema.clone(),
        }
    }
}

/// Whether it describes an object.
fn is_object(defs: &Map<String, Value>, schema: &Value) -> bool {
    ["properties", "additionalProperties"].iter().any(|keyword| schema.get(keyword).is_some())
        || schema.get("type").is_some_and(|kind| kind == "object")
        || referred(defs, schema).is_some_and(|def| is_object(defs, def))
}

fn referred<'s>(defs: &'s Map<String, Value>, schema: &Value) -> Option<&'s Value> {
    defs.get(schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?)
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn without(schema: &Value, keywords: &[&str]) -> Value {
    let all = schema.as_object().into_iter().flatten();
    let left = all.filter(|(keyword, _)| !keywords.contains(&keyword.as_str()));
    Value::Object(left.map(|(keyword, value)| (keyword.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({
            "$id": "x/y-1.json",
            "required": ["a", "b"],
            "properties": {
                "a": { "type": "string" },
                "b": { "required": ["c"], "properties": { "c": { "$ref": "#/$defs/number" }, "d": {} } },
                "maybe": { "$ref": "#/$defs/pair", "properties": { "more": { "const": true } } },
                "words": { "type": "object", "additionalProperties": { "type": "string" } },
                "list": { "type": "array", "items": { "$ref": "#/$defs/pair" } },
            },
            "allOf": [
                { "if": { "properties": { "b": { "properties": { "c": { "const": 1 } } } } }, "then": { "required": ["list"] } },
            ],
            "$defs": {
                "number": { "type": "integer" },
                "pair": {
                    "type": "object",
                    "required": ["x", "y"],
                    "properties": { "x": { "properties": { "z": {} }, "required": ["z"] }, "y": {} },
                },
            },
        })
    }

    #[test]
    fn members_of_objects_become_members_with_dots() {
        assert_eq!(
            flat(&schema()),
            json!({
                "$id": "x/y-1-flat.json",
                "required": ["a", "b.c"],
                "dependentRequired": {
                    "maybe.more": ["maybe.x.z", "maybe.y"],
                    "maybe.x.z": ["maybe.y"],
                    "maybe.y": ["maybe.x.z"],
                },
                "properties": {
                    "a": { "type": "string" },
                    "b.c": { "$ref": "#/$defs/number" },
                    "b.d": {},
                    "list": {
                        "type": "array",
                        "items": { "required": ["x.z", "y"], "properties": { "x.z": {}, "y": {} } },
                    },
                    "maybe.more": { "const": true },
                    "maybe.x.z": {},
                    "maybe.y": {},
                },
                "patternProperties": { "^words\\.": { "type": "string" } },
                "allOf": [{ "if": { "properties": { "b.c": { "const": 1 } } }, "then": { "required": ["list"] } }],
                "$defs": { "number": { "type": "integer" } },
            })
        );
    }

    #[test]
    fn lines_say_the_same_in_both_layouts() {
        let (nested, flat) = (schema(), flat(&schema()));
        let [nested, flat] = [&nested, &flat].map(|schema| jsonschema::validator_for(schema).unwrap());
        for (one, other, valid) in [
            (json!({"a": "", "b": {"c": 2}}), json!({"a": "", "b.c": 2}), true),
            (json!({"a": "", "b": {"d": 2}}), json!({"a": "", "b.d": 2}), false),
            (json!({"a": "", "b": {"c": 1}}), json!({"a": "", "b.c": 1}), false),
            (
                json!({"a": "", "b": {"c": 1}, "list": [{"x": {"z": 1}, "y": 1}]}),
                json!({"a": "", "b.c": 1, "list": [{"x.z": 1, "y": 1}]}),
                true,
            ),
            (
                json!({"a": "", "b": {"c": 2}, "maybe": {"x": {"z": 1}}}),
                json!({"a": "", "b.c": 2, "maybe.x.z": 1}),
                false,
            ),
            (
                json!({"a": "", "b": {"c": 2}, "words": {"w": 1}}),
                json!({"a": "", "b.c": 2, "words.w": 1}),
                false,
            ),
            (
                json!({"a": "", "b": {"c": 2}, "words": {"w": "1"}}),
                json!({"a": "", "b.c": 2, "words.w": "1"}),
                true,
            ),
        ] {
            assert_eq!((nested.is_valid(&one), flat.is_valid(&other)), (valid, valid), "{one} {other}");
        }
    }
}
