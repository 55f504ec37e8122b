//! The kept connections from the guard to tiny_http behind it.
//!
//! They are opened one after another and each is used once before the next is opened:
//! tiny_http 0.12 can strand a connection that arrives while one of its threads wakes up.
//! A request that outlasts its deadline keeps its connection until it is answered, so
//! there are never more requests behind the guard than connections.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::frame::Refusal;
use super::http::Door;

#[cfg(not(unix))]
type Stream = tokio::net::TcpStream;
#[cfg(unix)]
type Stream = tokio::net::UnixStream;

const HELLO_DEADLINE: Duration = Duration::from_secs(5);
const BUSY: Refusal = Refusal::new(503, "Usher is busy. Send this again in a few seconds.");
const BROKEN: Refusal =
    Refusal::new(503, "Usher could not finish this. Send it again in a few seconds.");

/// A request as tiny_http shall see it.
pub(super) struct Outgoing {
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// The answer will have no body whatever its length says (HEAD).
    pub(super) bodyless: bool,
}

pub(super) struct Pool {
    door: Arc<Door>,
    free: Arc<Semaphore>,
    size: usize,
    links: Mutex<Vec<Link>>,
    opening: tokio::sync::Mutex<()>,
    late: Mutex<JoinSet<()>>,
}

struct Link {
    stream: Stream,
    broken: bool,
}

impl Pool {
    pub(super) async fn open(door: Arc<Door>, size: usize) -> io::Result<Arc<Self>> {
        let pool = Self {
            door,
            free: Arc::new(Semaphore::new(size)),
            size,
            links: Mutex::new(Vec::with_capacity(size)),
            opening: tokio::sync::Mutex::new(()),
            late: Mutex::default(),
        };
        for _ in 0..size {
            let link = pool.open_one().await?;
            locked(&pool.links).push(link);
        }
        Ok(Arc::new(pool))
    }

    /// How many requests are behind the guard.
    pub(super) fn busy(&self) -> usize {
        self.size.saturating_sub(self.free.available_permits())
    }

    /// Sends `request` and returns the whole answer as it came. Waits up to `queue` for a
    /// free connection and up to `answer` for the answer.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        request: Outgoing,
        queue: Duration,
        answer: Duration,
    ) -> Result<Vec<u8>, Refusal> {
        let permit = match timeout(queue, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            _ => return Err(BUSY),
        };
        let mut talk = Box::pin(Arc::clone(self).talk(request, permit));
        match timeout(answer, &mut talk).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a connection behind the guard broke");
                Err(BROKEN)
            }
            Err(_) => {
                let mut late = locked(&self.late);
                while late.try_join_next().is_some() {}
                late.spawn(async move { drop(talk.await) });
                Err(BUSY)
            }
        }
    }

    /// Ends the requests that outlasted their deadline and closes all idle connections.
    pub(super) fn close(&self) {
        locked(&self.late).abort_all();
        locked(&self.links).clear();
    }

    async fn talk(
        self: Arc<Self>,
        request: Outgoing,
        permit: OwnedSemaphorePermit,
    ) -> io::Result<Vec<u8>> {
        let kept = locked(&self.links).pop().filter(Link::is_open);
        let mut link = match kept {
            Some(link) => link,
            None => self.open_one().await?,
        };
        let answer = link.talk(request).await;
        if answer.is_ok() && !link.broken {
            locked(&self.links).push(link);
        }
        drop(permit);
        answer
    }

    async fn open_one(&self) -> io::Result<Link> {
        let _one_at_a_time = self.opening.lock().await;
        let open = async {
            #[cfg(unix)]
            let stream = Stream::connect(self.door.path()).await?;
            #[cfg(not(unix))]
            let stream = Stream::connect(self.door.address()).await?;
            #[cfg(not(unix))]
            stream.set_nodelay(true)?;
            let mut link = Link { stream, broken: false };
            let head = format!(
                "GET / HTTP/1.1\r\n{}Host: usher\r\nContent-Length: 0\r\n\r\n",
                self.door.hello()
            );
            link.talk(Outgoing { head: head.into_bytes(), body: Vec::new(), bodyless: false })
                .await?;
            Ok(link)
        };
        timeout(HELLO_DEADLINE, open).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

impl Link {
    async fn talk(&mut self, request: Outgoing) -> io::Result<Vec<u8>> {
        let Outgoing { mut head, body, bodyless } = request;
        if body.len() <= 64 * 1024 {
            head.extend_from_slice(&body);
            self.stream.write_all(&head).await?;
        } else {
            self.stream.write_all(&head).await?;
            self.stream.write_all(&body).await?;
        }
        drop((head, body));

        let mut answer = Vec::with_capacity(1024);
        let mut seen = 0;
        let head_end = loop {
            self.read_into(&mut answer).await?;
            if let Some(at) = answer[seen..].windows(4).position(|four| four == b"\r\n\r\n") {
                break seen + at + 4;
            }
            seen = answer.len().saturating_sub(3);
        };
        let (length, close) = answer_frame(&answer[..head_end]);
        self.broken = close;
        let end = head_end + if bodyless { 0 } else { length };
        while answer.len() < end {
            self.read_into(&mut answer).await?;
        }
        self.broken |= answer.len() > end;
        answer.truncate(end);
        Ok(answer)
    }

    async fn read_into(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        match self.stream.read_buf(buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// An idle connection has nothing to read; anything else means tiny_http closed it.
    fn is_open(&self) -> bool {
        let state = self.stream.try_read(&mut [0]);
        matches!(state, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

fn answer_frame(head: &[u8]) -> (usize, bool) {
    let text = str::from_utf8(head).unwrap_or_default();
    let mut frame = (0, false);
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Content-Length" => frame.0 = value.parse().unwrap_or(0),
            "Connection" => frame.1 = true,
            _ => {}
        }
    }
    frame
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
