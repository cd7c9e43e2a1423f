//! Seccomp filters as the kernel holds them, and what they answer to a call of which only the number is known.
//!
//! A filter is a program of classic BPF without loops. Where it looks at an argument, both ways are followed: the
//! answer is then a set. Instructions:
//! <https://github.com/torvalds/linux/blob/v6.12/Documentation/networking/filter.rst>; those that a filter may have:
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/seccomp.c#L278>.

use std::collections::{BTreeSet, HashSet};

use crate::batch::Arch;
use crate::event::Abi;

/// `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    pub code: u16,
    /// Instructions to pass over, if the condition holds and if not.
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

/// One filter. A process may have several, and each of them is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(pub Vec<Instruction>);

/// What becomes of a call. The first of those that the filters give counts, in this order,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/seccomp.h#L38>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    KillProcess,
    KillThread,
    Trap,
    Errno(u16),
    Notify,
    Trace,
    Log,
    Allow,
}

impl Answer {
    /// What the kernel takes a returned value for; an action that it does not know kills.
    const fn of(value: u32) -> Self {
        let [data, action] = [value & 0xffff, value & 0xffff_0000];
        match action {
            0x0000_0000 => Self::KillThread,
            0x0003_0000 => Self::Trap,
            #[expect(clippy::cast_possible_truncation, reason = "16 bits are left")]
            0x0005_0000 => Self::Errno(data as u16),
            0x7fc0_0000 => Self::Notify,
            0x7ff0_0000 => Self::Trace,
            0x7ffc_0000 => Self::Log,
            0x7fff_0000 => Self::Allow,
            _ => Self::KillProcess,
        }
    }
}

/// How a filter sees calls of an ABI: `seccomp_data.arch`, and the bits that are added to the number,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/audit.h>. None: the machine has no such ABI.
pub const fn seen_as(arch: Arch, abi: Abi) -> Option<(u32, u32)> {
    match (arch, abi) {
        (Arch::X86_64, Abi::Native) => Some((0xc000_003e, 0)),
        (Arch::X86_64, Abi::X32) => Some((0xc000_003e, 0x4000_0000)),
        (Arch::X86_64, Abi::Compat) => Some((0x4000_0003, 0)),
        (Arch::Aarch64, Abi::Native) => Some((0xc000_00b7, 0)),
        (Arch::Aarch64, Abi::Compat) => Some((0x4000_0028, 0)),
        (Arch::Riscv64, Abi::Native) => Some((0xc000_00f3, 0)),
        (Arch::Aarch64 | Arch::Riscv64, Abi::X32) | (Arch::Riscv64, Abi::Compat) => None,
    }
}

/// What several filters may answer together: of each one answer, and the first of these counts. Without a filter
/// everything is allowed.
pub fn strictest(filters: &[Filter], arch: u32, number: u32) -> BTreeSet<Answer> {
    let mut answers = BTreeSet::from([Answer::Allow]);
    for filter in filters {
        let own = filter.answers(arch, number);
        answers = answers.iter().flat_map(|a| own.iter().map(|b| *a.min(b))).collect();
    }
    answers
}

/// `sizeof(struct seccomp_data)`, which the instructions for a packet's length give.
const DATA_BYTES: u32 = 64;

/// Instructions that are followed for one call. The longest filter has 4096; one that asks for so many arguments
/// that its ways are more has been made to keep us busy.
const STEPS_MAX: usize = 1 << 18;

/// Registers and memory; None: depends on an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    at: usize,
    a: Option<u32>,
    x: Option<u32>,
    memory: [Option<u32>; 16],
}

enum Next {
    Step(State),
    Either(State, State),
    Return(Option<u32>),
}

impl Filter {
    /// What it may answer to a call, by its arguments; never empty.
    pub fn answers(&self, arch: u32, number: u32) -> BTreeSet<Answer> {
        let mut answers = BTreeSet::new();
        let (mut open, mut seen) = (vec![State::default()], HashSet::new());
        let mut steps = 0;
        while let Some(mut state) = open.pop() {
            loop {
                steps += 1;
                let known = (steps < STEPS_MAX).then(|| self.step(state, arch, number)).flatten();
                match known {
                    Some(Next::Step(next)) => state = next,
                    Some(Next::Either(one, other)) => {
                        open.extend([one, other].into_iter().filter(|state| seen.insert(*state)));
                        break;
                    }
                    Some(Next::Return(Some(value))) => {
                        answers.insert(Answer::of(value));
                        break;
                    }
                    // A value made of an argument, no instruction of a filter, or too many of them: anything.
                    Some(Next::Return(None)) | None => return [Answer::KillProcess, Answer::Allow].into(),
                }
            }
        }
        answers
    }

