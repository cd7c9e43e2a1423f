use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::super::{Failure, Late, Progress, count};
use super::*;

/// A receiver that does as it is told, and then takes everything.
#[derive(Clone, Default)]
struct Fake(Arc<Inner>);

#[derive(Default)]
struct Inner {
    script: Mutex<VecDeque<Act>>,
    got: Mutex<Vec<u8>>,
    /// Takes nothing while this is set.
    stalled: AtomicBool,
    late_at_close: Mutex<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Takes all.
    Take,
    /// Takes that many and has to be called again.
    Some(u32),
    /// Loses one line and goes on.
    Lose,
    Unreachable,
    NoRoom,
    Refuse,
    Late,
    Close,
}

impl Fake {
    fn new(script: &[Act]) -> Self {
        let fake = Self::default();
        fake.0.script.lock().unwrap().extend(script);
        fake
    }

    fn got(&self) -> u32 {
        count(&self.0.got.lock().unwrap())
    }

    fn stall(&self, stalled: bool) {
        self.0.stalled.store(stalled, Ordering::SeqCst);
    }

    fn take(&self, lines: &[u8], most: u32) -> u32 {
        let some: Vec<_> = lines.split_inclusive(|byte| *byte == b'\n').take(most as usize).collect();
        self.0.got.lock().unwrap().extend(some.concat());
        u32::try_from(some.len()).unwrap()
    }
}

impl Receiver for Fake {
    fn deliver(&mut self, lines: &[u8]) -> Progress {
        if self.0.stalled.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(1));
            return Progress::none(Failure::Stalled);
        }
        let error = || io::Error::from(ErrorKind::Other);
        let act = self.0.script.lock().unwrap().pop_front().unwrap_or(Act::Take);
        let stop = match act {
            Act::Take => None,
            Act::Some(most) => {
                let done = self.take(lines, most);
                return Progress { done, stop: Some(Failure::Stalled), ..Progress::default() };
            }
            Act::Lose => {
                let done = self.take(lines.split_inclusive(|byte| *byte == b'\n').next().unwrap(), 1);
                self.0.got.lock().unwrap().clear();
                let missed = std::iter::once(0..1).collect();
                return Progress { done, missed, stop: Some(Failure::Stalled), ..Progress::default() };
            }
            Act::Unreachable => Some(Failure::Unreachable(error())),
            Act::NoRoom => Some(Failure::NoRoom(error())),
            Act::Refuse => Some(Failure::Refused(error())),
            Act::Late => return Progress { late: 1, stop: Some(Failure::Stalled), ..Progress::default() },
            Act::Close => Some(Failure::Closed),
        };
        match stop {
            None => {
                self.take(lines, u32::MAX);
                Progress::all()
            }
            Some(stop) => Progress::none(stop),
        }
    }

    fn close(&mut self) -> Late {
        Late { lost: *self.0.late_at_close.lock().unwrap(), error: None }
    }
}

const LEAST: usize = 128 << 10;

fn fanout(fakes: &[(&Fake, OnFull)], timeout: Duration, interrupted: &Arc<AtomicBool>) -> Fanout {
    let routes = fakes.iter().enumerate().map(|(at, (fake, on_full))| Route {
        name: format!("fake {at}"),
        format: 0,
        receiver: Box::new((*fake).clone()),
        limit: LEAST,
        on_full: *on_full,
    });
    let interrupted = Arc::clone(interrupted);
    let patience = Patience { interrupted: Box::new(move || interrupted.load(Ordering::SeqCst)), timeout };
    Fanout::start(routes.collect(), patience).unwrap()
}

fn send(fanout: &mut Fanout, events: u32) {
    fanout.send(events, &[Arc::new("line\n".repeat(events as usize).as_bytes().into())]);
}

fn large(fanout: &mut Fanout) {
    let line = "x".repeat(64 << 10) + "\n";
    fanout.send(1, &[Arc::new(line.as_bytes().into())]);
}

#[track_caller]
fn outcome(delivered: u64, queue: u64, sink: u64, unwanted: u64) -> Outcome {
    Outcome { delivered, queue, sink, unwanted }
}

