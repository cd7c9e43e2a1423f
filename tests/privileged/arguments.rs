//! Rules about arguments: what was seen often is allowed, and nothing else of that call.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::ctrace::ctrace_over;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::process::{Done, run};

const INET: &str = "2";
const OFTEN: &str = "12";
const CODE: i32 = 4;

fn record(engine: &dyn Engine, args: &[&str], option: &str, profile: &Path) -> Done {
    let inner = Container::new(engine).command(&Launch::new(args));
    let out = profile.to_str().expect("a temporary path is UTF-8");
    let done = run(&mut ctrace_over(&["profile", "record", option, "-o", out], &inner)).expect(CODE);
    let evidence = parse(&fs::read_to_string(profile.with_extension("evidence.json")).unwrap());
    let recorded = &evidence["recordings"][0];
    assert_eq!(recorded["container"]["runtime"], engine.runtime(), "{recorded} {done:?}");
    done
}

fn under(engine: &dyn Engine, args: &[&str], profile: &Path) -> Done {
    Container::new(engine).run(&Launch { seccomp: Some(profile), ..Launch::new(args) }).expect(CODE)
}

/// The rules about `socket`, None for one without a condition.
fn socket(profile: &Path) -> Vec<Option<Value>> {
    let rules = parse(&fs::read_to_string(profile).unwrap());
    let about = |rule: &&Value| list(&rule["names"]).iter().any(|name| name == "socket");
    let about = list(&rules["syscalls"]).iter().filter(about);
    about.map(|rule| rule.get("args").cloned()).collect()
}

/// What the evidence says of its arguments.
fn evidence(profile: &Path) -> Value {
    let evidence = parse(&fs::read_to_string(profile.with_extension("evidence.json")).unwrap());
    let calls = list(&evidence["syscalls"]).iter();
    calls.clone().find(|call| call["name"] == "socket").expect("it was called")["arguments"].clone()
}

fn rules(engine: &dyn Engine) {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    let args = ["/bin/serves", OFTEN, INET];
    let made = record(engine, &args, "--arguments", &profile).stdout;
    assert_eq!(made, "2 0\nserved 11\n");
    let only = json!([{"index": 0, "value": 0xffff_ffff_u32, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]);
    let told = fs::read_to_string(profile.with_extension("evidence.json")).unwrap();
    assert_eq!(socket(&profile), [Some(only)], "{told}");
    // The one that listens, too.
    let seen = json!([{"values": [{"index": 0, "value": 2}], "text": "AF_INET", "count": 13}]);
    assert_eq!(evidence(&profile), json!({"seen": seen, "more": false}));

    assert_eq!(under(engine, &args, &profile).stdout, made, "as it was recorded");
    let others = under(engine, &["/bin/serves", "1", INET, "1", "16"], &profile).stdout;
    assert_eq!(others, "2 0\n1 38\n16 38\nserved 11\n", "of families that were not");
}

/// Whatever makes no rule leaves the call free, and the evidence says why.
fn no_rules(engine: &dyn Engine) {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("profile.json");
    let families: Vec<String> = (1..=20).map(|family: u32| family.to_string()).collect();
    let many: Vec<&str> =
        ["/bin/serves", OFTEN].into_iter().chain(families.iter().map(String::as_str)).collect();
    for (args, option, why, more) in [
        (many.as_slice(), "--arguments", "more values", true),
        (&["/bin/serves", OFTEN, INET], "--arguments=14", "made 13 times", false),
    ] {
        let made = record(engine, args, option, &profile).stdout;
        assert_eq!(socket(&profile), [None]);
        let arguments = evidence(&profile);
        assert!(arguments["any"].as_str().unwrap().contains(why), "{arguments}");
        assert_eq!(arguments["more"], more, "{arguments}");
        assert!(list(&arguments["seen"]).len() <= 16, "{arguments}");
        assert_eq!(under(engine, args, &profile).stdout, made);
    }
}

#[test]
#[ignore = "needs root, BTF, runc, gcc, busybox"]
fn by_runc() {
    rules(&Oci::runc());
    no_rules(&Oci::runc());
}

#[test]
#[ignore = "needs root, BTF, crun, gcc, busybox"]
fn by_crun() {
    rules(&Oci::crun());
    no_rules(&Oci::crun());
}
