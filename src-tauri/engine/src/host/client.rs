//! The way to the owner of a data folder: the same verbs over its loopback server.
//!
//! One connection per call: on loopback that costs less than keeping one alive safely. No time
//! limit on a call, since a rebuild may take minutes; a dead owner closes its sockets at once.

use std::pin::pin;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Address;
use crate::api::{ApiError, Code};

/// A caller of the owner's verbs.
pub struct Client {
    address: Address,
}

type Connection = http1::Connection<TokioIo<TcpStream>, Full<Bytes>>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Client {
    /// A caller of the owner at `address`. Nothing is connected yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    /// Process id of the owner.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.address.pid
    }

    /// Whether the owner answers and takes our token.
    ///
    /// # Errors
    /// What the owner or the connection says.
    pub async fn probe(&self) -> Result<(), ApiError> {
        self.call("app.status", &Value::Object(serde_json::Map::new())).await.map(drop)
    }

    /// Calls one verb with its arguments as JSON.
    ///
    /// # Errors
    /// What the verb says; `unavailable` when the owner does not answer.
    pub async fn call(&self, name: &str, args: &Value) -> Result<Value, ApiError> {
        let (status, body) =
            self.exchange(name, args).await.map_err(|error| self.silent(error.as_ref()))?;
        let reply = if status == StatusCode::OK {
            serde_json::from_slice(&body).map(Ok)
        } else {
            serde_json::from_slice(&body).map(Err)
        };
        reply.unwrap_or_else(|error| {
            let message = format!("The answer to {name} ({status}) makes no sense: {error}.");
            Err(ApiError { code: Code::Internal, message })
        })
    }

    /// Subscribes to what changes; whatever changes after this returned is announced.
    ///
    /// # Errors
    /// `unavailable` when the owner does not answer.
    pub async fn changes(&self) -> Result<Feed, ApiError> {
        let silent = |error: Failure| self.silent(error.as_ref());
        let (mut sender, connection) = self.connect().await.map_err(silent)?;
        let request = self.request(Method::GET, "/changes", Bytes::new()).map_err(silent)?;
        let mut connection = Some(connection);
        let response = alongside(&mut connection, sender.send_request(request))
            .await
            .map_err(|error| silent(error.into()))?;
        if response.status() != StatusCode::OK {
            return Err(self.silent(&io_error(response.status().as_str())));
        }
        let body = response.into_body();
        let mut feed = Feed { connection, _sender: sender, body, unread: Vec::new() };
        match feed.next().await {
            Some(_) => Ok(feed),
            None => Err(self.silent(&io_error("it hung up"))),
        }
    }

    async fn exchange(&self, name: &str, args: &Value) -> Result<(StatusCode, Bytes), Failure> {
        let (mut sender, connection) = self.connect().await?;
        let body = Bytes::from(serde_json::to_vec(args)?);
        let request = self.request(Method::POST, &format!("/call/{name}"), body)?;
        alongside(&mut Some(connection), async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok((status, body))
        })
        .await
    }

    async fn connect(&self) -> Result<(http1::SendRequest<Full<Bytes>>, Connection), Failure> {
        let stream = TcpStream::connect(("127.0.0.1", self.address.port)).await?;
        stream.set_nodelay(true)?;
        Ok(http1::handshake(TokioIo::new(stream)).await?)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        Ok(Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("127.0.0.1:{}", self.address.port))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.address.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?)
    }

    fn silent(&self, error: &(dyn std::error::Error + 'static)) -> ApiError {
        tracing::debug!(%error, pid = self.address.pid, "the owner does not answer");
        ApiError::unavailable(format!(
            "The Usher that has this data folder open (process {}) no longer answers. Try again.",
            self.address.pid
        ))
    }
}

/// Changes told by the owner.
pub struct Feed {
    connection: Option<Connection>,
    _sender: http1::SendRequest<Full<Bytes>>,
    body: Incoming,
    unread: Vec<u8>,
}

impl Feed {
    /// The topics that changed; `None` when the owner went away. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Vec<String>> {
        loop {
            while let Some(line) = self.line() {
                if let Some(topics) = line.strip_prefix(b"data:") {
                    return serde_json::from_slice(topics).ok();
                }
            }
            let frame = alongside(&mut self.connection, self.body.frame()).await?.ok()?;
            self.unread.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.unread.iter().position(|byte| *byte == b'\n')?;
        let rest = self.unread.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.unread, rest);
        line.truncate(end);
        Some(line)
    }
}

/// Drives the connection while `work` waits for what it brings. A connection that ended is dropped:
/// what it brought before can still be read.
async fn alongside<T>(connection: &mut Option<Connection>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Some(running) = connection {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = running => {}
        }
        *connection = None;
    }
    work.await
}

fn io_error(what: &str) -> std::io::Error {
    std::io::Error::other(what.to_owned())
}
