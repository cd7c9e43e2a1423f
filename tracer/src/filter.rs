//! Which containers are wanted: names, id prefixes and `--filter key=value`. Pure.

mod process;

use std::fmt;
use std::str::FromStr;

pub use process::{AnyFilter, ProcessFilter, Processes};

use crate::container::{Container, Identity, Owner, Phase, Runtime, UnknownReason};
use crate::nearest::nearest;

/// What a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Id,
    Name,
    Image,
    Runtime,
    Label,
    Pod,
    Namespace,
    Cgroup,
}

/// Key and spelling, in the order in which they are listed in messages.
const KEYS: [(Key, &str); 8] = [
    (Key::Id, "id"),
    (Key::Name, "name"),
    (Key::Image, "image"),
    (Key::Runtime, "runtime"),
    (Key::Label, "label"),
    (Key::Pod, "pod"),
    (Key::Namespace, "namespace"),
    (Key::Cgroup, "cgroup"),
];

/// `key=value` or `key!=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub key: Key,
    pub value: String,
    pub negated: bool,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KEYS.iter().find(|(key, _)| *key == self.key).map_or("", |(_, name)| name);
        write!(f, "{name}{}{}", if self.negated { "!=" } else { "=" }, self.value)
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value, negated) = split(text)?;
        if process::is_key(key) {
            return Err(format!("{key:?} chooses processes, which only `ctrace trace` and `ctrace run` do"));
        }
        let known = KEYS.iter().find(|(_, name)| *name == key);
        let (key, _) = known.ok_or_else(|| {
            let names: Vec<&str> = KEYS.iter().map(|(_, name)| *name).collect();
            let near = nearest(key, names.iter().copied());
            format!("no filter is called {key:?}{near}; there are {}", names.join(", "))
        })?;
        Ok(Self { key: *key, value: value.to_owned(), negated })
    }
}

/// Key, value, and whether it is negated.
fn split(text: &str) -> Result<(&str, &str, bool), String> {
    let (key, value) = text.split_once('=').ok_or("expected key=value or key!=value")?;
    Ok(match key.strip_suffix('!') {
        Some(key) => (key, value, true),
        None => (key, value, false),
    })
}

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names or id prefixes; any of them.
    pub names: Vec<String>,
    /// Same key: any of them. Different keys: all. Negated: none.
    pub filters: Vec<Filter>,
    /// Of these, only events of such processes.
    pub processes: Processes,
    /// What runs in no container, too.
    pub host: bool,
    /// Only what descends from the command that ctrace started.
    pub lineage: bool,
    /// What a runtime does on a container's behalf before its program runs, too.
    pub setup: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Yes,
    No,
    /// Not enough is known yet.
    Wait,
}

/// How long the name of a container may take to turn up after an owner's first call.
const PATIENCE_NS: u64 = 2_000_000_000;

/// Later than any other time: nothing more will be known.
pub const AT_THE_END: u64 = u64::MAX;

impl Wanted {
    fn everything(&self) -> bool {
        self.names.is_empty() && self.filters.is_empty()
    }

    /// `now_ns` decides whether a container without a name may still get one: [`AT_THE_END`], none does.
    pub fn verdict(&self, identity: &Identity, now_ns: u64) -> Verdict {
        if self.lineage && !identity.lineage {
            return Verdict::No;
        }
        let late = now_ns.saturating_sub(identity.first_ns) > PATIENCE_NS;
        match &identity.owner {
            Owner::Host if self.host => self.by_cgroup(identity),
            Owner::Host => Verdict::No,
            // It is being looked up, which takes as long as the machine lets it.
            Owner::Unknown(UnknownReason::Pending) if now_ns < AT_THE_END => Verdict::Wait,
            Owner::Unknown(_) => self.by_cgroup(identity),
            Owner::Container(container) => {
                if self.wants(container, identity.cgroup_path.as_deref()) {
                    Verdict::Yes
                } else if container.name.is_none() && !late {
                    Verdict::Wait
                } else {
                    Verdict::No
                }
            }
        }
    }

