//! A recording without what does not belong to its scene: others' containers, the machine's name, and what
//! runtimes did to set containers up.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use tracer::batch::{Batch, OwnerId, Source, Status};
use tracer::container::{Container, Identity, Owner, Phase};
use tracer::decode;
use tracer::recording::{Recorder, Replay};
use tracer_common::record::kind;

/// A container of the scene.
pub struct Part {
    /// Its name, or its full id, as it was made.
    pub made_as: String,
    /// What it is called.
    pub name: &'static str,
    /// What its image is called, if it is of one.
    pub image: &'static str,
}

/// The recording in `file` with the containers of `parts` and nothing else.
pub fn scrub(file: &Path, parts: &[Part]) -> Vec<u8> {
    let kept = owners(file, parts);
    let mut source = open(file);
    let mut session = source.session().clone();
    "demo".clone_into(&mut session.host_name);
    // The rest of a release is its builder's.
    session.kernel = session.kernel.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let mut out = Vec::new();
    let mut recorder = Recorder::new(&mut out, &session).expect("memory can be written to");
    for_each(&mut source, |batch| {
        batch.identities = batch
            .identities
            .iter()
            .filter_map(|known| {
                let (_, part) = kept.get(&known.id)?;
                Some(renamed(known, part))
            })
            .collect();
        batch.records = decode::records(&batch.records)
            .map(|record| record.expect("the kernel's records are whole"))
            .filter(|record| match kept.get(&record.owner) {
                // What ctrace has to know itself stays.
                Some((Phase::Setup, _)) => matches!(record.kind, kind::OWNER | kind::ENDED),
                Some((Phase::Workload | Phase::Exec, _)) => true,
                None => false,
            })
            .flat_map(|record| record.bytes.to_vec())
            .collect();
        if let Some(sample) = &mut batch.sample {
            let is_kept = |owner: &OwnerId| kept.contains_key(owner);
            sample.calls.retain(|it| is_kept(&it.owner));
            sample.outcomes.retain(|it| is_kept(&it.owner));
            sample.processes.retain(|it| is_kept(&it.owner));
            sample.capabilities.retain(|it| is_kept(&it.owner));
            sample.resources.retain(|it| is_kept(&it.owner));
            // The books of records that are no more there would not balance.
            sample.tallies.retain(|it| kept.get(&it.owner).is_some_and(|(phase, _)| *phase != Phase::Setup));
        }
        recorder.write(batch).expect("memory can be written to");
    });
    recorder.finish().expect("memory can be written to");
    out
}

fn open(file: &Path) -> Replay<BufReader<File>> {
    Replay::new(BufReader::new(File::open(file).expect("it was recorded"))).expect("it is a recording")
}

fn for_each(source: &mut Replay<BufReader<File>>, mut each: impl FnMut(&mut Batch)) {
    let mut batch = Batch::default();
    while source.poll(&mut batch, true).expect("a file can be read") != Status::End {
        each(&mut batch);
        batch.clear();
    }
    assert!(source.problem().is_none(), "{:?}", source.problem());
}

/// Owners that belong to the scene, by what is known of each in the end.
fn owners<'a>(file: &Path, parts: &'a [Part]) -> HashMap<OwnerId, (Phase, &'a Part)> {
    let mut kept = HashMap::new();
    for_each(&mut open(file), |batch| {
        for identity in &batch.identities {
            let Owner::Container(container) = &identity.owner else { continue };
            if let Some(part) = parts.iter().find(|part| is_of(container, part)) {
                kept.insert(identity.id, (identity.phase, part));
            }
        }
    });
    for part in parts {
        assert!(kept.values().any(|(_, kept)| kept.name == part.name), "{} is missing", part.name);
    }
    kept
}

fn is_of(container: &Container, part: &Part) -> bool {
    container.id == part.made_as || container.name.as_deref() == Some(&part.made_as)
}

fn renamed(identity: &Identity, part: &Part) -> Identity {
    let mut identity = identity.clone();
    if let Owner::Container(container) = &mut identity.owner {
        let container = Arc::make_mut(container);
        if let Some(name) = &mut container.name {
            part.name.clone_into(name);
        } else {
            // A bare runtime's container has no name but its id.
            part.name.clone_into(&mut container.id);
            if let Some(path) = &mut identity.cgroup_path {
                *path = path.replace(&part.made_as, part.name);
            }
        }
        if let Some(image) = &mut container.image {
            part.image.clone_into(image);
        }
        container.labels.clear();
    }
    identity
}
