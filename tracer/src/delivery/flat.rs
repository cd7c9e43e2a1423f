//! A printed line as flat members: dotted names and values, for receivers that have no nested ones.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Calls `each` with every member of the object that `line` is, in order: `{"a":{"b":1}}` is `a.b`. Lists are
/// one value, whatever is in them. A member that is null is none.
pub fn members(line: &[u8], mut each: impl FnMut(&str, Value)) -> Result<(), serde_json::Error> {
    let mut name = String::new();
    let mut reader = serde_json::Deserializer::from_slice(line);
    reader.deserialize_map(Members { name: &mut name, each: &mut each })?;
    reader.end()
}

/// An object, or what else is at `name`.
struct Members<'a> {
    name: &'a mut String,
    each: &'a mut dyn FnMut(&str, Value),
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

/// Part of a name.
struct Key<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        if !self.0.is_empty() {
            self.0.push('.');
        }
        self.0.push_str(key);
        Ok(())
    }
}

impl Members<'_> {
    #[expect(clippy::unnecessary_wraps, reason = "what a visitor returns")]
    fn found<E>(self, value: impl Into<Value>) -> Result<(), E> {
        (self.each)(self.name, value.into());
        Ok(())
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { name, each } = self;
        let before = name.len();
        while map.next_key_seed(Key(name))?.is_some() {
            map.next_value_seed(Members { name, each })?;
            name.truncate(before);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<Value>()? {
            values.push(value);
        }
        self.found(values)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.found(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.found(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.found(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.found(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.found(value)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    fn flat(line: &str) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        members(line.as_bytes(), |name, value| found.push((name.to_owned(), value))).unwrap();
        found
    }

    #[test]
    fn names_are_joined_by_dots_and_lists_are_one_value() {
        let line =
            r#"{"a":{"b":{"c":1},"d":[1,{"x":[null]}]},"e":"\u001b","f":null,"g.h":-1,"i":{},"j":true}"#;
        let expected = [
            ("a.b.c", json!(1)),
            ("a.d", json!([1, {"x": [null]}])),
            ("e", json!("\u{1b}")),
            ("g.h", json!(-1)),
            ("j", json!(true)),
        ];
        assert_eq!(flat(line), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn what_is_no_record_is_an_error() {
        for line in ["", "1", "[]", "\"a\"", "{\"a\":1", "{} {}", "{\"a\":\"\u{1}\"}"] {
            assert!(members(line.as_bytes(), |_, _| ()).is_err(), "{line}");
        }
        assert!(members(b"{\"a\":\"\xff\"}", |_, _| ()).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,4}", inner, 1..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_changed(map in prop::collection::hash_map("[a-z]{1,4}", value(), 0..5)) {
            let record = Value::Object(map.into_iter().collect());
            let mut again = Value::Object(Map::new());
            for (name, value) in flat(&record.to_string()) {
                let mut place = &mut again;
                for part in name.split('.') {
                    place = &mut place[part];
                }
                *place = value;
            }
            prop_assert_eq!(again, record);
        }
    }
}