    /// As [`Self::verdict`], for what is done: the runtime's preparations are left out unless asked for.
    pub fn action(&self, identity: &Identity, now_ns: u64) -> Verdict {
        let is_setup = identity.phase == Phase::Setup && matches!(identity.owner, Owner::Container(_));
        if is_setup && !self.setup { Verdict::No } else { self.verdict(identity, now_ns) }
    }

    /// Of what has no container only the cgroup can be asked for.
    fn by_cgroup(&self, identity: &Identity) -> Verdict {
        let askable = self.filters.iter().all(|filter| filter.key == Key::Cgroup);
        if self.names.is_empty() && askable && self.filters_match(None, identity.cgroup_path.as_deref()) {
            Verdict::Yes
        } else {
            Verdict::No
        }
    }

    /// As [`Self::matches`], but a service of systemd has to be asked for, or the host's.
    pub fn wants(&self, container: &Container, cgroup_path: Option<&str>) -> bool {
        let asked = !self.names.is_empty() || self.filters.iter().any(|filter| !filter.negated);
        (container.runtime != Runtime::Systemd || self.host || asked) && self.matches(container, cgroup_path)
    }

    /// `cgroup_path`: where it is, if that is known.
    fn matches(&self, container: &Container, cgroup_path: Option<&str>) -> bool {
        if self.everything() {
            return true;
        }
        let named = |wanted: &String| {
            container.name.as_ref() == Some(wanted)
                || (!wanted.is_empty() && container.id.starts_with(wanted.as_str()))
        };
        (self.names.is_empty() || self.names.iter().any(named))
            && self.filters_match(Some(container), cgroup_path)
    }

    fn filters_match(&self, container: Option<&Container>, cgroup_path: Option<&str>) -> bool {
        KEYS.iter().all(|(key, _)| {
            let (not, yes): (Vec<&Filter>, Vec<&Filter>) =
                self.filters.iter().filter(|filter| filter.key == *key).partition(|filter| filter.negated);
            let hits = |filter: &&Filter| value_matches(*key, &filter.value, container, cgroup_path);
            (yes.is_empty() || yes.iter().any(hits)) && !not.iter().any(hits)
        })
    }
}

