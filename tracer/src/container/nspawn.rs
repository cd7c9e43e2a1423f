//! systemd-nspawn without machined: what its own command line says.

use std::path::Path;

use super::{Container, Runtime, process};

const PROGRAM: &str = "systemd-nspawn";

/// Options that name the machine, the best first: long, short, and whether a path that ends in the name.
const OPTIONS: [(&str, &str, bool); 3] =
    [("--machine", "-M", false), ("--directory", "-D", true), ("--image", "-i", true)];

/// The machine whose first process is `init`, if systemd-nspawn is its parent.
pub fn find(proc: &Path, init: u32) -> Option<Container> {
    let words = process::command_line(proc, process::parent(proc, init)?)?;
    let (program, options) = words.split_first()?;
    if Path::new(program).file_name()? != PROGRAM {
        return None;
    }
    let name = OPTIONS.iter().find_map(|(long, short, is_path)| {
        let value = value(options, long, short)?;
        let name = if *is_path { Path::new(value).file_stem()?.to_str()? } else { value };
        (!name.is_empty()).then(|| name.to_owned())
    })?;
    Some(Container {
        name: Some(name.clone()),
        pid: Some(init),
        ..Container::unnamed(Runtime::Nspawn, &name)
    })
}

/// Of an option, in any of its forms. What follows the program to run is its own.
fn value<'a>(words: &'a [String], long: &str, short: &str) -> Option<&'a str> {
    let mut words = words.iter().take_while(|word| *word != "--").peekable();
    while let Some(word) = words.next() {
        if word == long || word == short {
            return words.peek().map(|word| word.as_str());
        }
        let joined = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        let joined = joined.or_else(|| word.strip_prefix(short).filter(|_| !word.starts_with("--")));
        if joined.is_some() {
            return joined;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::{process, put};
    use super::*;

    fn found(command_line: &[&str]) -> Option<String> {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 10, 1, &[10], 1);
        process(proc.path(), 11, 10, &[11, 1], 2);
        put(proc.path(), "10/cmdline", &(command_line.join("\0") + "\0"));
        find(proc.path(), 11).map(|container| container.id)
    }

    #[test]
    fn the_machine_is_named_by_option_or_folder() {
        for (words, name) in [
            (&["/usr/bin/systemd-nspawn", "-M", "web", "-D", "/srv/x"][..], Some("web")),
            (&["systemd-nspawn", "--machine=web"], Some("web")),
            (&["systemd-nspawn", "-Mweb"], Some("web")),
            (&["systemd-nspawn", "-D", "/srv/db/"], Some("db")),
            (&["systemd-nspawn", "--image=/srv/db.raw", "/bin/sh"], Some("db")),
            (&["systemd-nspawn", "-D", "/"], None),
            (&["systemd-nspawn", "-M"], None),
            (&["systemd-nspawn", "-D", "/srv/db", "--", "x", "-M", "other"], Some("db")),
            (&["sh", "-M", "web"], None),
            (&[], None),
        ] {
            assert_eq!(found(words).as_deref(), name, "{words:?}");
        }
    }
}
