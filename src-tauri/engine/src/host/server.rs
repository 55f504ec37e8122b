//! The owner's loopback server: every verb, what changes, and the screens for a browser.
//!
//! `POST /call/{verb}` takes the arguments as JSON and answers the reply or `{code, message}`;
//! `GET /changes` is a stream of server-sent events, each a list of topics, the first one empty and
//! at once; anything else is a file of the screens, when there is a folder of them. Other people on
//! this machine and pages in a browser are kept out: it binds 127.0.0.1 only, calls need the token
//! of `host.json`, the `Host` must be a loopback name (a page may have its own name resolve to
//! 127.0.0.1), and an `Origin` must be this server's own. Deliberately absent: CORS, cookies, TLS.

mod screens;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::body::Frame;
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Sleep;

use super::Address;
use crate::api::{self, ApiError, Code};
use crate::{Engine, change};

/// Content Security Policy of the screens, the same in the window and in a browser.
pub const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
    frame-ancestors 'none'";

const LARGEST_BODY: usize = 16 * 1024 * 1024;
const HEARTBEAT: Duration = Duration::from_secs(15);
const FAREWELL: Duration = Duration::from_secs(5);

/// A running loopback server.
pub struct Server {
    address: Address,
    folder: PathBuf,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Door {
    engine: Engine,
    token: String,
    ui: Option<PathBuf>,
    stop: watch::Receiver<bool>,
}

impl Server {
    /// Opens the server on a free port and writes `host.json` into the engine's data folder.
    ///
    /// # Errors
    /// When no socket can be opened or the file cannot be written.
    pub async fn start(engine: &Engine, ui: Option<PathBuf>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let token = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let (stop, stopped) = watch::channel(false);
        let ui = match ui {
            Some(folder) => Some(tokio::fs::canonicalize(folder).await?),
            None => None,
        };
        let door = Door { engine: engine.clone(), token: token.clone(), ui, stop: stopped.clone() };
        let address = Address {
            port,
            token,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let folder = engine.data_dir().to_owned();
        address.write(&folder)?;
        let kept = keep_announced(engine.clone(), address.clone(), stopped.clone());
        let serving = serve(listener, Arc::new(door), stopped);
        let task = spawn(async move {
            tokio::join!(serving, kept);
        });
        Ok(Self { address, folder, stop, task })
    }

    /// Where it listens, such as `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, self.address.port)))
    }

    /// What a caller must know.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The screens' address for a browser; the token is in the fragment, which is never sent.
    #[must_use]
    pub fn console(&self) -> String {
        format!("{}/#token={}", self.url(), self.address.token)
    }

    /// Takes `host.json` away, ends subscriptions, and waits up to five seconds for calls under way.
    pub async fn stop(mut self) {
        Address::forget(&self.folder);
        self.stop.send_replace(true);
        if tokio::time::timeout(FAREWELL, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "`Server::stop` ends it and waits for it")]
fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

async fn serve(listener: TcpListener, door: Arc<Door>, mut stop: watch::Receiver<bool>) {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let stopped = async move {
        let _ = stop.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, routes(door)).with_graceful_shutdown(stopped).await {
        tracing::error!(%error, "the local server ended");
    }
}

/// Writes `host.json` again after the data folder was taken away and another one came.
async fn keep_announced(engine: Engine, address: Address, mut stop: watch::Receiver<bool>) {
    let mut changes = engine.changes();
    let folder = engine.data_dir().to_owned();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => return,
            topics = changes.next() => match topics {
                None => return,
                Some(topics) if topics.iter().any(|topic| topic == "app") => {
                    if engine.takes_writes()
                        && !Address::file(&folder).exists()
                        && let Err(error) = address.write(&folder)
                    {
                        tracing::warn!("host.json could not be written: {error}");
                    }
                }
                Some(_) => {}
            },
        }
    }
}

fn routes(door: Arc<Door>) -> Router {
    Router::new()
        .route("/call/{verb}", post(call))
        .route("/changes", get(changes))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&door), known))
        .fallback(screen)
        .layer(middleware::from_fn(local))
        .with_state(door)
}