fn value_matches(key: Key, value: &str, container: Option<&Container>, cgroup_path: Option<&str>) -> bool {
    if key == Key::Cgroup {
        return cgroup_path == Some(value);
    }
    let Some(container) = container else { return false };
    let pod = container.pod.as_ref();
    let is = |found: Option<&String>| found.is_some_and(|found| found == value);
    match key {
        Key::Id => container.id.starts_with(value),
        Key::Name => is(container.name.as_ref()),
        Key::Image => is(container.image.as_ref()) || is(container.image_id.as_ref()),
        Key::Runtime => container.runtime.name() == value,
        Key::Label => container.labels.iter().any(|(name, content)| match value.split_once('=') {
            Some((wanted, wanted_content)) => name == wanted && content == wanted_content,
            None => name == value,
        }),
        Key::Pod => is(pod.and_then(|pod| pod.name.as_ref())) || is(pod.and_then(|pod| pod.uid.as_ref())),
        Key::Namespace => is(pod.and_then(|pod| pod.namespace.as_ref())),
        Key::Cgroup => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::batch::OwnerId;
    use crate::container::Runtime;

    fn container(name: Option<&str>) -> Container {
        Container {
            name: name.map(Into::into),
            image: Some("nginx:1".into()),
            labels: vec![("app".into(), "web=1".into())],
            ..Container::unnamed(Runtime::Podman, "abc123")
        }
    }

    fn identity(owner: Owner) -> Identity {
        Identity {
            id: OwnerId { slot: 2, generation: 1 },
            cgroup_id: 7,
            cgroup_path: Some("/a".into()),
            pid_ns: 1,
            mnt_ns: 1,
            phase: Phase::Workload,
            first_ns: 0,
            first_pid: 1,
            running: false,
            lineage: false,
            ended: false,
            owner,
        }
    }

    fn wanted(names: &[&str], filters: &[&str]) -> Wanted {
        Wanted {
            names: names.iter().map(|&name| name.into()).collect(),
            filters: filters.iter().map(|filter| filter.parse().unwrap()).collect(),
            ..Wanted::default()
        }
    }

    fn of(wanted: &Wanted, name: Option<&str>) -> Verdict {
        wanted.verdict(&identity(Owner::Container(Arc::new(container(name)))), 1)
    }

    #[test]
    fn names_and_id_prefixes() {
        assert_eq!(of(&wanted(&[], &[]), None), Verdict::Yes);
        assert_eq!(of(&wanted(&["web"], &[]), Some("web")), Verdict::Yes);
        assert_eq!(of(&wanted(&["we"], &[]), Some("web")), Verdict::No, "a name is not a prefix");
        assert_eq!(of(&wanted(&["abc"], &[]), Some("web")), Verdict::Yes);
        assert_eq!(of(&wanted(&["x", "web"], &[]), Some("web")), Verdict::Yes);
    }

    #[test]
    fn a_name_may_still_come() {
        let wanted = wanted(&["web"], &[]);
        assert_eq!(of(&wanted, None), Verdict::Wait);
        let unnamed = identity(Owner::Container(Arc::new(container(None))));
        assert_eq!(wanted.verdict(&unnamed, PATIENCE_NS + 1), Verdict::No);
        let pending = identity(Owner::Unknown(UnknownReason::Pending));
        assert_eq!(wanted.verdict(&pending, AT_THE_END - 1), Verdict::Wait);
        assert_eq!(wanted.verdict(&pending, AT_THE_END), Verdict::No);
    }

    #[test]
    fn same_key_or_different_keys_and() {
        for (filters, verdict) in [
            (&["name=web", "name=db"][..], Verdict::Yes),
            (&["name=web", "runtime=docker"], Verdict::No),
            (&["name=web", "runtime=podman"], Verdict::Yes),
            (&["name!=web"], Verdict::No),
            (&["name!=db"], Verdict::Yes),
            (&["label=app"], Verdict::Yes),
            (&["label=app=web=1"], Verdict::Yes),
            (&["label=app=web"], Verdict::No),
            (&["cgroup=/a"], Verdict::Yes),
            (&["namespace=shop"], Verdict::No),
        ] {
            assert_eq!(of(&wanted(&[], filters), Some("web")), verdict, "{filters:?}");
        }
    }

    #[test]
    fn the_host_only_when_asked_for() {
        let host = identity(Owner::Host);
        assert_eq!(wanted(&[], &[]).verdict(&host, 1), Verdict::No);
        let with_host = Wanted { host: true, ..Wanted::default() };
        assert_eq!(with_host.verdict(&host, 1), Verdict::Yes);
        let named = Wanted { host: true, ..wanted(&["web"], &[]) };
        assert_eq!(named.verdict(&host, 1), Verdict::No);
    }

    #[test]
    fn preparations_only_when_asked_for() {
        let of = |phase, setup| {
            let owner = Owner::Container(Arc::new(container(Some("web"))));
            Wanted { setup, ..Wanted::default() }.action(&Identity { phase, ..identity(owner) }, 1)
        };
        assert_eq!((of(Phase::Setup, false), of(Phase::Setup, true)), (Verdict::No, Verdict::Yes));
        assert_eq!((of(Phase::Exec, false), of(Phase::Workload, false)), (Verdict::Yes, Verdict::Yes));
    }

    #[test]
    fn mistakes_say_what_there_is() {
        assert!("nmae=x".parse::<Filter>().unwrap_err().contains("did you mean `name`?; there are id, name"));
        assert!("x".parse::<Filter>().unwrap_err().contains("key=value"));
    }
}
