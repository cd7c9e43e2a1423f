//! What container engines give where nobody says otherwise.

use std::collections::BTreeSet;

use super::number;
use crate::profile::DOCKER_CAPABILITIES;

/// <https://github.com/containers/common/blob/v0.50.1/pkg/config/default.go#L55>
const PODMAN_CAPABILITIES: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// Engines and their sets.
pub(super) const DEFAULTS: [(&str, &[&str]); 2] =
    [("docker", DOCKER_CAPABILITIES), ("podman", PODMAN_CAPABILITIES)];

/// A needed set beside that of an engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub engine: &'static str,
    pub missing: BTreeSet<u8>,
    pub unused: BTreeSet<u8>,
}

pub(super) fn compare(needed: &BTreeSet<u8>) -> impl Iterator<Item = Comparison> {
    DEFAULTS.iter().map(move |(engine, names)| {
        let given: BTreeSet<u8> = names.iter().filter_map(|name| number(name)).collect();
        Comparison { engine, missing: needed - &given, unused: &given - needed }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `/proc/self/status` has them in a container of each.
    #[test]
    fn sets_are_those_that_the_kernel_shows() {
        for ((engine, names), bits) in DEFAULTS.iter().zip([0xa804_25fb_u64, 0x8004_05fb]) {
            let set = names.iter().map(|name| 1 << number(name).unwrap()).sum::<u64>();
            assert_eq!(set, bits, "{engine}");
        }
    }

    #[test]
    fn more_and_less() {
        let docker = compare(&BTreeSet::from([0, 21])).next().unwrap();
        assert_eq!(docker.missing, BTreeSet::from([21]));
        assert_eq!(docker.unused.len(), 13);
    }
}
