//! `ctrace ps`: the containers there are.

use std::collections::HashSet;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use super::live;
use crate::cli::{PsArgs, ReportFormat};
use crate::container::{Found, Roots};
use crate::exit::{Code, Refusal};
use crate::filter::Wanted;
use crate::text::safe;

pub(super) fn ps(args: &PsArgs) -> Result<ExitCode> {
    let roots = Roots::detect()?;
    let mut found = live::resolver(&roots)?.containers();
    let wanted = Wanted { host: args.host, ..Wanted::from(&args.containers) };
    found.retain(|found| wanted.wants(&found.container, Some(&found.cgroup_path)));
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
    let is_root = |found: &&Found| !found.container.parent.as_ref().is_some_and(is_there);
    // State files may claim a circle of parents: those who are in it come last, each as a root.
    let (roots, others): (Vec<&Found>, Vec<&Found>) = found.iter().partition(is_root);
    let (mut lines, mut seen) = (Vec::with_capacity(found.len()), HashSet::new());
    for root in roots.into_iter().chain(others) {
        let mut stack = vec![(0, root)];
        while let Some((depth, next)) = stack.pop() {
            if !seen.insert((&next.container.id, &next.cgroup_path)) {
                continue;
            }
            lines.push((depth, next));
            let inside = found.iter().filter(|f| f.container.parent.as_ref() == Some(&next.container.id));
            stack.extend(inside.rev().map(|found| (depth + 1, found)));
        }
    }
    lines
}

fn table(lines: &[(usize, &Found)]) -> String {
    let mut rows =
        vec![["NAME", "ID", "RUNTIME", "STATE", "IMAGE", "PID", "CGROUP", "SOURCE"].map(str::to_owned)];
    for (depth, found) in lines {
        let container = &found.container;
        rows.push([
            format!("{}{}", "  ".repeat(*depth), safe(container.display_name())),
            safe(&container.id).chars().take(12).collect(),
            container.runtime.to_string(),
            found.activity.name().to_owned(),
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
    let Found { container, cgroup_path, cgroup_id, cgroup_version, pid_ns, mnt_ns, pid, activity, source } =
        found;
    let mut object = json!({
        "container": {
            "id": container.id,
            "name": container.name,
            "runtime": { "name": container.runtime.name() },
            "image": { "name": container.image, "id": container.image_id },
            "state": activity.name(),
            "started": container.started_ns.and_then(timestamp),
            "parent": container.parent.as_ref().map(|id| json!({ "id": id })),
        },
        "k8s": container.pod.as_ref().map(|pod| json!({
            "pod": { "name": pod.name, "uid": pod.uid },
            "namespace": { "name": pod.namespace },
            "container": { "name": pod.container_name },
        })),
        "process": { "pid": pid },
        "user": { "id": container.user },
        // Larger than 2^53 - 1 on a long-lived host, so a string.
        "cgroup": { "path": cgroup_path, "id": cgroup_id.map(|id| id.to_string()), "version": cgroup_version },
        "namespaces": { "pid": pid_ns, "mnt": mnt_ns },
        "labels": container.labels.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect::<Vec<_>>(),
        "source": source.to_string(),
    });
    drop_nulls(&mut object);
    object
}

/// RFC 3339, UTC.
fn timestamp(wall_ns: i64) -> Option<String> {
    jiff::Timestamp::from_nanosecond(wall_ns.into()).ok().map(|time| time.to_string())
}

/// What is not known is left out, and what holds nothing else.
fn drop_nulls(value: &mut serde_json::Value) {
    if let serde_json::Value::Object(fields) = value {
        fields.values_mut().for_each(drop_nulls);
        fields
            .retain(|_, field| !field.is_null() && field.as_object().is_none_or(|inside| !inside.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::container::{Activity, Container, Evidence, Pod, Runtime};

    fn found(id: &str, parent: Option<&str>) -> Found {
        let container = Container {
            parent: parent.map(str::to_owned),
            pod: Some(Pod { uid: Some("u1".into()), ..Pod::default() }),
            ..Container::unnamed(Runtime::Podman, id)
        };
        Found {
            container: Arc::new(container),
            cgroup_path: format!("/{id}"),
            cgroup_id: Some(u64::MAX),
            cgroup_version: 2,
            activity: Activity::Running,
            pid_ns: None,
            mnt_ns: Some(7),
            pid: Some(12),
            source: Evidence::CgroupPath,
        }
    }

    #[test]
    fn a_tree_has_everybody_once_whatever_the_parents_are() {
        let all = [
            found("a", None),
            found("a1", Some("a")),
            found("a11", Some("a1")),
            found("b", None),
            found("elsewhere", Some("gone")),
        ];
        let lines: Vec<_> = tree(&all).iter().map(|(depth, f)| (*depth, f.container.id.as_str())).collect();
        assert_eq!(lines, [(0, "a"), (1, "a1"), (2, "a11"), (0, "b"), (0, "elsewhere")]);

        let circle = [found("x", Some("y")), found("y", Some("x")), found("self", Some("self"))];
        let mut lines: Vec<_> = tree(&circle).iter().map(|(_, f)| f.container.id.as_str()).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["self", "x", "y"]);
    }

    #[test]
    fn an_object_says_only_what_is_known() {
        let object = object(&found("a", None));
        assert_eq!(
            object,
            json!({
                "container": { "id": "a", "runtime": { "name": "podman" }, "state": "running" },
                "k8s": { "pod": { "uid": "u1" } },
                "process": { "pid": 12 },
                "cgroup": { "path": "/a", "id": "18446744073709551615", "version": 2 },
                "namespaces": { "mnt": 7 },
                "labels": [],
                "source": "cgroup path",
            })
        );
        let schema = serde_json::from_str(crate::sink::schema::PS).unwrap();
        jsonschema::validate(&schema, &object).unwrap();
    }

    #[test]
    fn nothing_hostile_gets_into_the_table() {
        let mut hostile = found("\x1b[2J", None);
        hostile.cgroup_path = "/\u{202e}evil\n".into();
        let text = table(&flat(&[hostile]));
        assert!(!text.contains(['\x1b', '\u{202e}']), "{text:?}");
        assert_eq!(text.lines().count(), 2, "{text:?}");
    }
}
