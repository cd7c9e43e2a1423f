//! Filters as the kernel holds them, and what they answer: an interpreter of the classic BPF that seccomp takes.
//!
//! Instructions: <https://github.com/torvalds/linux/blob/v6.12/Documentation/networking/filter.rst>; those
//! that a filter may have: <https://github.com/torvalds/linux/blob/v6.12/kernel/seccomp.c#L278>.

use std::process::Command;

use super::process::run;
use super::rootfs;

#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u16,
    jt: usize,
    jf: usize,
    k: u32,
}

/// One filter.
#[derive(Debug)]
pub struct Filter(Vec<Instruction>);

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Allow,
    Errno(u32),
    KillThread,
    KillProcess,
    Other(u32),
}

impl Filter {
    /// Those of a running process.
    pub fn of(pid: u32) -> Vec<Self> {
        let said =
            run(Command::new(rootfs::programs().join("filters")).arg(pid.to_string())).expect(0).stdout;
        said.lines().map(Self::parse).collect()
    }

    /// From words like `32,0,0,4`: code, two offsets, operand.
    fn parse(line: &str) -> Self {
        let instruction = |word: &str| {
            let mut numbers = word.split(',').map(|number| number.parse::<u32>().expect("a number"));
            let mut next = || numbers.next().expect("four numbers");
            let (code, jt, jf, k) = (next(), next(), next(), next());
            Instruction { code: u16::try_from(code).expect("16 bits"), jt: jt as usize, jf: jf as usize, k }
        };
        Self(line.split_ascii_whitespace().map(instruction).collect())
    }

    /// For a call without arguments to speak of: all are 0.
    pub fn answer(&self, arch: u32, number: u32) -> Answer {
        // struct seccomp_data: nr, arch, then what no profile of ours looks at.
        let data = |offset: u32| match offset {
            0 => number,
            4 => arch,
            _ => 0,
        };
        let (mut a, mut at) = (0_u32, 0_usize);
        loop {
            let Instruction { code, jt, jf, k } = self.0[at];
            at += 1;
            let jump = |condition: bool| if condition { jt } else { jf };
            match code {
                0x20 => a = data(k),
                0x54 => a &= k,
                0x05 => at += k as usize,
                0x15 => at += jump(a == k),
                0x25 => at += jump(a > k),
                0x35 => at += jump(a >= k),
                0x45 => at += jump(a & k != 0),
                0x06 => return Answer::from(k),
                other => panic!("instruction {other:#x} at {at}"),
            }
        }
    }
}

impl From<u32> for Answer {
    fn from(value: u32) -> Self {
        match (value & 0xffff_0000, value & 0xffff) {
            (0x7fff_0000, _) => Self::Allow,
            (0x0005_0000, errno) => Self::Errno(errno),
            (0x0000_0000, _) => Self::KillThread,
            (0x8000_0000, _) => Self::KillProcess,
            _ => Self::Other(value),
        }
    }
}
