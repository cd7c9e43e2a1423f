//! `ctrace ps`: the containers there are.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use super::live;
use crate::cli::{PsArgs, ReportFormat};
use crate::container::{Found, Roots};
use crate::exit::{Code, Refusal};
use crate::text::safe;

pub(super) fn ps(args: &PsArgs) -> Result<ExitCode> {
    let roots = Roots::detect()?;
    let mut found = live::resolver(&roots)?.containers();
    let wanted = crate::filter::Wanted::from(&args.containers);
    found.retain(|found| wanted.matches(&found.container, Some(&found.cgroup_path)));
    if found.is_empty() && !wanted.names.is_empty() {
        let message = format!("no container is called {}", wanted.names.join(", "));
        return Err(Refusal { code: Code::NoContainer, message }.into());
    }
    found.sort_by(|a, b| a.container.display_name().cmp(b.container.display_name()));
    let text = match args.format {
        ReportFormat::Json => {
            found.iter().flat_map(|found| [object(found).to_string(), "\n".to_owned()]).collect()
        }
        ReportFormat::Table => table(&if args.tree { tree(&found) } else { flat(&found) }),
    };
    io::stdout().write_all(text.as_bytes()).context("cannot write the list")?;
    Ok(Code::Done.into())
}

fn flat(found: &[Found]) -> Vec<(usize, &Found)> {
    found.iter().map(|found| (0, found)).collect()
}

/// Each container followed by those inside it, with its depth.
fn tree(found: &[Found]) -> Vec<(usize, &Found)> {
    let is_there = |id: &String| found.iter().any(|found| found.container.id == *id);
    let mut lines = Vec::with_capacity(found.len());
    let roots = found.iter().filter(|found| !found.container.parent.as_ref().is_some_and(is_there));
    let mut stack: Vec<(usize, &Found)> = roots.rev().map(|found| (0, found)).collect();
    while let Some((depth, next)) = stack.pop() {
        lines.push((depth, next));
        let inside = found.iter().filter(|found| found.container.parent.as_ref() == Some(&next.container.id));
        // A state file may claim to be its own parent.
        if lines.len() <= found.len() {
            stack.extend(inside.rev().map(|found| (depth + 1, found)));
        }
    }
    lines
}

fn table(lines: &[(usize, &Found)]) -> String {
    let mut rows = vec![["NAME", "ID", "RUNTIME", "IMAGE", "PID", "CGROUP", "SOURCE"].map(str::to_owned)];
    for (depth, found) in lines {
        let container = &found.container;
        rows.push([
            format!("{}{}", "  ".repeat(*depth), safe(container.display_name())),
            safe(&container.id).chars().take(12).collect(),
            container.runtime.to_string(),
            safe(container.image.as_deref().unwrap_or("-")).into_owned(),
            found.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            safe(&found.cgroup_path).into_owned(),
            safe(&found.source.to_string()).into_owned(),
        ]);
    }
    crate::text::aligned(&rows)
}

/// One object; the names are those of every other output.
fn object(found: &Found) -> serde_json::Value {
    let Found { container, cgroup_path, cgroup_id, pid_ns, mnt_ns, pid, source } = found;
    let mut object = json!({
        "container": {
            "id": container.id,
            "name": container.name,
            "runtime": { "name": container.runtime.name() },
            "image": container.image.as_ref().map(|name| json!({ "name": name })),
            "parent": container.parent.as_ref().map(|id| json!({ "id": id })),
        },
        "process": { "pid": pid },
        // Larger than 2^53 - 1 on a long-lived host, so a string.
        "cgroup": { "path": cgroup_path, "id": cgroup_id.to_string(), "version": 2 },
        "namespaces": { "pid": pid_ns, "mnt": mnt_ns },
        "labels": container.labels.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect::<Vec<_>>(),
        "source": source.to_string(),
    });
    drop_nulls(&mut object);
    object
}

/// What is not known is left out.
fn drop_nulls(value: &mut serde_json::Value) {
    if let serde_json::Value::Object(fields) = value {
        fields.retain(|_, field| !field.is_null());
        fields.values_mut().for_each(drop_nulls);
    }
}
