//! The LLVM IR of the accessors.

use std::fmt::Write;

use super::fields::{Field, Kind, Type};

/// Value of `info` that asks `llvm.bpf.preserve.field.info` for existence,
/// <https://github.com/llvm/llvm-project/blob/llvmorg-19.1.0/llvm/lib/Target/BPF/BPFCORE.h#L17>.
const FIELD_EXISTENCE: u32 = 2;

const HEADER: &str = r#"target datalayout = "e-m:e-p:64:64-i64:64-i128:128-n32:64-S128"
target triple = "bpfel"

declare ptr @llvm.preserve.struct.access.index.p0.p0(ptr, i32 immarg, i32 immarg)
declare i32 @llvm.bpf.preserve.field.info.p0(ptr, i64 immarg)

!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2, !3}
!0 = distinct !DICompileUnit(language: DW_LANG_C99, file: !1, producer: "ctrace", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug)
!1 = !DIFile(filename: "kernel.fields", directory: "/")
!2 = !{i32 7, !"Dwarf Version", i32 5}
!3 = !{i32 2, !"Debug Info Version", i32 3}
"#;

/// The whole module: text that `bpf-linker` takes as an input file.
pub fn module(types: &[Type]) -> String {
    let mut module = Module { text: HEADER.to_owned(), next: 4 };
    // Structs refer to each other, so their numbers come before their bodies.
    let structs: Vec<u32> = types.iter().map(|_| module.reserve()).collect();
    let prototype = module.prototype();
    for (ty, &id) in types.iter().zip(&structs) {
        module.describe(types, &structs, ty, id);
        for (index, field) in ty.fields.iter().enumerate() {
            module.accessors(ty, id, prototype, index, field);
        }
    }
    module.text
}

struct Module {
    text: String,
    next: u32,
}

impl Module {
    fn reserve(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn node(&mut self, body: &str) -> u32 {
        let id = self.reserve();
        self.line(format_args!("!{id} = {body}"));
        id
    }

    /// One subroutine type serves all: BTF of inlined functions is never read.
    fn prototype(&mut self) -> u32 {
        let pointer = self.node(r"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)");
        let list = self.node(&format!("!{{!{pointer}, !{pointer}}}"));
        self.node(&format!("!DISubroutineType(types: !{list})"))
    }

    fn describe(&mut self, types: &[Type], structs: &[u32], ty: &Type, id: u32) {
        let layout: Vec<String> = ty.fields.iter().map(|f| slot_type(types, &f.kind)).collect();
        self.line(format_args!("%struct.{} = type {{ {} }}", ty.name, layout.join(", ")));
        // The loader takes offsets and sizes from the kernel. These only have to be consistent.
        let mut members = Vec::new();
        let mut offset = 0;
        for field in &ty.fields {
            let base = self.debug_type(types, structs, &field.kind);
            let member = self.node(&format!(
                "!DIDerivedType(tag: DW_TAG_member, name: \"{}\", scope: !{id}, file: !1, line: 1, baseType: !{base}, size: {}, offset: {offset})",
                field.name,
                bits(types, &field.kind),
            ));
            members.push(format!("!{member}"));
            offset += slot_bits(types, &field.kind);
        }
        let elements = self.node(&format!("!{{{}}}", members.join(", ")));
        self.line(format_args!(
            "!{id} = distinct !DICompositeType(tag: DW_TAG_structure_type, name: \"{}\", file: !1, line: 1, size: {}, elements: !{elements})",
            ty.name,
            offset,
        ));
    }

    fn debug_type(&mut self, types: &[Type], structs: &[u32], kind: &Kind) -> u32 {
        match kind {
            Kind::Scalar { bits, signed } => {
                let (name, encoding) = scalar_name(*bits, *signed);
                self.node(&format!("!DIBasicType(name: \"{name}\", size: {bits}, encoding: {encoding})"))
            }
            Kind::Embedded(name) => struct_id(types, structs, name),
            Kind::Wrapped(inside) => {
                let base = self.debug_type(types, structs, inside);
                let size = bits(types, kind);
                let member = self.node(&format!(
                    "!DIDerivedType(tag: DW_TAG_member, name: \"inside\", file: !1, line: 1, baseType: !{base}, size: {size})"
                ));
                let elements = self.node(&format!("!{{!{member}}}"));
                self.node(&format!(
                    "!DICompositeType(tag: DW_TAG_structure_type, file: !1, line: 1, size: {size}, elements: !{elements})"
                ))
            }
            Kind::Pointer(_) => {
                self.node("!DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)")
            }
            Kind::Array { element, len } => {
                let base = self.debug_type(types, structs, element);
                let range = self.node(&format!("!DISubrange(count: {len})"));
                let ranges = self.node(&format!("!{{!{range}}}"));
                self.node(&format!(
                    "!DICompositeType(tag: DW_TAG_array_type, baseType: !{base}, size: {}, elements: !{ranges})",
                    bits(types, kind),
                ))
            }
        }
    }

    fn accessors(&mut self, ty: &Type, id: u32, prototype: u32, index: usize, field: &Field) {
        let name = format!("{}_{}", ty.name, field.name);
        let gep = format!(
            "  %a = call ptr @llvm.preserve.struct.access.index.p0.p0(ptr elementtype(%struct.{}) %p, i32 {index}, i32 {index}), !dbg !LOC, !llvm.preserve.access.index !{id}",
            ty.name,
        );
        self.function("ptr", &format!("{name}_at"), prototype, &[&gep, "  ret ptr %a, !dbg !LOC"]);
        let exists = format!(
            "  %v = call i32 @llvm.bpf.preserve.field.info.p0(ptr %a, i64 {FIELD_EXISTENCE}), !dbg !LOC"
        );
        self.function(
            "i32",
            &format!("{name}_exists"),
            prototype,
            &[&gep, &exists, "  ret i32 %v, !dbg !LOC"],
        );
        if let Kind::Scalar { .. } | Kind::Pointer(_) = field.kind {
            let ty = loaded_type(&field.kind);
            // Natural alignment: with less, LLVM splits the load and the verifier refuses the parts.
            let load = format!("  %v = load {ty}, ptr %a, align {}, !dbg !LOC", width(&field.kind) / 8);
            self.function(ty, &name, prototype, &[&gep, &load, &format!("  ret {ty} %v, !dbg !LOC")]);
        }
    }

    fn function(&mut self, returns: &str, name: &str, prototype: u32, body: &[&str]) {
        let program = self.node(&format!(
            "distinct !DISubprogram(name: \"{name}\", scope: !1, file: !1, line: 1, type: !{prototype}, scopeLine: 1, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !0)"
        ));
        let location = self.node(&format!("!DILocation(line: 1, column: 1, scope: !{program})"));
        self.line(format_args!("define {returns} @{name}(ptr %p) alwaysinline !dbg !{program} {{"));
        for line in body {
            let line = line.replace("!LOC", &format!("!{location}"));
            self.line(format_args!("{line}"));
        }
        self.line(format_args!("}}"));
    }
}

fn struct_id(types: &[Type], structs: &[u32], name: &str) -> u32 {
    let place = types.iter().position(|t| t.name == name);
    place.and_then(|i| structs.get(i)).copied().unwrap_or_default()
}

fn loaded_type(kind: &Kind) -> &'static str {
    match (kind, width(kind)) {
        (Kind::Pointer(_), _) => "ptr",
        (_, 8) => "i8",
        (_, 16) => "i16",
        (_, 32) => "i32",
        _ => "i64",
    }
}

