//! Whose event it is, as members of a line. Written once for each owner, not for each event.

use std::collections::HashMap;
use std::sync::Arc;

use super::field;
use super::object::{Object, push_decimal};
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

#[derive(Default)]
pub struct Places {
    known: HashMap<OwnerId, (Owner, Place)>,
    /// Of the last event without identity.
    nameless: Place,
}

impl Places {
    pub fn of(&mut self, event: &Event<'_>, identity: Option<&Identity>) -> &Place {
        let Some(identity) = identity else {
            self.nameless = unknown(event.cgroup_id, &nameless_reason(event.owner));
            return &self.nameless;
        };
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let (owner, place) = self
            .known
            .entry(event.owner)
            .or_insert_with(|| (identity.owner.clone(), place(&identity.owner, event.cgroup_id)));
        if !same(owner, &identity.owner) {
            *place = self::place(&identity.owner, event.cgroup_id);
            *owner = identity.owner.clone();
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

fn place(owner: &Owner, cgroup_id: u64) -> Place {
    match owner {
        Owner::Container(container) => {
            let mut place = Place::default();
            let Place { members, cut, said } = &mut place;
            Object::write_members(members, Some(cut), |line| who(line, container));
            said.extend_from_slice(b" in ");
            said.extend_from_slice(short_name(container).as_bytes());
            place
        }
        Owner::Host => Place { said: b" on the host".to_vec(), ..Place::default() },
        Owner::Unknown(reason) => unknown(cgroup_id, &reason.to_string()),
    }
}

fn nameless_reason(owner: OwnerId) -> String {
    // The kernel's programs have no other way to slot 0.
    if owner.slot == 0 { "the owner table was full".to_owned() } else { UnknownReason::Pending.to_string() }
}

fn unknown(cgroup_id: u64, reason: &str) -> Place {
    let mut place = Place::default();
    let Place { members, cut: _, said } = &mut place;
    Object::write_members(members, None, |line| unknown_owner(line, reason, cgroup_id, None));
    said.extend_from_slice(b" in unknown cgroup ");
    push_decimal(said, cgroup_id);
    place
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
