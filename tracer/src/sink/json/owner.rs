//! Whose event it is, as members of a line. Written once for each owner, not for each event.

use std::sync::Arc;

use super::field;
use super::object::{Fragment, Object, push_decimal};
use super::style::Style;
use crate::container::{Container, Identity, Owner, Pod, UnknownReason};
use crate::event::Event;
use crate::owner_map::OwnerMap;
use crate::sink::short_name;

/// What the lines of an owner have in common.
pub struct Place {
    /// Never that of another place.
    pub number: u64,
    /// `container`, `k8s` and `owner`, those that there are.
    pub members: Fragment,
    /// For the message: ` in web-1`.
    pub said: Vec<u8>,
}

/// Owners that are remembered at a time; a host has a tenth of it. Then all are forgotten.
const REMEMBERED: usize = 4096;

pub struct Places {
    style: Style,
    known: OwnerMap<(Owner, Place)>,
    /// Of the last event without identity: whether it had an owner, and its cgroup.
    nameless: Option<((bool, u64), Place)>,
    /// Places that there were.
    count: u64,
}

impl Places {
    pub fn new(style: Style) -> Self {
        Self { style, known: OwnerMap::default(), nameless: None, count: 0 }
    }

    pub fn of(&mut self, event: &Event<'_>, identity: Option<&Identity>) -> &Place {
        let Self { style, known, nameless, count } = self;
        let mut place = || {
            *count += 1;
            place(event, identity, *style, *count)
        };
        let Some(identity) = identity else {
            let key = (event.owner.slot == 0, event.cgroup_id);
            if nameless.as_ref().is_some_and(|(last, _)| *last != key) {
                *nameless = None;
            }
            let (_, place) = nameless.get_or_insert_with(|| (key, place()));
            return place;
        };
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let mut fresh = || (identity.owner.clone(), place());
        let (owner, place) = known.entry(event.owner).or_insert_with(&mut fresh);
        if !same(owner, &identity.owner) {
            (*owner, *place) = fresh();
        }
        place
    }
}

fn same(one: &Owner, other: &Owner) -> bool {
    match (one, other) {
        (Owner::Container(one), Owner::Container(other)) => Arc::ptr_eq(one, other) || one == other,
        (one, other) => one == other,
    }
}

fn place(event: &Event<'_>, identity: Option<&Identity>, style: Style, number: u64) -> Place {
    let members = Fragment::new(style.layout, style.max_bytes, |line| whose(line, event, identity));
    let mut place = Place { number, members, said: Vec::new() };
    match identity.map(|identity| &identity.owner) {
        Some(Owner::Container(container)) => {
            place.said.extend_from_slice(b" in ");
            place.said.extend_from_slice(short_name(container).as_bytes());
        }
        Some(Owner::Host) => place.said.extend_from_slice(b" on the host"),
        Some(Owner::Unknown(_)) | None => {
            place.said.extend_from_slice(b" in unknown cgroup ");
            push_decimal(&mut place.said, event.cgroup_id);
        }
    }
    place
}

/// `container`, `k8s` and `owner`, those that there are.
pub fn whose(line: &mut Object<'_>, event: &Event<'_>, identity: Option<&Identity>) {
    let reason = match identity.map(|identity| &identity.owner) {
        Some(Owner::Container(container)) => return who(line, container),
        Some(Owner::Host) => return,
        Some(Owner::Unknown(reason)) => reason.to_string(),
        // The kernel's programs have no other way to slot 0.
        None if event.owner.slot == 0 => "the owner table was full".to_owned(),
        None => UnknownReason::Pending.to_string(),
    };
    unknown_owner(line, &reason, event.cgroup_id, None);
}

/// `owner`, for one that we cannot tell.
pub fn unknown_owner(line: &mut Object<'_>, reason: &str, cgroup_id: u64, cgroup_path: Option<&str>) {
    line.object("owner", |owner| {
        owner.word("unknown", reason);
        owner.object("cgroup", |cgroup| {
            cgroup.id("id", cgroup_id);
            if let Some(path) = cgroup_path {
                cgroup.text(&field::CGROUP_PATH, path.as_bytes());
            }
        });
    });
}

/// `container` and `k8s`.
pub fn who(line: &mut Object<'_>, container: &Container) {
    line.object("container", |object| container_members(object, container));
    if let Some(pod) = &container.pod {
        pod_object(line, pod);
    }
}

/// The inside of `container`.
pub fn container_members(object: &mut Object<'_>, container: &Container) {
    let Container { id, name, runtime, image, parent, .. } = container;
    object.text(&field::CONTAINER_ID, id.as_bytes());
    if let Some(name) = name {
        object.text(&field::CONTAINER_NAME, name.as_bytes());
    }
    object.object("runtime", |object| object.word("name", runtime.name()));
    if let Some(image) = image {
        object.object("image", |object| _ = object.text(&field::CONTAINER_IMAGE, image.as_bytes()));
    }
    if let Some(parent) = parent {
        object.object("parent", |object| _ = object.text(&field::CONTAINER_PARENT, parent.as_bytes()));
    }
}

/// `k8s`.
pub fn pod_object(line: &mut Object<'_>, pod: &Pod) {
    let Pod { name, uid, namespace, container_name } = pod;
    let pod = [(&field::POD_NAME, name), (&field::POD_UID, uid)];
    line.object("k8s", |k8s| {
        if pod.iter().any(|(_, value)| value.is_some()) {
            k8s.object("pod", |object| {
                for (field, value) in pod {
                    if let Some(value) = value {
                        object.text(field, value.as_bytes());
                    }
                }
            });
        }
        if let Some(namespace) = namespace {
            k8s.object("namespace", |object| _ = object.text(&field::POD_NAMESPACE, namespace.as_bytes()));
        }
        if let Some(name) = container_name {
            k8s.object("container", |object| _ = object.text(&field::POD_CONTAINER, name.as_bytes()));
        }
    });
}