    /// None: no instruction that a filter may have there.
    fn step(&self, state: State, arch: u32, number: u32) -> Option<Next> {
        let Instruction { code, jt, jf, k } = *self.0.get(state.at)?;
        let mut next = State { at: state.at + 1, ..state };
        let cell = usize::try_from(k).ok();
        // Bit 3: the operand is X.
        let operand = if code & 0x08 == 0 { Some(k) } else { state.x };
        match code {
            0x00 => next.a = Some(k),
            0x01 => next.x = Some(k),
            0x20 => {
                next.a = match k {
                    0 => Some(number),
                    4 => Some(arch),
                    _ => None,
                }
            }
            0x80 => next.a = Some(DATA_BYTES),
            0x81 => next.x = Some(DATA_BYTES),
            0x60 => next.a = *state.memory.get(cell?)?,
            0x61 => next.x = *state.memory.get(cell?)?,
            0x02 => *next.memory.get_mut(cell?)? = state.a,
            0x03 => *next.memory.get_mut(cell?)? = state.x,
            0x07 => next.x = state.a,
            0x87 => next.a = state.x,
            0x84 => next.a = state.a.map(u32::wrapping_neg),
            // To divide by zero ends the filter with 0.
            0x34 | 0x3c if operand == Some(0) => return Some(Next::Return(Some(0))),
            _ if code & 0x07 == 0x04 => {
                let operation = operation(code)?;
                next.a = state.a.zip(operand).map(|(a, b)| operation(a, b));
            }
            0x05 => next.at = next.at.checked_add(cell?)?,
            _ if code & 0x07 == 0x05 => {
                let to = |jump: u8| State { at: next.at + usize::from(jump), ..next };
                let condition = condition(code)?;
                return Some(match state.a.zip(operand).map(|(a, b)| condition(a, b)) {
                    Some(holds) => Next::Step(to(if holds { jt } else { jf })),
                    None => Next::Either(to(jt), to(jf)),
                });
            }
            0x06 => return Some(Next::Return(Some(k))),
            0x16 => return Some(Next::Return(state.a)),
            _ => return None,
        }
        Some(Next::Step(next))
    }
}

/// None: no such operation.
fn operation(code: u16) -> Option<fn(u32, u32) -> u32> {
    Some(match code & 0xf7 {
        0x04 => u32::wrapping_add,
        0x14 => u32::wrapping_sub,
        0x24 => u32::wrapping_mul,
        0x34 => |a, b| a.checked_div(b).unwrap_or(0),
        0x44 => |a, b| a | b,
        0x54 => |a, b| a & b,
        0x64 => u32::wrapping_shl,
        0x74 => u32::wrapping_shr,
        0xa4 => |a, b| a ^ b,
        _ => return None,
    })
}

