//! The sender: raw keep-alive sockets on one thread, closed or open loop.
//!
//! In the open loop a message has a time at which it is due, whether the server keeps up or not, and
//! its latency counts from that time: a server that stalls pays for everything that had to wait. The
//! thread that says when is apart from the one that sends, since timers of the runtime are rounded to
//! a millisecond. Deliberately absent: sending again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use crate::proc::thread_cpu_us;
use crate::traffic::{Traffic, epoch_us};

const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(20);

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The next as soon as the one before is answered, for this long.
    Closed { connections: usize, lasts: Duration },
    /// The same, until so many were sent.
    Count { connections: usize, messages: u64 },
    /// So many a second, whatever happens.
    Open { connections: usize, per_second: u32, lasts: Duration },
}

/// What happened to one message.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Its number in the traffic.
    pub number: u64,
    /// From when it was due, or sent in the closed loop, to its answer.
    pub latency_us: u32,
    /// When the answer was there: microseconds since 1970.
    pub answered_us: u64,
    /// HTTP status; 0 without an answer.
    pub status: u16,
}

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// Seconds from first to last.
    pub seconds: f64,
    /// Every message, by connection.
    pub samples: Vec<Sample>,
    /// The sender's own processor time for a message, microseconds.
    pub own_us: f64,
}

impl Run {
    /// Messages answered 2xx.
    pub fn good(&self) -> usize {
        self.samples.iter().filter(|sample| (200..300).contains(&sample.status)).count()
    }

    /// Messages answered otherwise or not at all.
    pub fn bad(&self) -> usize {
        self.samples.len() - self.good()
    }
}

struct Sender {
    address: SocketAddr,
    traffic: Arc<Traffic>,
    begun: Instant,
    due: Option<Semaphore>,
    shape: Shape,
    first: u64,
}

/// Sends to `address` on a thread of its own and waits for the end.
pub fn send(address: SocketAddr, traffic: &Arc<Traffic>, shape: Shape) -> Run {
    let traffic = Arc::clone(traffic);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, run(address, traffic, shape))
    })
    .join()
    .expect("the sender ends well")
}

async fn run(address: SocketAddr, traffic: Arc<Traffic>, shape: Shape) -> Run {
    let (Shape::Closed { connections, .. }
    | Shape::Count { connections, .. }
    | Shape::Open { connections, .. }) = shape;
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(connect(address).await);
    }
    let cpu = thread_cpu_us();
    let begun = Instant::now();
    let due = matches!(shape, Shape::Open { .. }).then(|| Semaphore::new(0));
    let first = traffic.taken();
    let sender = Arc::new(Sender { address, traffic, begun, due, shape, first });
    let pacer = pace(&sender);
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::task::spawn_local(Arc::clone(&sender).work(stream)))
        .collect();
    let mut samples = Vec::new();
    for task in tasks {
        samples.extend(task.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    if let Some(pacer) = pacer {
        pacer.join().unwrap();
    }
    let own_us = (thread_cpu_us() - cpu) as f64 / samples.len().max(1) as f64;
    Run { seconds, samples, own_us }
}

fn pace(sender: &Arc<Sender>) -> Option<thread::JoinHandle<()>> {
    let Shape::Open { per_second, .. } = sender.shape else { return None };
    let sender = Arc::clone(sender);
    let total = sender.total();
    Some(thread::spawn(move || {
        let due = sender.due.as_ref().unwrap();
        for message in 0..total {
            let at = sender.begun + gap(per_second) * u32::try_from(message).unwrap();
            thread::sleep(at.saturating_duration_since(Instant::now()));
            due.add_permits(1);
        }
        due.add_permits(1024);
    }))
}

fn gap(per_second: u32) -> Duration {
    Duration::from_secs(1) / per_second
}

impl Sender {
    fn total(&self) -> u64 {
        match self.shape {
            Shape::Closed { .. } => u64::MAX,
            Shape::Count { messages, .. } => messages,
            Shape::Open { per_second, lasts, .. } => {
                (lasts.as_secs_f64() * f64::from(per_second)) as u64
            }
        }
    }

    /// The next message and the time its latency counts from.
    async fn next(&self) -> Option<(u64, Instant)> {
        if let Some(due) = &self.due {
            due.acquire().await.unwrap().forget();
        }
        if matches!(self.shape, Shape::Closed { lasts, .. } if self.begun.elapsed() >= lasts) {
            return None;
        }
        if self.traffic.taken() - self.first >= self.total() {
            return None;
        }
        let number = self.traffic.take();
        let since = match self.shape {
            Shape::Open { per_second, .. } => {
                self.begun + gap(per_second) * u32::try_from(number - self.first).unwrap()
            }
            _ => Instant::now(),
        };
        Some((number, since))
    }

    fn given_up(&self) -> bool {
        matches!(self.shape, Shape::Open { lasts, .. } if self.begun.elapsed() > lasts + GRACE)
    }

    async fn work(self: Arc<Self>, stream: TcpStream) -> Vec<Sample> {
        let mut stream = Some(stream);
        let (mut samples, mut request, mut answer) = (Vec::new(), Vec::new(), Vec::new());
        while let Some((number, since)) = self.next().await {
            let mut status = 0;
            if !self.given_up() {
                let mut open = match stream.take() {
                    Some(open) => open,
                    None => connect(self.address).await,
                };
                self.traffic.write(number, &mut request);
                let asked =
                    tokio::time::timeout(ANSWER_WITHIN, ask(&mut open, &request, &mut answer));
                if let Ok(Ok(reply)) = asked.await {
                    status = reply.status;
                    stream = reply.keeps.then_some(open);
                }
            }
            let latency_us = u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX);
            samples.push(Sample { number, latency_us, answered_us: epoch_us(), status });
        }
        samples
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("the server takes a connection");
    stream.set_nodelay(true).unwrap();
    stream
}

struct Reply {
    status: u16,
    keeps: bool,
}

async fn ask(
    stream: &mut TcpStream,
    request: &[u8],
    answer: &mut Vec<u8>,
) -> std::io::Result<Reply> {
    stream.write_all(request).await?;
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(reply) = whole(answer) {
            return Ok(reply);
        }
    }
}

/// The reply, once its head and the body of the length it names are there.
fn whole(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("a head is text");
    let status = head.split(' ').nth(1)?.parse().expect("a status is a number");
    let field = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    };
    let length: usize = field("content-length").expect("an answer has a length").parse().unwrap();
    let keeps = !field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    (answer.len() >= end + 4 + length).then_some(Reply { status, keeps })
}
