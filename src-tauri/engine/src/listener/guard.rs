//! Accepts the clients' connections and meters them: seats, heads, bodies, deadlines.
//! Every complete request goes to tiny_http rewritten into one plain form; everything
//! else is answered here with one JSON object and the connection closed.
//!
//! One request of a connection is worked on at a time, in order. A client is a stranger
//! until a message of it was accepted: in a crowd strangers give up their seats first, and
//! wait for each other from their second request on. Deliberately absent: parsing (frame),
//! routes and what an answer says (the handler).

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::frame::{self, Body, Chunks, Fed, HEAD_TOO_LARGE, Head, Refusal};
use super::http::{Door, SEAL_PREFIX};
use super::seats::{Place, Seats, Taken};
use super::upstream::{Outgoing, Pool};
use super::{Answer, Limits};

const READ: usize = 8 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const RETRY_AFTER_S: u32 = 2;
const TURNED_AWAY_AT_ONCE: usize = 32;
const LEAVING_AT_ONCE: u64 = 16;
/// Between a stranger's answer and the next turn, so that a crowd of them cannot take all of
/// the processor.
const BREATH: Duration = Duration::from_millis(1);
/// Discarding what refused clients go on sending: this many bytes at a time, then a pause
/// for each of them, so that all together cost the same as one.
const LINGER_PIECE: usize = 64 * 1024;
const LINGER_PAUSE: Duration = Duration::from_millis(1);

const SLOW_HEAD: Refusal =
    Refusal::new(408, "The request line and headers took too long to arrive.");
const SLOW_BODY: Refusal = Refusal::new(408, "The body took too long to arrive.");
const SHORT_BODY: Refusal = Refusal::new(400, "The body ended before it was complete.");
const FULL: Refusal = Refusal::new(503, "Usher is busy. Send this again in a few seconds.");

/// Headers between the client and the guard only; tiny_http must not act on them.
const HOP: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) struct Guard {
    pub(super) limits: Limits,
    pub(super) door: Arc<Door>,
    pub(super) seats: Arc<Seats>,
    pub(super) pool: Arc<Pool>,
    pub(super) refused: AtomicU64,
    pub(super) accept_errors: AtomicU64,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) crowds: Crowds,
}

/// Whose number is bounded beside the seats.
pub(super) struct Crowds {
    /// Clients without a seat that are told so.
    turned_away: Arc<Semaphore>,
    /// Strangers' requests that are worked on and are not the first of their connection.
    strangers: Semaphore,
    /// One reference more than there are clients being let down gently.
    lingering: Arc<()>,
}

impl Crowds {
    /// `upstream`: the requests worked on at once. Strangers that go on asking get an eighth.
    pub(super) fn new(upstream: usize) -> Self {
        Self {
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE)),
            strangers: Semaphore::new((upstream / 8).max(1)),
            lingering: Arc::new(()),
        }
    }
}

/// Why a connection ends before its request is complete.
enum End {
    Refused(Refusal),
    Gone,
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

struct Incoming {
    request: Outgoing,
    posts: bool,
    last: bool,
}

/// Accepts until told to stop, then lets running requests finish within `limits.drain`.
pub(super) async fn run(guard: Arc<Guard>, v4: TcpListener, v6: Option<TcpListener>) {
    let mut connections = JoinSet::new();
    let mut stop = guard.stop.clone();
    let mut failing = false;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&v4, v6.as_ref()) => match accepted {
                Ok((stream, peer)) => {
                    failing = false;
                    guard.admit(stream, peer.ip(), &mut connections).await;
                    while guard.seats.leaving() > LEAVING_AT_ONCE {
                        yield_now().await;
                    }
                }
                Err(error) => {
                    guard.accept_errors.fetch_add(1, Relaxed);
                    if !is_about_one_client(&error) {
                        if !failing {
                            tracing::warn!(%error, "connections cannot be accepted");
                        }
                        failing = true;
                        guard.seats.give_way();
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            },
        }
    }
    drop((v4, v6));
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(guard.limits.drain, finished).await;
    connections.shutdown().await;
    guard.pool.close();
}

async fn accept(v4: &TcpListener, v6: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match v6 {
        Some(v6) => tokio::select! {
            accepted = v4.accept() => accepted,
            accepted = v6.accept() => accepted,
        },
        None => v4.accept().await,
    }
}

fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

impl Guard {
    async fn admit(self: &Arc<Self>, mut stream: TcpStream, peer: IpAddr, to: &mut JoinSet<()>) {
        let guard = Arc::clone(self);
        let _ = stream.set_nodelay(true);
        let place = loop {
            match self.seats.take(Instant::now()) {
                Taken::Place(place) => break Some(place),
                Taken::Later(time) => sleep_until(time).await,
                Taken::Full => break None,
            }
        };
        if let Some(place) = place {
            to.spawn(async move {
                tokio::select! {
                    () = place.lost() => {}
                    () = guard.serve(&mut stream, peer, &place) => {}
                }
            });
        } else if let Ok(permit) = Arc::clone(&self.crowds.turned_away).try_acquire_owned() {
            to.spawn(async move {
                guard.refuse(&mut stream, FULL).await;
                drop(permit);
            });
        } else if let Ok(mut stream) = stream.into_std() {
            self.refused.fetch_add(1, Relaxed);
            let _ = stream.read(&mut [0; READ]);
            let _ = stream.write(&refusal_bytes(FULL));
        }
    }

