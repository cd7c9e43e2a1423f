//! Names of errors, the same on all architectures that ctrace knows.

use super::uapi::{ERROR_ALIASES, ERRORS};

/// From 512 on: errors that stay in the kernel, where system call exits are traced, but never reach
/// the process. Empty where there is none.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/errno.h#L14-L34>
const INTERNAL: [&str; 20] = [
    "ERESTARTSYS",
    "ERESTARTNOINTR",
    "ERESTARTNOHAND",
    "ENOIOCTLCMD",
    "ERESTART_RESTARTBLOCK",
    "EPROBE_DEFER",
    "EOPENSTALE",
    "ENOPARAM",
    "",
    "EBADHANDLE",
    "ENOTSYNC",
    "EBADCOOKIE",
    "ENOTSUPP",
    "ETOOSMALL",
    "ESERVERFAULT",
    "EBADTYPE",
    "EJUKEBOX",
    "EIOCBQUEUED",
    "ERECALLCONFLICT",
    "ENOGRACE",
];
const INTERNAL_START: u16 = 512;

/// What C libraries add.
const LIBC_ALIASES: [(&str, u16); 1] = [("ENOTSUP", 95)];

/// `ENOENT` for 2.
pub fn name(errno: u16) -> Option<&'static str> {
    let (names, index) = match errno.checked_sub(INTERNAL_START) {
        Some(index) => (INTERNAL.as_slice(), index),
        None => (ERRORS, errno),
    };
    names.get(usize::from(index)).copied().filter(|name| !name.is_empty())
}

/// 2 for `ENOENT`. Knows further names, such as `EWOULDBLOCK`.
pub fn number(name: &str) -> Option<u16> {
    let aliases = || ERROR_ALIASES.iter().chain(&LIBC_ALIASES).copied();
    (all().chain(aliases())).find_map(|(known, errno)| (known == name).then_some(errno))
}

/// Names and numbers, by number.
pub fn all() -> impl Iterator<Item = (&'static str, u16)> {
    let names = ERRORS.iter().zip(0_u16..).chain(INTERNAL.iter().zip(INTERNAL_START..));
    names.map(|(&name, errno)| (name, errno)).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back() {
        for (text, errno) in all() {
            assert_eq!(name(errno), Some(text));
            assert_eq!(number(text), Some(errno));
        }
        // 1..=134 without 41 and 58, 512..=531 without 520.
        assert_eq!(all().count(), 132 + 19);
    }

    #[test]
    fn known_numbers() {
        for (text, errno) in
            [("EPERM", 1), ("ENOSYS", 38), ("EHWPOISON", 133), ("ERESTARTSYS", 512), ("ENOGRACE", 531)]
        {
            assert_eq!(name(errno), Some(text));
        }
        for (alias, errno) in [("EWOULDBLOCK", 11), ("EDEADLOCK", 35), ("ENOTSUP", 95)] {
            assert_eq!(number(alias), Some(errno));
            assert_ne!(name(errno), Some(alias));
        }
    }

    #[test]
    fn what_is_no_error_has_no_name() {
        for errno in [0, 41, 58, 135, 511, 520, 532, 4095, u16::MAX] {
            assert_eq!(name(errno), None, "{errno}");
        }
        for text in ["", "ENOENT ", "enoent", "E", "2"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
