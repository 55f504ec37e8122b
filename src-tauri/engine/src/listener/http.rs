//! tiny_http behind the guard: a door only this process can use, and the threads that take
//! parsed requests from it, call the handler and write its answer.
//!
//! It only ever sees requests the guard has rewritten. Few threads read requests and none waits for
//! an answer: whoever has it gives it to the [`Reply`]. Deliberately absent: routes, limits.

use std::io::{self, Cursor};
use std::net::IpAddr;
#[cfg(not(unix))]
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tiny_http::{Header, Request, Response, Server, StatusCode};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{Answer, Handler, RawRequest, State};

/// Threads that read requests and call the handler, which verifies and hands on. More than processors,
/// so that a small message does not wait for the signatures of large ones.
const THREADS: usize = 16;
/// After an answer that says Usher could not finish.
const RETRY_AFTER_S: u32 = 5;

/// The first part of the internal header's name; what clients send under it is dropped.
pub(super) const SEAL_PREFIX: &str = "usher-guard-";

/// Where tiny_http listens: a socket in a private folder, or on systems without such
/// sockets a loopback port where every request must carry the secret header.
pub(super) struct Door {
    #[cfg(unix)]
    folder: PathBuf,
    #[cfg(not(unix))]
    address: SocketAddr,
    seal: String,
}

impl Door {
    #[cfg(unix)]
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("s")
    }

    #[cfg(not(unix))]
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The internal header line of a first, empty request that only shows a thread is there.
    pub(super) fn hello(&self) -> String {
        format!("{}: hello\r\n", self.seal)
    }

    /// The internal header line of a client's request.
    pub(super) fn note(&self, peer: IpAddr, oversize: Option<u64>) -> String {
        match oversize {
            Some(bytes) => format!("{}: {peer} {bytes}\r\n", self.seal),
            None => format!("{}: {peer}\r\n", self.seal),
        }
    }

    #[cfg(unix)]
    fn open() -> io::Result<(Self, Server)> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("usher-{:016x}", rand::random::<u64>());
        // A socket's path must fit 104 bytes (macOS).
        let parent = std::env::temp_dir();
        let parent = if parent.as_os_str().len() > 70 { Path::new("/tmp") } else { &parent };
        let folder = parent.join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let door = Self { folder, seal: seal() };
        let listener = std::os::unix::net::UnixListener::bind(door.path())?;
        Ok((door, Server::from_listener(listener, None).map_err(io::Error::other)?))
    }

    #[cfg(not(unix))]
    fn open() -> io::Result<(Self, Server)> {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let server = Server::from_listener(listener, None).map_err(io::Error::other)?;
        Ok((Self { address, seal: seal() }, server))
    }
}

#[cfg(unix)]
impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn seal() -> String {
    format!("{SEAL_PREFIX}{:032x}", rand::random::<u128>())
}

/// The threads that call the handler. Dropping it asks them to end; [`Workers::stop`] waits.
pub(super) struct Workers {
    pub(super) door: Arc<Door>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<()>,
}

struct Shared {
    server: Server,
    door: Arc<Door>,
    handler: Handler,
    stopping: AtomicBool,
    served: Arc<AtomicU64>,
    state: Arc<watch::Sender<State>>,
}

impl Workers {
    pub(super) fn start(
        handler: Handler,
        served: Arc<AtomicU64>,
        state: Arc<watch::Sender<State>>,
    ) -> io::Result<Self> {
        let (door, server) = Door::open()?;
        let door = Arc::new(door);
        let stopping = AtomicBool::new(false);
        let shared = Shared { server, door: Arc::clone(&door), handler, stopping, served, state };
        let (alive, ended) = mpsc::channel(1);
        let mut workers =
            Self { door, shared: Arc::new(shared), threads: Vec::with_capacity(THREADS), ended };
        for number in 1..=THREADS {
            let (shared, alive) = (Arc::clone(&workers.shared), alive.clone());
            let body = move || {
                shared.work();
                drop((shared, alive));
            };
            workers
                .threads
                .push(thread::Builder::new().name(format!("http-{number}")).spawn(body)?);
        }
        Ok(workers)
    }

