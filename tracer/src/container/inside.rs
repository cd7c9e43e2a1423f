//! State files inside containers. They are read by a thread of their own: a container may have a file system
//! there that never answers (FUSE), and then that thread waits, and not the trace.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::files::Files;
use super::state::{self, Root};

/// How long an answer is waited for where one can ask again. It takes well under a millisecond.
pub const PATIENCE: Duration = Duration::from_millis(5);

/// After that long a thread is taken for lost, and nothing more is asked about that container.
const LOST: Duration = Duration::from_secs(1);

/// Threads that may be lost: who loses more has containers that want it so, and gets no names inside them.
const THREADS_MAX: usize = 8;

/// Late answers kept until they are asked for again.
const LATE_MAX: usize = 1024;

/// Containers whose files are held, so that they are read once. Held longer, a container's file system could not
/// be unmounted.
const HELD_MAX: usize = 64;
const HELD: Duration = Duration::from_secs(10);

/// What is to be read from the state files that a process sees.
pub struct Question<A> {
    /// Through whose root they are seen.
    pub pid: u32,
    /// Tells questions apart.
    pub about: u64,
    pub read: Read<A>,
}

pub type Read<A> = Box<dyn FnOnce(&mut Files) -> Option<A> + Send>;

pub enum Answer<A> {
    Known(Option<A>),
    /// Ask again.
    Later,
}

/// Asks one question after the other.
pub struct Inside<A> {
    proc: PathBuf,
    /// See [`Files::new`].
    mounts: Vec<PathBuf>,
    reader: Option<Reader<A>>,
    /// Processes whose files never came.
    refused: BTreeSet<u32>,
}

struct Reader<A> {
    questions: Sender<Question<A>>,
    answers: Receiver<Option<A>>,
    /// What it is reading, and since when.
    busy: Option<(u32, u64, Instant)>,
    /// Answers that came late, by question.
    late: HashMap<(u32, u64), Option<A>>,
}

impl<A: Send + 'static> Inside<A> {
    pub fn new(proc: PathBuf, mounts: Vec<PathBuf>) -> Self {
        Self { proc, mounts, reader: None, refused: BTreeSet::new() }
    }

    /// Waits no longer than `patience`.
    pub fn ask(&mut self, question: Question<A>, patience: Duration) -> Answer<A> {
        if self.refused.contains(&question.pid) || self.refused.len() >= THREADS_MAX {
            return Answer::Known(None);
        }
        let (proc, mounts) = (&self.proc, &self.mounts);
        let reader = self.reader.get_or_insert_with(|| Reader::start(proc.clone(), mounts.clone()));
        if let Some((pid, about, since)) = reader.busy {
            if let Ok(answer) = reader.answers.try_recv() {
                reader.busy = None;
                if reader.late.len() >= LATE_MAX {
                    reader.late.clear();
                }
                reader.late.insert((pid, about), answer);
            } else {
                if since.elapsed() > LOST {
                    log::warn!(
                        "the file system of process {pid} does not answer: containers in there stay unnamed"
                    );
                    self.refused.insert(pid);
                    self.reader = None;
                }
                return Answer::Later;
            }
        }
        let (pid, about) = (question.pid, question.about);
        if let Some(answer) = reader.late.remove(&(pid, about)) {
            return Answer::Known(answer);
        }
        if reader.questions.send(question).is_err() {
            self.reader = None;
            return Answer::Later;
        }
        match reader.answers.recv_timeout(patience) {
            Ok(answer) => Answer::Known(answer),
            Err(RecvTimeoutError::Timeout) => {
                reader.busy = Some((pid, about, Instant::now()));
                Answer::Later
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.reader = None;
                Answer::Later
            }
        }
    }
}

impl<A: Send + 'static> Reader<A> {
    fn start(proc: PathBuf, mounts: Vec<PathBuf>) -> Self {
        let (questions, to_answer) = channel::<Question<A>>();
        let (answer, answers) = channel();
        thread::spawn(move || {
            let mut held: HashMap<u32, Files> = HashMap::new();
            loop {
                let Question { pid, about: _, read } = match to_answer.recv_timeout(HELD) {
                    Ok(question) => question,
                    Err(RecvTimeoutError::Timeout) => {
                        held.clear();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                held.retain(|pid, _| proc.join(pid.to_string()).exists());
                if held.len() >= HELD_MAX {
                    held.clear();
                }
                let found = files(&mut held, &proc, pid, &mounts).and_then(|files| {
                    files.refresh(&BTreeSet::new());
                    read(files)
                });
                if answer.send(found).is_err() {
                    break;
                }
            }
        });
        Self { questions, answers, busy: None, late: HashMap::new() }
    }
}

fn files<'a>(
    held: &'a mut HashMap<u32, Files>,
    proc: &Path,
    pid: u32,
    mounts: &[PathBuf],
) -> Option<&'a mut Files> {
    Some(match held.entry(pid) {
        Entry::Occupied(held) => held.into_mut(),
        Entry::Vacant(place) => {
            let root = state::optional(Root::new(&proc.join(pid.to_string()).join("root")))?;
            place.insert(Files::new(root, mounts.to_vec()))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::super::testing::put;
    use super::*;

    fn inside(pids: &[u32]) -> (tempfile::TempDir, Inside<u32>) {
        let proc = tempfile::tempdir().unwrap();
        for pid in pids {
            put(proc.path(), &format!("{pid}/root/run/crun/in/status"), r#"{"pid":7}"#);
        }
        let inside = Inside::new(proc.path().to_owned(), Vec::new());
        (proc, inside)
    }

    fn pid_of_in(pid: u32) -> Question<u32> {
        Question { pid, about: 0, read: Box::new(|files| files.by_id("in").next()?.pid) }
    }

    /// Until there is an answer.
    fn answer(inside: &mut Inside<u32>, ask: impl Fn() -> Question<u32>) -> Option<u32> {
        loop {
            if let Answer::Known(found) = inside.ask(ask(), PATIENCE) {
                return found;
            }
        }
    }

    #[test]
    fn what_a_process_sees_is_read() {
        let (proc, mut inside) = inside(&[10]);
        assert_eq!(answer(&mut inside, || pid_of_in(10)), Some(7));
        assert_eq!(answer(&mut inside, || pid_of_in(11)), None);
        put(proc.path(), "10/root/run/crun/in/status", r#"{"pid":88}"#);
        assert_eq!(answer(&mut inside, || pid_of_in(10)), Some(88));
    }

    #[test]
    fn one_that_never_answers_costs_its_own_names_alone() {
        let (_proc, mut inside) = inside(&[10, 20]);
        let (release, wait) = sync_channel::<()>(0);
        let stuck = Box::new(move |_: &mut Files| wait.recv().ok().and(None));
        assert!(matches!(inside.ask(Question { pid: 10, about: 0, read: stuck }, PATIENCE), Answer::Later));
        let start = Instant::now();
        assert_eq!(answer(&mut inside, || pid_of_in(20)), Some(7));
        assert!(start.elapsed() > LOST / 2, "the first reader was given up");
        assert!(matches!(inside.ask(pid_of_in(10), PATIENCE), Answer::Known(None)));
        assert_eq!(answer(&mut inside, || pid_of_in(20)), Some(7));
        drop(release);
    }
}
