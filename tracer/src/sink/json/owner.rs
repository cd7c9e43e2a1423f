//! Whose event it is, as members of a line. Written once for each owner, not for each event.

use std::collections::HashMap;
use std::sync::Arc;

use super::field;
use super::object::{Object, Rooms, push_decimal};
use super::style::Style;
use crate::batch::OwnerId;
use crate::container::{Container, Identity, Owner, Pod, UnknownReason};
use crate::event::Event;
use crate::sink::short_name;

/// What the lines of an owner have in common.
#[derive(Default)]
pub struct Place {
    /// `container`, `k8s` and `owner`, those that there are.
    pub members: Vec<u8>,
    /// Paths of those that had to be shortened.
    pub cut: Vec<&'static str>,
    /// For the message: ` in web-1`.
    pub said: Vec<u8>,
}

/// Owners that are remembered at a time; a host has a tenth of it. Then all are forgotten.
const REMEMBERED: usize = 4096;

pub struct Places {
    style: Style,
    known: HashMap<OwnerId, (Owner, Place)>,
    /// Of the last event without identity.
    nameless: Place,
}

impl Places {
    pub fn new(style: Style) -> Self {
        Self { style, known: HashMap::new(), nameless: Place::default() }
    }

    pub fn of(&mut self, event: &Event<'_>, identity: Option<&Identity>) -> &Place {
        let Self { style, known, nameless } = self;
        let Some(identity) = identity else {
            *nameless = place(event, None, *style);
            return nameless;
        };
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let fresh = || (identity.owner.clone(), place(event, Some(identity), *style));
        let (owner, place) = known.entry(event.owner).or_insert_with(fresh);
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

fn place(event: &Event<'_>, identity: Option<&Identity>, style: Style) -> Place {
    let mut place = Place::default();
    let mut rooms = Rooms::new(style.max_bytes);
    Object::write_members(&mut place.members, style.layout, Some(&mut rooms), |line| {
        whose(line, event, identity);
    });
    place.cut = rooms.cut;
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
