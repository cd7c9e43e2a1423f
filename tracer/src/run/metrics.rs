//! `--metrics`: the trace in numbers over HTTP, from a thread of its own.
//!
//! The thread that traces hands over a finished snapshot once a second and never waits for anybody who reads it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::{runtime, time};

use super::say;
use crate::batch::Source;
use crate::cli::MetricsArgs;
use crate::delivery::{self, Monitor};
use crate::metrics::{HEAD_MAX, Readings, Series, SinkReading, respond};
use crate::pipeline::Pipeline;

/// Served at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 8;
/// For a request and its answer. A scrape takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The loop that traces turns at least every 20 ms; it stands still if the output takes nothing.
const ALIVE: Duration = Duration::from_secs(5);
/// After a connection that could not be accepted, as with too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Ends its thread when dropped.
pub(super) struct Metrics {
    readings: watch::Sender<Arc<Readings>>,
    heart: Arc<Heart>,
    series: Option<Series>,
    _end: oneshot::Sender<()>,
}

/// When the loop that traces was last seen to turn.
struct Heart {
    start: Instant,
    /// ms after `start`.
    beat: AtomicU64,
}

impl Heart {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_alive(&self) -> bool {
        let since = self.now().saturating_sub(self.beat.load(Ordering::Relaxed));
        u128::from(since) < ALIVE.as_millis()
    }
}

impl Metrics {
    /// None: nobody asked for them.
    pub(super) fn new(args: &MetricsArgs) -> Result<Option<Self>> {
        args.metrics.map(|address| Self::at(address, args.metrics_containers)).transpose()
    }

    fn at(address: SocketAddr, containers: Option<u32>) -> Result<Self> {
        let named = || format!("cannot serve metrics at {address}");
        let listener = TcpListener::bind(address).with_context(named)?;
        listener.set_nonblocking(true).with_context(named)?;
        let address = listener.local_addr().with_context(named)?;
        let (readings, read) = watch::channel(Arc::default());
        let heart = Arc::new(Heart { start: Instant::now(), beat: AtomicU64::new(0) });
        let runtime = runtime::Builder::new_current_thread().enable_all().build().with_context(named)?;
        let (end, ended) = oneshot::channel::<()>();
        let seen = Arc::clone(&heart);
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        served = serve(listener, read, seen) => if let Err(error) = served {
                            log::warn!("metrics are no longer served at {address}: {error}");
                        },
                        _ = ended => {}
                    }
                });
            })
            .with_context(named)?;
        say(&format!("metrics at http://{address}/metrics"));
        let series = containers.map(|limit| Series::new(limit as usize));
        Ok(Self { readings, heart, series, _end: end })
    }

    /// The loop goes on.
    pub(super) fn beat(&self) {
        self.heart.beat.store(self.heart.now(), Ordering::Relaxed);
    }

    pub(super) fn publish<S: Source>(&mut self, pipeline: &Pipeline<S>, sinks: &Monitor) {
        let sinks = sinks.readings().into_iter().map(sink).collect();
        let readings = Readings { sinks, ..pipeline.readings(self.series.as_mut()) };
        self.readings.send_replace(Arc::new(readings));
    }
}

fn sink(reading: delivery::SinkReading) -> SinkReading {
    let delivery::SinkReading { name, outcome, queued_bytes, queue_limit: _, failing } = reading;
    SinkReading {
        name,
        delivered: outcome.delivered,
        dropped: vec![("queue", outcome.queue), ("sink", outcome.sink)],
        queue_bytes: queued_bytes as u64,
        up: failing.is_none(),
    }
}

async fn serve(
    listener: TcpListener,
    readings: watch::Receiver<Arc<Readings>>,
    heart: Arc<Heart>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::info!("a request for metrics was not taken: {error}");
                time::sleep(PAUSE).await;
                continue;
            }
        };
        let (readings, heart) = (readings.clone(), Arc::clone(&heart));
        tokio::spawn(async move {
            // Whoever is slow or has gone gets nothing more.
            let _ = time::timeout(PATIENCE, answer(stream, &readings, &heart)).await;
            drop(place);
        });
    }
}

async fn answer(
    mut stream: TcpStream,
    readings: &watch::Receiver<Arc<Readings>>,
    heart: &Heart,
) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1 << 10);
    while !ends(&head) && head.len() < HEAD_MAX {
        let left = (HEAD_MAX - head.len()) as u64;
        if (&mut stream).take(left).read_buf(&mut head).await? == 0 {
            break;
        }
    }
    if head.is_empty() {
        return Ok(());
    }
    let readings = Arc::clone(&readings.borrow());
    stream.write_all(&respond(&head, &readings, heart.is_alive())).await?;
    stream.shutdown().await
}

/// The empty line came.
fn ends(head: &[u8]) -> bool {
    head.windows(4).any(|bytes| bytes == b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;

    fn server() -> (SocketAddr, Arc<Heart>, oneshot::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let heart = Arc::new(Heart { start: Instant::now(), beat: AtomicU64::new(0) });
        let (end, ended) = oneshot::channel();
        let (seen, (sender, read)) = (Arc::clone(&heart), watch::channel(Arc::default()));
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! { served = serve(listener, read, seen) => served.unwrap(), _ = ended => {} }
            });
            drop(sender);
        });
        (address, heart, end)
    }

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_request_may_come_in_pieces() {
        let (address, _heart, _end) = server();
        let mut stream = TcpStream::connect(address).unwrap();
        for piece in [&b"GET /met"[..], b"rics HTTP/1.1\r", b"\nHost: x\r\n", b"\r\n"] {
            stream.write_all(piece).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK") && answer.contains("ctrace_events_seen_total 0\n"),
            "{answer}"
        );
    }

    #[test]
    fn who_says_nothing_keeps_nobody_out() {
        let (address, _heart, _end) = server();
        let idle: Vec<TcpStream> =
            (0..CONNECTIONS - 1).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert!(ask(address, b"GET /healthz HTTP/1.1\r\n\r\n").ends_with("ok\n"));
        // More than there are places wait until somebody's time is up.
        let more: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
        assert!(ask(address, b"GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200"));
        drop((idle, more));
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let (address, _heart, _end) = server();
        assert!(ask(address, &[b'x'; HEAD_MAX]).starts_with("HTTP/1.1 431"));
    }

    #[test]
    fn a_loop_that_stands_still_is_seen() {
        let heart = Heart { start: Instant::now().checked_sub(ALIVE * 2).unwrap(), beat: AtomicU64::new(0) };
        assert!(!heart.is_alive());
        heart.beat.store(heart.now(), Ordering::Relaxed);
        assert!(heart.is_alive());
    }
}