async fn local(request: Request, next: Next) -> Response {
    let mut response = match foreign(request.headers()) {
        None => next.run(request).await,
        Some(message) => refuse(StatusCode::FORBIDDEN, ApiError::invalid(message)),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Why a request with these headers cannot be from this machine's own programs.
fn foreign(headers: &HeaderMap) -> Option<&'static str> {
    let one = |name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let Some(host) = one(header::HOST).filter(|host| is_loopback(host)) else {
        return Some("This server answers to 127.0.0.1 and localhost only.");
    };
    if headers.contains_key(header::ORIGIN)
        && one(header::ORIGIN).and_then(|origin| origin.strip_prefix("http://")) != Some(host)
    {
        return Some("Another page may not use this server.");
    }
    None
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    let number = name.trim_start_matches('[').trim_end_matches(']');
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost")
            || number.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
}

async fn known(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
        .map(|(_, token)| token);
    if shown.is_some_and(|token| bool::from(token.ct_eq(door.token.as_bytes()))) {
        return next.run(request).await;
    }
    let message = "This call needs the token of host.json in the data folder.";
    refuse(StatusCode::UNAUTHORIZED, ApiError::invalid(message))
}

async fn call(State(door): State<Arc<Door>>, Path(verb): Path<String>, body: Body) -> Response {
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        let message = "The arguments did not arrive whole, or are larger than 16 MiB.";
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, ApiError::invalid(message));
    };
    let args = if body.is_empty() {
        Ok(Value::Object(serde_json::Map::new()))
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| ApiError::invalid(format!("The arguments are not JSON: {error}.")))
    };
    let reply = match args {
        Ok(args) => api::call(&door.engine, &verb, args).await,
        Err(error) => Err(error),
    };
    match reply {
        Ok(reply) => json(StatusCode::OK, reply.to_string()),
        Err(error) => refuse(status(error.code), error),
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Invalid => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refuse(status: StatusCode, error: ApiError) -> Response {
    let ApiError { code, message } = error;
    json(status, serde_json::json!({ "code": code, "message": message }).to_string())
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn changes(State(door): State<Arc<Door>>) -> Response {
    let feed = Feed {
        first: true,
        turn: Some(turn(door.engine.changes(), door.stop.clone())),
        beat: Box::pin(tokio::time::sleep(HEARTBEAT)),
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(feed)).into_response()
}

async fn screen(State(door): State<Arc<Door>>, request: Request) -> Response {
    let path = Uri::path(request.uri());
    match &door.ui {
        Some(folder) => screens::answer(folder, request.method(), path).await,
        None => refuse(
            StatusCode::NOT_FOUND,
            ApiError::not_found("There are no screens here. Start `usher listen` with --ui-dir."),
        ),
    }
}

type Turn = Pin<Box<dyn Future<Output = Option<(Vec<String>, Source)>> + Send>>;
type Source = (change::Subscription, watch::Receiver<bool>);

/// The endless body of `/changes`.
struct Feed {
    first: bool,
    turn: Option<Turn>,
    beat: Pin<Box<Sleep>>,
}

fn turn(mut subscription: change::Subscription, mut stop: watch::Receiver<bool>) -> Turn {
    Box::pin(async move {
        let topics = tokio::select! {
            topics = subscription.next() => topics?,
            _ = stop.wait_for(|stopped| *stopped) => return None,
        };
        Some((topics, (subscription, stop)))
    })
}

impl Feed {
    fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        if std::mem::take(&mut self.first) {
            return Poll::Ready(Some("data: []\n\n".to_owned()));
        }
        let Some(waiting) = &mut self.turn else { return Poll::Ready(None) };
        if let Poll::Ready(done) = waiting.as_mut().poll(cx) {
            self.turn = None;
            let line = done.map(|(topics, (subscription, stop))| {
                self.turn = Some(turn(subscription, stop));
                format!("data: {}\n\n", serde_json::json!(topics))
            });
            return Poll::Ready(line);
        }
        if self.beat.as_mut().poll(cx).is_ready() {
            self.beat = Box::pin(tokio::time::sleep(HEARTBEAT));
            return Poll::Ready(Some(":\n\n".to_owned()));
        }
        Poll::Pending
    }
}

impl hyper::body::Body for Feed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_line(cx).map(|line| line.map(|line| Ok(Frame::data(Bytes::from(line)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_the_own_origin_pass() {
        for (host, origin, passes) in [
            (Some("127.0.0.1:80"), None, true),
            (Some("localhost:80"), None, true),
            (Some("LOCALHOST"), None, true),
            (Some("[::1]:80"), None, true),
            (Some("127.0.0.1:80"), Some("http://127.0.0.1:80"), true),
            (Some("127.0.0.1:80"), Some("http://127.0.0.1:81"), false),
            (Some("127.0.0.1:80"), Some("http://localhost:80"), false),
            (Some("127.0.0.1:80"), Some("https://127.0.0.1:80"), false),
            (Some("127.0.0.1:80"), Some("null"), false),
            (Some("evil.example:80"), None, false),
            (Some("evil.example:80"), Some("http://evil.example:80"), false),
            (Some("127.0.0.1.evil.example"), None, false),
            (Some("localhost.evil.example"), None, false),
            (Some("127.0.0.1@evil.example"), None, false),
            (Some("192.168.1.7:80"), None, false),
            (Some(""), None, false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(foreign(&headers).is_none(), passes, "{host:?} {origin:?}");
        }
    }

    #[test]
    fn two_hosts_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, HeaderValue::from_static("127.0.0.1"));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert!(foreign(&headers).is_some());
    }
}