#[test]
fn all_sinks_get_everything() {
    let (one, two) = (Fake::default(), Fake::default());
    let mut fanout =
        fanout(&[(&one, OnFull::Drop), (&two, OnFull::Block)], Duration::from_mins(1), &Arc::default());
    for _ in 0..100 {
        send(&mut fanout, 3);
    }
    fanout.flush();
    fanout.close();
    assert_eq!((one.got(), two.got()), (300, 300));
    assert_eq!(fanout.outcome(), outcome(300, 0, 0, 0));
    assert!(!fanout.is_wanted());
}

#[test]
fn a_stalled_sink_loses_what_its_queue_cannot_hold_and_no_other_does() {
    let (stalled, well) = (Fake::default(), Fake::default());
    stalled.stall(true);
    let mut fanout =
        fanout(&[(&stalled, OnFull::Drop), (&well, OnFull::Block)], Duration::from_mins(1), &Arc::default());
    for _ in 0..50 {
        large(&mut fanout);
        let reading = &fanout.readings()[0];
        assert!(reading.queued_bytes <= LEAST + (64 << 10) + 1024, "{reading:?}");
    }
    stalled.stall(false);
    fanout.flush();
    fanout.close();
    assert_eq!(well.got(), 50);
    let [first, second] = &fanout.readings()[..] else { panic!() };
    assert_eq!(second.outcome, outcome(50, 0, 0, 0));
    assert_eq!(first.outcome.delivered, u64::from(stalled.got()));
    assert_eq!(first.outcome.sum(), 50);
    assert!(first.outcome.queue >= 47, "{first:?}");
    assert_eq!(fanout.outcome(), first.outcome, "an event that one has not is not delivered");
}

#[test]
fn own_records_find_room_where_events_do_not() {
    let fake = Fake::default();
    fake.stall(true);
    let mut fanout = fanout(&[(&fake, OnFull::Drop)], Duration::from_mins(1), &Arc::default());
    for _ in 0..5 {
        large(&mut fanout);
    }
    fanout.send(0, &[Arc::new(b"lost\n"[..].into())]);
    fake.stall(false);
    fanout.flush();
    assert!(fake.0.got.lock().unwrap().ends_with(b"x\nlost\n"));
    assert_eq!(fanout.outcome().sum(), 5, "it is in no books");
}

#[test]
fn who_waits_loses_nothing_until_the_end_is_asked_for() {
    let fake = Fake::default();
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut fanout = fanout(&[(&fake, OnFull::Block)], Duration::ZERO, &interrupted);
    fake.stall(true);
    let (later, monitor) = (fake.clone(), fanout.monitor());
    let helper = thread::spawn(move || {
        while monitor.readings()[0].queued_bytes < LEAST - (64 << 10) {
            thread::yield_now();
        }
        later.stall(false);
    });
    for _ in 0..20 {
        large(&mut fanout);
    }
    helper.join().unwrap();
    assert_eq!(fanout.outcome().queue, 0);
    fake.stall(true);
    interrupted.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        large(&mut fanout);
    }
    fanout.flush();
    let last = fanout.outcome();
    assert_eq!(last.sum(), 40);
    assert!(last.queue >= 17 && last.delivered >= 18, "{last:?}");
}

#[test]
fn the_end_waits_no_longer_than_it_may() {
    let fake = Fake::default();
    fake.stall(true);
    let mut fanout = fanout(&[(&fake, OnFull::Drop)], Duration::from_millis(30), &Arc::default());
    send(&mut fanout, 7);
    fanout.flush();
    fanout.close();
    assert_eq!(fanout.outcome(), outcome(0, 7, 0, 0));
    let reading = &fanout.readings()[0];
    assert!(reading.failing.is_some() && reading.queued_bytes == 0, "{reading:?}");
}

