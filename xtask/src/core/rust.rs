//! The Rust declarations of the accessors.

use std::fmt::Write;

use super::fields::{Kind, Type};

/// A module body: opaque types and `extern` functions.
pub fn declarations(types: &[Type]) -> String {
    let mut text = String::new();
    for ty in types {
        let name = &ty.name;
        let _ = writeln!(text, "#[repr(C)]\npub struct {name} {{\n    _opaque: [u8; 0],\n}}");
    }
    text.push_str("unsafe extern \"C\" {\n");
    for ty in types {
        for field in &ty.fields {
            let (owner, name) = (&ty.name, format!("{}_{}", ty.name, field.name));
            let stored = rust_type(&field.kind);
            let target = match &field.kind {
                Kind::Array { element, .. } | Kind::Wrapped(element) => rust_type(element),
                Kind::Scalar { .. } | Kind::Pointer(_) | Kind::Embedded(_) => stored.clone(),
            };
            let _ = writeln!(text, "    pub fn {name}_at(p: *const {owner}) -> *const {target};");
            let _ = writeln!(text, "    pub fn {name}_exists(p: *const {owner}) -> i32;");
            if let Kind::Scalar { .. } | Kind::Pointer(_) = field.kind {
                let _ = writeln!(text, "    pub fn {name}(p: *const {owner}) -> {stored};");
            }
        }
    }
    text.push_str("}\n");
    text
}

fn rust_type(kind: &Kind) -> String {
    match kind {
        Kind::Scalar { bits, signed } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
        Kind::Pointer(target) => format!("*const {target}"),
        Kind::Embedded(name) => name.clone(),
        Kind::Array { element, .. } | Kind::Wrapped(element) => rust_type(element),
    }
}