/// Of a scalar or pointer, in bits.
fn width(kind: &Kind) -> u32 {
    match kind {
        Kind::Scalar { bits, .. } => *bits,
        Kind::Pointer(_) | Kind::Embedded(_) | Kind::Wrapped(_) | Kind::Array { .. } => 64,
    }
}

/// Size in the table's own layout: every field starts at a multiple of 8 bytes, an array has the
/// length that the table gives.
fn bits(types: &[Type], kind: &Kind) -> u32 {
    match kind {
        Kind::Scalar { .. } | Kind::Pointer(_) => width(kind),
        Kind::Wrapped(inside) => bits(types, inside),
        Kind::Array { element, len } => bits(types, element) * len,
        Kind::Embedded(name) => {
            let fields = types.iter().find(|t| t.name == *name).map(|t| t.fields.as_slice());
            fields.unwrap_or_default().iter().map(|f| slot_bits(types, &f.kind)).sum()
        }
    }
}

fn slot_bits(types: &[Type], kind: &Kind) -> u32 {
    bits(types, kind).next_multiple_of(64)
}

fn slot_type(types: &[Type], kind: &Kind) -> String {
    match kind {
        Kind::Pointer(_) => "ptr".to_owned(),
        Kind::Scalar { .. } | Kind::Embedded(_) | Kind::Wrapped(_) | Kind::Array { .. } => {
            format!("[{} x i64]", slot_bits(types, kind) / 64)
        }
    }
}

fn scalar_name(bits: u32, signed: bool) -> (&'static str, &'static str) {
    match (bits, signed) {
        (8, true) => ("signed char", "DW_ATE_signed_char"),
        (8, false) => ("unsigned char", "DW_ATE_unsigned_char"),
        (16, true) => ("short", "DW_ATE_signed"),
        (16, false) => ("unsigned short", "DW_ATE_unsigned"),
        (32, true) => ("int", "DW_ATE_signed"),
        (32, false) => ("unsigned int", "DW_ATE_unsigned"),
        (_, true) => ("long long", "DW_ATE_signed"),
        (_, false) => ("unsigned long long", "DW_ATE_unsigned"),
    }
}