    /// Waits up to `patience` for the threads to end; one that is stuck in the handler is
    /// left behind and ends when the handler returns.
    pub(super) async fn stop(mut self, patience: Duration) {
        self.release();
        if timeout(patience, self.ended.recv()).await.is_err() {
            tracing::warn!("a request was still being worked on when the listener stopped");
        }
        for thread in self.threads.drain(..).filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }

    fn release(&self) {
        self.shared.stopping.store(true, Relaxed);
        for _ in &self.threads {
            self.shared.server.unblock();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.release();
    }
}

impl Shared {
    fn work(&self) {
        loop {
            match self.server.recv() {
                Ok(request) => self.answer(request),
                Err(_) if self.stopping.load(Relaxed) => return,
                Err(error) => {
                    tracing::error!(%error, "tiny_http stopped taking connections");
                    self.state.send_if_modified(|state| state.leave(State::Failed));
                }
            }
        }
    }

    fn answer(&self, mut request: Request) {
        let Some((peer, oversize)) = self.read_note(&request) else {
            let hello = request.headers().first().is_some_and(|first| {
                first.field.as_str().as_str() == self.door.seal && first.value.as_str() == "hello"
            });
            let _ = request.respond(Response::empty(if hello { 204 } else { 403 }));
            return;
        };
        let mut body = Vec::with_capacity(request.body_length().unwrap_or(0));
        if request.as_reader().read_to_end(&mut body).is_err() {
            return;
        }
        let text = |header: &Header| (header.field.to_string(), header.value.to_string());
        let raw = RawRequest {
            method: request.method().to_string(),
            target: request.url().to_owned(),
            headers: request.headers().iter().skip(1).map(text).collect(),
            body,
            peer: Some(peer),
            oversize,
        };
        let reply = Reply { request: Some(request), served: Arc::clone(&self.served) };
        if catch_unwind(AssertUnwindSafe(|| (self.handler)(raw, reply))).is_err() {
            tracing::error!("a request handler panicked");
        }
    }

    fn read_note(&self, request: &Request) -> Option<(IpAddr, Option<u64>)> {
        let first = request.headers().first()?;
        if first.field.as_str().as_str() != self.door.seal {
            return None;
        }
        let mut parts = first.value.as_str().split(' ');
        Some((parts.next()?.parse().ok()?, parts.next().and_then(|bytes| bytes.parse().ok())))
    }
}

/// The way back of one request. Dropped without an answer, it says that Usher could not finish.
pub struct Reply {
    request: Option<Request>,
    served: Arc<AtomicU64>,
}

impl Reply {
    /// Sends the answer. Any thread may; it blocks only for a reader behind a full socket, and the
    /// guard always reads.
    pub fn send(mut self, answer: Answer) {
        self.respond(answer);
    }

    fn respond(&mut self, answer: Answer) {
        if let Some(request) = self.request.take() {
            self.served.fetch_add(1, Relaxed);
            let _ = request.respond(response(answer));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let (status, retry) =
            if thread::panicking() { (500, None) } else { (503, Some(RETRY_AFTER_S)) };
        let sentence = "Usher could not finish this. Send it again in a few seconds.";
        self.respond(Answer { retry_after_s: retry, ..Answer::refusal(status, sentence) });
    }
}

fn response(answer: Answer) -> Response<Cursor<Vec<u8>>> {
    let retry = answer.retry_after_s.map(|seconds| seconds.to_string());
    let headers = [
        Some(("Server", "Usher")),
        Some(("Content-Type", answer.content_type)),
        retry.as_deref().map(|seconds| ("Retry-After", seconds)),
    ];
    let headers = headers.into_iter().flatten();
    let headers =
        headers.filter_map(|(name, value)| Header::from_bytes(name, value).ok()).collect();
    let body = match answer.status {
        100..=199 | 204 | 304 => Vec::new(),
        _ => answer.body.into_bytes(),
    };
    let length = body.len();
    let body = Cursor::new(body);
    Response::new(StatusCode(answer.status), headers, body, Some(length), None)
        .with_chunked_threshold(usize::MAX)
}