    async fn serve(&self, stream: &mut TcpStream, peer: IpAddr, place: &Place) {
        let mut buffer = Vec::new();
        for count in 1..=self.limits.requests_per_connection {
            let incoming = match self.request(stream, &mut buffer, peer, place).await {
                Ok(incoming) => incoming,
                Err(End::Refused(refusal)) => return self.refuse(stream, refusal).await,
                Err(End::Gone) => return,
            };
            let turn = match self.turn(count > 1 && !place.is_proven()).await {
                Ok(turn) => turn,
                Err(refusal) => return self.refuse(stream, refusal).await,
            };
            if !place.work() {
                return;
            }
            let limits = &self.limits;
            let answer =
                self.pool.exchange(incoming.request, limits.queue_wait, limits.answer).await;
            place.release();
            let mut answer = match answer {
                Ok(answer) => answer,
                Err(refusal) => {
                    place.wait();
                    return self.refuse(stream, refusal).await;
                }
            };
            if incoming.posts && answer.starts_with(b"HTTP/1.1 2") {
                place.prove();
            }
            let last = incoming.last
                || count == self.limits.requests_per_connection
                || *self.stop.borrow();
            if last {
                say_close(&mut answer);
            }
            if !self.answer(stream, place, &answer, turn).await {
                return;
            }
            if last {
                return self.linger(stream).await;
            }
        }
    }

