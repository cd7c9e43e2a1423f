//! The tables of system calls against those of libseccomp, which decides what a name in a profile
//! means.

use std::io;
use std::process::Command;

use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::syscall;

/// Bit 30, which marks an x32 call.
const X32: i64 = 0x4000_0000;

/// libseccomp's name of the ABI, ours, and what it adds to the numbers.
const ABIS: [(&str, Arch, Abi, i64); 6] = [
    ("x86_64", Arch::X86_64, Abi::Native, 0),
    ("x86", Arch::X86_64, Abi::Compat, 0),
    ("x32", Arch::X86_64, Abi::X32, X32),
    ("aarch64", Arch::Aarch64, Abi::Native, 0),
    ("arm", Arch::Aarch64, Abi::Compat, 0),
    ("riscv64", Arch::Riscv64, Abi::Native, 0),
];

/// Number of a name, or name of a number.
fn resolve(abi: &str, what: &str) -> io::Result<String> {
    let output = Command::new("scmp_sys_resolver")
        .args(["-a", abi, what])
        .output()
        .map_err(|e| io::Error::new(e.kind(), format!("scmp_sys_resolver does not start: {e}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
#[ignore = "needs scmp_sys_resolver (Debian package seccomp)"]
fn numbers_are_those_of_libseccomp() {
    for (theirs, arch, abi, marker) in ABIS {
        let mut compared = 0;
        for (number, name) in syscall::all(arch, abi) {
            let number = i64::from(number) + marker;
            match resolve(theirs, name).unwrap().parse().unwrap() {
                // Newer than this libseccomp.
                -1_i64 => continue,
                // No number to it: newer in this ABI, or one of the calls that i386 also has inside of
                // `socketcall` and `ipc`. The number still has a name, then.
                ..-1 => match resolve(theirs, &number.to_string()).unwrap().as_str() {
                    "UNKNOWN" => continue,
                    known => assert_eq!(known, name, "{theirs} {number}"),
                },
                known => assert_eq!(known, number, "{theirs} {name}"),
            }
            compared += 1;
        }
        assert!(compared >= 300, "{theirs}: libseccomp knows {compared} of our names only");
    }
}

#[test]
#[ignore = "needs scmp_sys_resolver (Debian package seccomp)"]
fn libseccomp_has_no_call_that_we_lack() {
    for (theirs, arch, abi, marker) in ABIS {
        for number in (0..600).filter(|&number| syscall::name(arch, abi, number).is_none()) {
            let given = (i64::from(number) + marker).to_string();
            assert_eq!(resolve(theirs, &given).unwrap(), "UNKNOWN", "{theirs} {number}");
        }
    }
}
