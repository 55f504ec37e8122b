//! The listener: from the socket to one call of the handler for each request.
//!
//! A tokio guard accepts and meters the connections, tiny_http parses and answers behind
//! it, because tiny_http 0.12 alone has no limits and can be stopped by one small request.
//! It listens on 127.0.0.1 and ::1 only; a tunnel brings the requests of the internet.
//! Deliberately absent: routes, verification and storage (the handler), restarting.

pub mod frame;
mod guard;
mod http;
mod limits;
mod port;
mod seats;
mod upstream;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use ts_rs::TS;

pub use http::Reply;
pub use limits::{LimitRow, Limits};

/// One complete request, as the handler gets it.
#[derive(Debug, Clone)]
pub struct RawRequest {
    /// As sent; any token, not only the known ones.
    pub method: String,
    /// Path and query; an absolute-form target is reduced to it.
    pub target: String,
    /// In the order sent. Headers that only concern the connection are left out, `Host`
    /// comes first, and `Content-Length` is that of `body`.
    pub headers: Vec<(String, String)>,
    /// The exact bytes; a chunked body is already put together.
    pub body: Vec<u8>,
    /// Who connected: the tunnel's program on this machine, not the sender behind it.
    pub peer: Option<IpAddr>,
    /// The body is larger than the limit (bytes, as declared or as far as seen); `body` is
    /// empty then, the answer should be 413, and the connection is closed after it.
    pub oversize: Option<u64>,
}

/// What the handler answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// ASCII, such as `application/json`.
    pub content_type: &'static str,
    /// Not sent with 204 and 304, nor to HEAD.
    pub body: String,
    /// Seconds, sent as `Retry-After`.
    pub retry_after_s: Option<u32>,
}

impl Answer {
    /// `{"ok":false,"message":…}` for a fixed sentence without quotes or backslashes.
    fn refusal(status: u16, sentence: &'static str) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: format!("{{\"ok\":false,\"message\":\"{sentence}\"}}"),
            retry_after_s: None,
        }
    }
}

/// Called on the listener's own few threads, so it must not wait: it keeps the [`Reply`] and gives the
/// answer when there is one. A panic in it is answered with 500.
pub type Handler = Arc<dyn Fn(RawRequest, Reply) + Send + Sync>;

/// A handler that has its answer at once.
pub fn at_once(answer: impl Fn(RawRequest) -> Answer + Send + Sync + 'static) -> Handler {
    Arc::new(move |request, reply: Reply| reply.send(answer(request)))
}

/// Why the listener did not start. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program listens there, on 127.0.0.1 or ::1.
    #[error(
        "Port {port} is already used by {}. Close that program, or choose another port in Settings or with `usher listen --port N`.",
        .holder.as_deref().unwrap_or("another program")
    )]
    PortTaken {
        /// The port asked for.
        port: u16,
        /// Such as `node (process 4711)`, where the system tells.
        holder: Option<String>,
    },
    /// Ports below 1024 are often reserved.
    #[error(
        "The system does not let Usher listen on port {port}. Choose a port above 1023 in Settings or with `usher listen --port N`."
    )]
    Denied {
        /// The port asked for.
        port: u16,
    },
    /// Anything else, such as too few files or threads.
    #[error(
        "Usher could not listen on port {port}: {source}. Try again, or choose another port in Settings or with `usher listen --port N`."
    )]
    Other {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether requests are being received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They are.
    Listening,
    /// Stopped on request.
    Stopped,
    /// Something inside ended that should not have; start a new listener.
    Failed,
}

impl State {
    /// `Listening` becomes `to`; the first end counts. True if it changed.
    fn leave(&mut self, to: Self) -> bool {
        let listening = *self == Self::Listening;
        if listening {
            *self = to;
        }
        listening
    }
}

/// What a running listener counts since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export, rename = "ListenerHealth")]
pub struct Health {
    /// Connections open now.
    pub connections: usize,
    /// At most so many.
    pub connection_limit: usize,
    /// Requests being worked on now.
    pub busy: usize,
    /// Requests answered.
    pub served: u64,
    /// Requests refused before they reached an endpoint, for their form or their size.
    pub refused: u64,
    /// Connections dropped because all places were taken.
    pub evicted: u64,
    /// Connections the system could not hand over.
    pub accept_errors: u64,
}

/// The limit on open files is raised to this at each start, or as far as the system allows.
const FILES: u64 = 4096;

/// A running listener. Dropping it ends it at once; [`Listener::stop`] ends it well.
pub struct Listener {
    port: u16,
    state: StoppedOnDrop,
    guard: Arc<guard::Guard>,
    accepting: JoinSet<()>,
    workers: http::Workers,
    served: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
}

