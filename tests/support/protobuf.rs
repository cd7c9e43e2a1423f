//! As much of protobuf as the tests need to talk to containerd: varints and what has a length.
//! <https://protobuf.dev/programming-guides/encoding/>

use std::collections::BTreeMap;

const VARINT: u64 = 0;
const LENGTH: u64 = 2;

/// One to be sent, field by field.
#[derive(Default)]
pub struct Message(Vec<u8>);

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    pub fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// Of a map, one entry.
    pub fn entry(self, field: u64, (key, value): (&str, &str)) -> Self {
        self.message(field, &Self::new().text(1, key).text(2, value))
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | LENGTH);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }
}

/// One that was received: its fields, in order. A field is a number or bytes; the other is empty.
#[derive(Debug)]
pub struct Fields<'a>(Vec<Field<'a>>);

#[derive(Debug)]
struct Field<'a> {
    key: u64,
    number: u64,
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Fails on what is no message of these two kinds of fields.
    pub fn of(mut left: &'a [u8]) -> Self {
        let mut fields = Vec::new();
        while !left.is_empty() {
            let tag = varint(&mut left);
            let number = varint(&mut left);
            let (key, kind) = (tag >> 3, tag & 7);
            fields.push(match kind {
                VARINT => Field { key, number, bytes: &[] },
                LENGTH => {
                    let length = usize::try_from(number).expect("a length");
                    Field { key, number: 0, bytes: left.split_off(..length).expect("all of the field") }
                }
                _ => panic!("a field of kind {kind}"),
            });
        }
        Self(fields)
    }

    /// 0 where there is none, as protobuf has it.
    pub fn number(&self, key: u64) -> u64 {
        self.0.iter().find(|field| field.key == key).map_or(0, |field| field.number)
    }

    /// Empty where there is none.
    pub fn text(&self, field: u64) -> String {
        String::from_utf8_lossy(self.all(field).next().unwrap_or_default()).into_owned()
    }

    pub fn message(&self, field: u64) -> Self {
        Self::of(self.all(field).next().unwrap_or_default())
    }

    pub fn map(&self, field: u64) -> BTreeMap<String, String> {
        self.all(field).map(Self::of).map(|entry| (entry.text(1), entry.text(2))).collect()
    }

    fn all(&self, key: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |field| field.key == key).map(|field| field.bytes)
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first().expect("all of the number");
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
