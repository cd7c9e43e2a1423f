//! The object in the tree: what it asks of the kernel it is loaded into.
//!
//! CO-RE relocations stand in `.BTF.ext`; this reads them with a parser of its own, by the layout in
//! <https://github.com/torvalds/linux/blob/v6.12/Documentation/bpf/btf.rst#L788>.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

use std::collections::BTreeSet;

use object::{Object, ObjectSection};

const OBJECT: &[u8] = include_bytes!("../tracer/ctrace.bpf.o");
const FIELDS: &str = include_str!("../tracer-ebpf/kernel.fields");

/// Little-endian numbers at a position.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

struct Btf<'a> {
    strings: &'a [u8],
    /// Name and member names of each struct, by type id.
    structs: Vec<Option<(&'a str, Vec<&'a str>)>>,
}

impl<'a> Btf<'a> {
    fn parse(section: &'a [u8]) -> Self {
        let header = u32_at(section, 4) as usize;
        let [types, types_len, strings, strings_len] = [8, 12, 16, 20].map(|at| u32_at(section, at) as usize);
        let strings = &section[header + strings..][..strings_len];
        let types = &section[header + types..][..types_len];
        let mut structs = vec![None];
        let mut at = 0;
        while at < types.len() {
            let info = u32_at(types, at + 4);
            let (kind, vlen) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            let name = text(strings, u32_at(types, at));
            let body = at + 12;
            let size = match kind {
                1 | 14 | 17 => 4,             // INT, VAR, DECL_TAG
                3 => 12,                      // ARRAY
                4 | 5 | 15 | 19 => 12 * vlen, // STRUCT, UNION, DATASEC, ENUM64
                6 | 13 => 8 * vlen,           // ENUM, FUNC_PROTO
                _ => 0,
            };
            structs.push(
                (kind == 4).then(|| {
                    (name, (0..vlen).map(|m| text(strings, u32_at(types, body + 12 * m))).collect())
                }),
            );
            at = body + size;
        }
        Self { strings, structs }
    }

    /// `struct.field` of every relocation.
    fn relocations(&self, ext: &[u8]) -> BTreeSet<String> {
        let header = u32_at(ext, 4) as usize;
        let (start, len) = (u32_at(ext, 24) as usize, u32_at(ext, 28) as usize);
        let relocations = &ext[header + start..][..len];
        let size = u32_at(relocations, 0) as usize;
        let (mut at, mut found) = (4, BTreeSet::new());
        while at < relocations.len() {
            let count = u32_at(relocations, at + 4) as usize;
            at += 8;
            for record in relocations[at..at + count * size].chunks(size) {
                let (name, fields) = self.structs[u32_at(record, 4) as usize].as_ref().unwrap();
                // "0:3": the struct itself, then its fourth member.
                let access = text(self.strings, u32_at(record, 8));
                let member: usize = access.split(':').nth(1).unwrap().parse().unwrap();
                found.insert(format!("{name}.{}", fields[member]));
            }
            at += count * size;
        }
        found
    }
}

fn text(strings: &[u8], offset: u32) -> &str {
    let rest = &strings[offset as usize..];
    std::str::from_utf8(&rest[..rest.iter().position(|&b| b == 0).unwrap()]).unwrap()
}

fn relocations() -> BTreeSet<String> {
    let object = object::File::parse(OBJECT).unwrap();
    let section = |name| object.section_by_name(name).unwrap().data().unwrap();
    Btf::parse(section(".BTF")).relocations(section(".BTF.ext"))
}

#[test]
fn fields_are_found_in_the_running_kernel() {
    let relocations = relocations();
    for field in [
        "task_struct.cgroups",
        "css_set.dfl_cgrp",
        "cgroup.kn",
        "kernfs_node.id",
        "task_struct.tgid",
        "task_struct.comm",
        "task_struct.seccomp",
        "seccomp.mode",
        "thread_info.status",
        "pid.numbers",
        "cgroup_root.hierarchy_id",
        "pt_regs.orig_ax",
        "pt_regs.syscallno",
    ] {
        assert!(relocations.contains(field), "{field} is not relocated; there are {relocations:#?}");
    }
}

#[test]
fn the_table_and_the_object_agree() {
    let mut owner = "";
    let table: BTreeSet<String> = FIELDS
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .filter_map(|line| {
            let word = line.split_whitespace().next().unwrap();
            if line.starts_with(' ') {
                return Some(format!("{owner}.{word}"));
            }
            owner = word;
            None
        })
        .collect();
    let relocations = relocations();
    let strangers: Vec<_> = relocations.difference(&table).collect();
    assert!(strangers.is_empty(), "relocated, but not in kernel.fields: {strangers:?}");
    let unused: Vec<_> = table.difference(&relocations).collect();
    assert!(unused.is_empty(), "in kernel.fields, but no program reads them: {unused:?}");
}

#[test]
fn it_has_no_debug_info_and_no_paths_of_a_machine() {
    let object = object::File::parse(OBJECT).unwrap();
    let names: Vec<_> = object.sections().filter_map(|s| s.name().ok().map(str::to_owned)).collect();
    assert!(!names.iter().any(|name| name.contains("debug")), "{names:?}");
    let text = String::from_utf8_lossy(OBJECT);
    for path in ["/home/", "/root/", "/target/", "/.cargo/"] {
        assert!(!text.contains(path), "the object holds {path}");
    }
}