/// None: no such condition.
fn condition(code: u16) -> Option<fn(u32, u32) -> bool> {
    Some(match code & 0xf7 {
        0x15 => |a, b| a == b,
        0x25 => |a, b| a > b,
        0x35 => |a, b| a >= b,
        0x45 => |a, b| a & b != 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const X86_64: u32 = 0xc000_003e;
    const ALLOW: u32 = 0x7fff_0000;
    const ENOSYS: u32 = 0x0005_0026;
    const KILL: u32 = 0x8000_0000;

    fn filter(instructions: &[(u16, u8, u8, u32)]) -> Filter {
        Filter(instructions.iter().map(|&(code, jt, jf, k)| Instruction { code, jt, jf, k }).collect())
    }

    /// Kills what is of another ABI, allows 1, allows 2 if its first argument is 7, else ENOSYS.
    fn usual() -> Filter {
        filter(&[
            (0x20, 0, 0, 4),
            (0x15, 1, 0, X86_64),
            (0x06, 0, 0, KILL),
            (0x20, 0, 0, 0),
            (0x15, 3, 0, 1),
            (0x15, 0, 3, 2),
            (0x20, 0, 0, 16),
            (0x15, 0, 1, 7),
            (0x06, 0, 0, ALLOW),
            (0x06, 0, 0, ENOSYS),
        ])
    }

    #[test]
    fn numbers_architectures_and_arguments() {
        for (arch, number, expected) in [
            (X86_64, 1, &[Answer::Allow][..]),
            (X86_64, 2, &[Answer::Errno(38), Answer::Allow]),
            (X86_64, 3, &[Answer::Errno(38)]),
            (0x4000_0003, 1, &[Answer::KillProcess]),
        ] {
            assert_eq!(Vec::from_iter(usual().answers(arch, number)), expected, "{arch:#x} {number}");
        }
    }

    #[test]
    fn the_strictest_of_several_counts() {
        let always = |value| filter(&[(0x06, 0, 0, value)]);
        let answers = |filters: &[Filter], number| Vec::from_iter(strictest(filters, X86_64, number));
        assert_eq!(answers(&[], 9), [Answer::Allow]);
        assert_eq!(answers(&[usual(), always(ALLOW)], 2), [Answer::Errno(38), Answer::Allow]);
        assert_eq!(answers(&[always(0x7ffc_0000), usual()], 2), [Answer::Errno(38), Answer::Log]);
        assert_eq!(answers(&[usual(), always(0)], 2), [Answer::KillThread]);
        assert_eq!(answers(&[always(0x0001_0000), usual()], 1), [Answer::KillProcess], "no known action");
    }

    #[test]
    fn every_other_instruction() {
        // Each leaves 1 in A if it does what it should.
        let one = |before: &[(u16, u8, u8, u32)]| {
            let after = [(0x15, 0, 1, 1), (0x06, 0, 0, ALLOW), (0x06, 0, 0, ENOSYS)];
            Vec::from_iter(filter(&[before, &after].concat()).answers(X86_64, 5))
        };
        for before in [
            &[(0x00, 0, 0, 1)][..],
            &[(0x80, 0, 0, 0), (0x34, 0, 0, 64)],
            &[(0x81, 0, 0, 0), (0x87, 0, 0, 0), (0x74, 0, 0, 6)],
            &[(0x01, 0, 0, 1), (0x03, 0, 0, 15), (0x60, 0, 0, 15)],
            &[(0x00, 0, 0, 1), (0x02, 0, 0, 0), (0x61, 0, 0, 0), (0x87, 0, 0, 0)],
            &[(0x00, 0, 0, 1), (0x07, 0, 0, 0), (0x0c, 0, 0, 0), (0x1c, 0, 0, 0)],
            &[(0x00, 0, 0, u32::MAX), (0x84, 0, 0, 0)],
            &[(0x00, 0, 0, 3), (0x24, 0, 0, 3), (0x54, 0, 0, 1)],
            &[(0x00, 0, 0, 0), (0x44, 0, 0, 3), (0xa4, 0, 0, 2)],
            &[(0x00, 0, 0, 1), (0x64, 0, 0, 4), (0x74, 0, 0, 4)],
            &[(0x00, 0, 0, 1), (0x05, 0, 0, 1), (0x00, 0, 0, 9)],
            &[(0x00, 0, 0, 1), (0x45, 1, 0, 1), (0x00, 0, 0, 9)],
            &[(0x00, 0, 0, 1), (0x25, 0, 1, 1), (0x00, 0, 0, 9)],
            &[(0x00, 0, 0, 1), (0x01, 0, 0, 1), (0x3d, 1, 0, 0), (0x00, 0, 0, 9)],
        ] {
            assert_eq!(one(before), [Answer::Allow], "{before:x?}");
        }
        assert_eq!(one(&[(0x00, 0, 0, 1), (0x34, 0, 0, 0)]), [Answer::KillThread], "divided by zero");
        let returned = filter(&[(0x00, 0, 0, ALLOW), (0x16, 0, 0, 0)]);
        assert_eq!(Vec::from_iter(returned.answers(X86_64, 0)), [Answer::Allow]);
    }

    #[test]
    fn what_cannot_be_told_may_be_anything() {
        let anything = [Answer::KillProcess, Answer::Allow];
        for odd in [
            filter(&[]),
            filter(&[(0x05, 0, 0, u32::MAX)]),
            filter(&[(0x60, 0, 0, 16)]),
            filter(&[(0x28, 0, 0, 0)]),
            filter(&[(0x20, 0, 0, 16), (0x16, 0, 0, 0)]),
        ] {
            assert_eq!(Vec::from_iter(odd.answers(X86_64, 0)), anything, "{odd:?}");
        }
    }

    /// Each argument doubles the ways, and each way has another sum.
    #[test]
    fn a_filter_that_is_made_to_keep_us_busy_does_not() {
        let mut program = vec![(0x00, 0, 0, 0), (0x02, 0, 0, 0)];
        for bit in 0..30 {
            program.extend([
                (0x20, 0, 0, 16),
                (0x45, 0, 3, 1 << bit),
                (0x60, 0, 0, 0),
                (0x04, 0, 0, 1 << bit),
                (0x02, 0, 0, 0),
            ]);
        }
        program.push((0x06, 0, 0, ALLOW));
        assert_eq!(filter(&program).answers(X86_64, 0).len(), 2);
    }

    proptest! {
        #[test]
        fn no_program_breaks_it(
            program in proptest::collection::vec((any::<u16>(), 0_u8..4, 0_u8..4, 0_u32..70), 0..40),
            known in proptest::collection::vec(
                proptest::sample::select(vec![0x00, 0x02, 0x04, 0x05, 0x06, 0x15, 0x16, 0x20, 0x25, 0x3c, 0x45, 0x60, 0x61, 0x6c]),
                0..40,
            ),
        ) {
            let codes = known.into_iter().map(Some).chain(std::iter::repeat(None));
            let program: Vec<_> =
                program.into_iter().zip(codes).map(|((code, jt, jf, k), known)| (known.unwrap_or(code), jt, jf, k)).collect();
            prop_assert!(!filter(&program).answers(X86_64, 1).is_empty());
        }
    }
}