    /// A stranger that goes on asking waits for the others that do.
    async fn turn(&self, waits: bool) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
        if !waits {
            return Ok(None);
        }
        match timeout(self.limits.queue_wait, self.crowds.strangers.acquire()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            _ => Err(FULL),
        }
    }

    /// Reads the next request of a connection; `buffer` keeps what came after it.
    async fn request(
        &self,
        stream: &mut TcpStream,
        buffer: &mut Vec<u8>,
        peer: IpAddr,
        place: &Place,
    ) -> Result<Incoming, End> {
        if buffer.is_empty() {
            self.first_bytes(stream, buffer).await?;
        }
        let head_end = timeout(self.limits.head, self.head_end(stream, buffer));
        let head_end = head_end.await.map_err(|_| SLOW_HEAD)??;
        let head = frame::head(&buffer[..head_end], self.limits.head_fields)?;
        let framing = head.body;
        let wants_continue = head.wants_continue;
        let close = head.close;
        let posts = head.method == "POST";
        let bodyless = head.method == "HEAD";
        let rewritten = rewrite(&head);
        buffer.drain(..head_end);

        let mut body = Vec::new();
        let reading = async {
            if wants_continue && buffer.is_empty() && !self.is_too_large(framing) {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            match framing {
                Body::Length(length) => self.plain(stream, buffer, place, length, &mut body).await,
                Body::Chunked => self.chunked(stream, buffer, place, &mut body).await,
            }
        };
        let oversize = timeout(self.limits.body, reading).await.map_err(|_| SLOW_BODY)??;
        if oversize.is_some() {
            body = Vec::new();
        }
        let (line, fields) = rewritten;
        let note = self.door.note(peer, oversize);
        let head = format!("{line}{note}{fields}Content-Length: {}\r\n\r\n", body.len());
        let request = Outgoing { head: head.into_bytes(), body, bodyless };
        Ok(Incoming { request, posts, last: close || oversize.is_some() })
    }

    async fn first_bytes(&self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), End> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            read = timeout(self.limits.idle, read_more(stream, buffer)) => {
                read.map_err(|_| End::Gone)?
            }
            () = stopped(&mut stop) => Err(End::Gone),
        }
    }

    async fn head_end(&self, stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize, End> {
        let mut seen = 0;
        loop {
            let end = frame::head_end(buffer, seen)?;
            seen = buffer.len();
            match end {
                Some(end) if end <= self.limits.head_bytes => return Ok(end),
                None if seen <= self.limits.head_bytes => read_more(stream, buffer).await?,
                _ => return Err(HEAD_TOO_LARGE.into()),
            }
        }
    }

    fn is_too_large(&self, body: Body) -> bool {
        matches!(body, Body::Length(length) if length > self.limits.body_bytes)
    }

    async fn plain(
        &self,
        stream: &mut TcpStream,
        buffer: &mut Vec<u8>,
        place: &Place,
        length: u64,
        body: &mut Vec<u8>,
    ) -> Result<Option<u64>, End> {
        let Some(length) =
            usize::try_from(length).ok().filter(|_| length <= self.limits.body_bytes)
        else {
            return Ok(Some(length));
        };
        body.extend(buffer.drain(..length.min(buffer.len())));
        hold(place, body.len())?;
        while body.len() < length {
            let rest = length - body.len();
            body.reserve(rest.min(body.len().max(READ)));
            match (&mut *stream).take(rest as u64).read_buf(body).await? {
                0 => return Err(SHORT_BODY.into()),
                read => hold(place, read)?,
            }
        }
        Ok(None)
    }

    async fn chunked(
        &self,
        stream: &mut TcpStream,
        buffer: &mut Vec<u8>,
        place: &Place,
        body: &mut Vec<u8>,
    ) -> Result<Option<u64>, End> {
        let mut chunks = Chunks::new(self.limits.head_bytes);
        loop {
            let before = body.len();
            let (used, fed) = chunks.feed(buffer, self.limits.body_bytes, body)?;
            buffer.drain(..used);
            hold(place, body.len() - before)?;
            match fed {
                Fed::Done => return Ok(None),
                Fed::TooLarge(bytes) => return Ok(Some(bytes)),
                Fed::More => {
                    yield_now().await;
                    match read_more(stream, buffer).await {
                        Err(End::Gone) => return Err(SHORT_BODY.into()),
                        read => read?,
                    }
                }
            }
        }
    }

    async fn refuse(&self, stream: &mut TcpStream, refusal: Refusal) {
        self.refused.fetch_add(1, Relaxed);
        if self.send(stream, &refusal_bytes(refusal)).await {
            self.linger(stream).await;
        }
    }

    /// The system takes what it can of the answer before the connection counts as waiting:
    /// otherwise it could be the only one that waits, and lose its seat with its answer.
    async fn answer(
        &self,
        stream: &mut TcpStream,
        place: &Place,
        answer: &[u8],
        turn: Option<SemaphorePermit<'_>>,
    ) -> bool {
        let sent = stream.try_write(answer).unwrap_or(0);
        place.wait();
        if turn.is_some() {
            sleep(BREATH).await;
        }
        drop(turn);
        self.send(stream, &answer[sent..]).await
    }

    async fn send(&self, stream: &mut TcpStream, answer: &[u8]) -> bool {
        matches!(timeout(self.limits.write, stream.write_all(answer)).await, Ok(Ok(())))
    }

    /// Closes so that the client can still read the answer: ends our side, then discards
    /// what it goes on sending, a little and for a short while.
    async fn linger(&self, stream: &mut TcpStream) {
        let until = Instant::now() + self.limits.linger;
        let lingering = Arc::clone(&self.crowds.lingering);
        let _ = stream.shutdown().await;
        let mut sink = Vec::with_capacity(READ);
        let mut left = self.limits.linger_bytes;
        let mut piece = LINGER_PIECE;
        while let Ok(Ok(read @ 1..)) = timeout_at(until, stream.read_buf(&mut sink)).await {
            sink.clear();
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => return,
            }
            piece = piece.saturating_sub(read);
            if piece == 0 {
                let others = u32::try_from(Arc::strong_count(&lingering)).unwrap_or(u32::MAX);
                sleep(LINGER_PAUSE.saturating_mul(others)).await;
                piece = LINGER_PIECE;
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn read_more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), End> {
    buffer.reserve(READ);
    match stream.take(READ as u64).read_buf(buffer).await? {
        0 => Err(End::Gone),
        _ => Ok(()),
    }
}

fn hold(place: &Place, bytes: usize) -> Result<(), End> {
    if place.hold(bytes) { Ok(()) } else { Err(FULL.into()) }
}

/// The request line and the headers as tiny_http shall see them, without a length.
fn rewrite(head: &Head<'_>) -> (String, String) {
    let line = format!("{} {} HTTP/1.1\r\n", head.method, head.target);
    let mut fields = String::with_capacity(1024);
    let mut push = |name: &str, value: &str| {
        fields.extend([name, ": ", value, "\r\n"]);
    };
    let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
    let host = head.fields.iter().find(|field| is(field.0, "host")).map(|field| field.1);
    push("Host", head.authority.or(host).unwrap_or("localhost"));
    for (name, value) in &head.fields {
        let reserved = name.get(..SEAL_PREFIX.len()).is_some_and(|start| is(start, SEAL_PREFIX));
        if !reserved && !is(name, "host") && !HOP.iter().any(|hop| is(name, hop)) {
            push(name, value);
        }
    }
    (line, fields)
}

fn say_close(answer: &mut Vec<u8>) {
    if let Some(line_end) = answer.windows(2).position(|two| two == b"\r\n") {
        answer.splice(line_end + 2..line_end + 2, *b"Connection: close\r\n");
    }
}

fn refusal_bytes(refusal: Refusal) -> Vec<u8> {
    let Answer { status, content_type, body, .. } = Answer::refusal(refusal.status, refusal.why);
    let reason = tiny_http::StatusCode(status).default_reason_phrase();
    let retry = match status {
        503 => format!("Retry-After: {RETRY_AFTER_S}\r\n"),
        _ => String::new(),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: Usher\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n{retry}Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}