#[test]
fn who_shall_not_lose_waits_at_the_end_until_that_is_asked_for() {
    let fake = Fake::default();
    fake.stall(true);
    let interrupted = Arc::new(AtomicBool::new(false));
    let mut fanout = fanout(&[(&fake, OnFull::Block)], Duration::ZERO, &interrupted);
    send(&mut fanout, 7);
    let monitor = fanout.monitor();
    let end = thread::spawn(move || {
        fanout.flush();
        fanout.close();
        fanout.outcome()
    });
    assert!(!end.is_finished() && monitor.readings()[0].queued_bytes > 0);
    interrupted.store(true, Ordering::SeqCst);
    assert_eq!(end.join().unwrap(), outcome(0, 7, 0, 0));
}

#[test]
fn a_closed_pipe_is_no_loss() {
    let (gone, other) = (Fake::new(&[Act::Take, Act::Close]), Fake::default());
    let mut fanout =
        fanout(&[(&gone, OnFull::Drop), (&other, OnFull::Drop)], Duration::from_mins(1), &Arc::default());
    for _ in 0..10 {
        send(&mut fanout, 1);
    }
    fanout.flush();
    assert!(fanout.is_wanted(), "the other one");
    assert_eq!(fanout.outcome(), outcome(10, 0, 0, 0));
    assert_eq!(fanout.readings()[0].outcome, outcome(1, 0, 0, 9));
    assert_eq!(fanout.readings()[0].failing, None);
}

#[test]
fn what_is_found_lost_at_the_end_is_booked() {
    let fake = Fake::default();
    *fake.0.late_at_close.lock().unwrap() = 2;
    let mut fanout = fanout(&[(&fake, OnFull::Drop)], Duration::from_mins(1), &Arc::default());
    send(&mut fanout, 5);
    fanout.flush();
    assert_eq!(fanout.outcome(), outcome(5, 0, 0, 0));
    fanout.close();
    assert_eq!(fanout.outcome(), outcome(3, 0, 2, 0));
    assert_eq!(fanout.readings()[0].outcome, fanout.outcome());
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Take),
        2 => (0..4_u32).prop_map(Act::Some),
        1 => Just(Act::Lose),
        1 => Just(Act::NoRoom),
        1 => Just(Act::Refuse),
        1 => Just(Act::Late),
        1 => Just(Act::Close),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever receivers do, each event has one fate at each sink and one altogether.
    #[test]
    fn the_books_balance(
        scripts in prop::collection::vec((prop::collection::vec(act(), 0..12), any::<bool>()), 1..4),
        chunks in prop::collection::vec(0..9_u32, 0..20),
        late in 0..3_u32,
    ) {
        let fakes: Vec<_> = scripts.iter().map(|(script, block)| {
            (Fake::new(script), if *block { OnFull::Block } else { OnFull::Drop })
        }).collect();
        *fakes[0].0.0.late_at_close.lock().unwrap() = late;
        let borrowed: Vec<_> = fakes.iter().map(|(fake, on_full)| (fake, *on_full)).collect();
        // A disk that stays full is waited for: not for long here.
        let mut fanout = fanout(&borrowed, Duration::from_millis(500), &Arc::default());
        for events in &chunks {
            send(&mut fanout, *events);
        }
        fanout.flush();
        fanout.close();
        let sent: u64 = chunks.iter().copied().map(u64::from).sum();
        prop_assert_eq!(fanout.outcome().sum(), sent);
        for reading in fanout.readings() {
            prop_assert_eq!(reading.outcome.sum(), sent, "{:?}", reading);
            prop_assert_eq!(reading.queued_bytes, 0);
        }
        let most = fanout.readings().iter().map(|reading| reading.outcome.queue + reading.outcome.sink).max();
        prop_assert!(fanout.outcome().queue + fanout.outcome().sink >= most.unwrap_or_default());
    }
}

#[test]
fn a_receiver_that_comes_back_gets_what_waited() {
    let fake = Fake::new(&[Act::Unreachable, Act::Unreachable, Act::Some(2), Act::Unreachable]);
    let mut fanout = fanout(&[(&fake, OnFull::Drop)], Duration::from_mins(1), &Arc::default());
    send(&mut fanout, 5);
    fanout.flush();
    assert_eq!((fake.got(), fanout.outcome()), (5, outcome(5, 0, 0, 0)));
    assert_eq!(fanout.readings()[0].failing, None);
}