impl Listener {
    /// Listens on 127.0.0.1 and, where the system has it, ::1. Port 0 picks one that is
    /// free on both; any other port is used as it is or not at all.
    ///
    /// # Errors
    /// The port is taken or not allowed, or the system lacks files, threads or memory.
    pub async fn start(
        port: u16,
        mut limits: Limits,
        handler: Handler,
    ) -> Result<Self, ListenError> {
        limits.fit(rlimit::increase_nofile_limit(FILES).unwrap_or(256));
        let (v4, v6) = bind(port).await?;
        let other = |source| ListenError::Other { port, source };
        let port = v4.local_addr().map_err(other)?.port();
        let state = Arc::new(watch::Sender::new(State::Listening));
        let served = Arc::new(AtomicU64::new(0));
        let workers = http::Workers::start(handler, Arc::clone(&served), Arc::clone(&state));
        let workers = workers.map_err(other)?;
        let door = Arc::clone(&workers.door);
        let pool = upstream::Pool::open(Arc::clone(&door), limits.upstream).await.map_err(other)?;
        let (stop, stopped) = watch::channel(false);
        let crowds = guard::Crowds::new(limits.upstream);
        let guard = Arc::new(guard::Guard {
            seats: seats::Seats::new(limits.connections, limits.held_bytes),
            limits,
            door,
            pool,
            refused: AtomicU64::new(0),
            accept_errors: AtomicU64::new(0),
            stop: stopped,
            crowds,
        });
        let mut accepting = JoinSet::new();
        let run = guard::run(Arc::clone(&guard), v4, v6);
        let end = FailedOnDrop(Arc::clone(&state));
        accepting.spawn(async move {
            let _end = end;
            run.await;
        });
        Ok(Self { port, state: StoppedOnDrop(state), guard, accepting, workers, served, stop })
    }

    /// The port in use, the one picked if 0 was asked for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes when the listener fails or is stopped.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.0.subscribe()
    }

    /// The limits in force, after the system's own are taken into account.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.guard.limits
    }

    /// Counters; costs a few atomic reads and one short lock.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            connections: self.guard.seats.len(),
            connection_limit: self.guard.seats.limit(),
            busy: self.guard.pool.busy(),
            served: self.served.load(Relaxed),
            refused: self.guard.refused.load(Relaxed),
            evicted: self.guard.seats.evicted(),
            accept_errors: self.guard.accept_errors.load(Relaxed),
        }
    }

    /// Stops accepting, lets running requests finish (up to `limits.drain`, 5 s), and ends
    /// the threads.
    pub async fn stop(mut self) {
        drop(self.state);
        self.stop.send_replace(true);
        while self.accepting.join_next().await.is_some() {}
        self.workers.stop(Duration::from_secs(1)).await;
    }
}

struct StoppedOnDrop(Arc<watch::Sender<State>>);

impl Drop for StoppedOnDrop {
    fn drop(&mut self) {
        self.0.send_if_modified(|state| state.leave(State::Stopped));
    }
}

struct FailedOnDrop(Arc<watch::Sender<State>>);

impl Drop for FailedOnDrop {
    fn drop(&mut self) {
        self.0.send_if_modified(|state| state.leave(State::Failed));
    }
}

async fn bind(port: u16) -> Result<(TcpListener, Option<TcpListener>), ListenError> {
    let mut tries = if port == 0 { 16 } else { 1 };
    loop {
        tries -= 1;
        let bound = bind_both(port);
        match bound {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) => return Err(explain(port, error).await),
            Ok(both) => return Ok(both),
        }
    }
}

fn bind_both(port: u16) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let v4 = listen((Ipv4Addr::LOCALHOST, port).into())?;
    match listen((Ipv6Addr::LOCALHOST, v4.local_addr()?.port()).into()) {
        Ok(v6) => Ok((v4, Some(v6))),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
        Err(error) => {
            tracing::info!(%error, "listening without IPv6");
            Ok((v4, None))
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

/// The program that listens on `port`, as `name (process id)`, where the system tells. Blocks for a
/// moment.
#[must_use]
pub fn holder(port: u16) -> Option<String> {
    port::holder(port)
}

async fn explain(port: u16, error: io::Error) -> ListenError {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let found = timeout(Duration::from_secs(2), spawn_blocking(move || port::holder(port)));
            ListenError::PortTaken { port, holder: found.await.ok().and_then(Result::ok).flatten() }
        }
        io::ErrorKind::PermissionDenied => ListenError::Denied { port },
        _ => ListenError::Other { port, source: error },
    }
}
