//! One attempt: from a message and a target to what came back.
//!
//! The host's addresses are all judged (address.rs) and the connection goes to one of exactly those.
//! Nothing here knows the database. Deliberately absent: following redirects, which Svix would not do
//! either, and keeping connections open: a dev server that restarts would leave dead ones behind.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::address::{Address, judge};
use super::hint::Problem;
use crate::clock::Clock;

/// As long as Svix waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer's body that are kept.
const KEPT: usize = 64 * 1024;

/// Headers of one connection, which the next one does not inherit (RFC 9110, 7.6.1), what the request
/// makes by itself, and which codings the sender, or a tunnel, can read: answers are kept as they come.
const NOT_PASSED_ON: [&str; 13] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "host",
    "content-length",
    "accept-encoding",
];

/// A message ready to go.
#[derive(Debug)]
pub struct Outgoing {
    /// Where to.
    pub to: Address,
    /// Headers, see [`headers`].
    pub headers: HeaderMap,
    /// The exact body.
    pub body: Vec<u8>,
    /// An address outside this machine and its networks was allowed.
    pub allow_public: bool,
    /// The port of Usher's own listener.
    pub own_port: u16,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Answer {
    /// HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// The first 64 KiB.
    pub body: Vec<u8>,
    /// Why it does not count as received.
    pub problem: Option<Problem>,
}

/// True for a header that is between two machines only, or that Usher sets by itself.
pub fn is_not_passed_on(name: &str) -> bool {
    NOT_PASSED_ON.contains(&name) || name.starts_with("x-usher-")
}

/// True for a header that belongs to the signature.
pub fn is_of_the_signature(name: &str) -> bool {
    name.starts_with("svix-") || name.starts_with("webhook-")
}

/// The headers to send: those that came, `fresh` ones in place of the signature if there are any, and
/// the person's own last.
pub fn headers(
    came: &[(String, String)],
    fresh: Option<[(&'static str, String); 3]>,
    own: &[(String, String)],
) -> HeaderMap {
    let named: Vec<String> = came
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut headers = HeaderMap::new();
    let parts = |name: &str, value: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    };
    for (name, value) in came {
        let lower = name.to_ascii_lowercase();
        let replaced = fresh.is_some() && is_of_the_signature(&lower);
        if is_not_passed_on(&lower) || named.contains(&lower) || replaced {
            continue;
        }
        if let Some((name, value)) = parts(name, value) {
            headers.append(name, value);
        }
    }
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fresh = fresh.iter().flatten().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in fresh.chain(own) {
        if let Some((name, value)) = parts(name, value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Sends it once and waits for what comes back, 15 s at most.
pub async fn deliver(outgoing: Outgoing, clock: &dyn Clock) -> Answer {
    let mut answer = Answer::default();
    let to = outgoing.to.clone();
    let done = tokio::select! {
        biased;
        done = exchange(outgoing, &mut answer) => done,
        () = clock.pause(TIMEOUT) => Err(answer.status.map_or(Problem::Timeout, Problem::Endless)),
    };
    answer.problem = done.err().or_else(|| {
        let status = answer.status.filter(|status| !(200..300).contains(status))?;
        let location = answer.headers.iter().find(|(name, _)| name == LOCATION.as_str());
        let location = location.map(|(_, value)| absolute(value, &to));
        Some(Problem::Status(status, location))
    });
    answer
}

/// A `Location` as a whole address.
fn absolute(location: &str, to: &Address) -> String {
    if location.starts_with('/') && !location.starts_with("//") {
        format!("{}{location}", to.origin())
    } else {
        location.to_owned()
    }
}

async fn exchange(outgoing: Outgoing, answer: &mut Answer) -> Result<(), Problem> {
    let to = outgoing.to.clone();
    let addresses = resolve(&to).await?;
    for ip in &addresses {
        judge(*ip, outgoing.allow_public).map_err(|barred| Problem::Barred(*ip, barred))?;
    }
    let own = |ip: &IpAddr| {
        Address { host: ip.to_string(), ..to.clone() }.is_own_endpoint(outgoing.own_port)
    };
    if addresses.iter().any(own) {
        return Err(Problem::Loop);
    }
    let stream = connect(&addresses, to.port).await?;
    if !to.secure {
        return converse(stream, outgoing, answer).await;
    }
    let broken = |why: String| Problem::Tls(why);
    let config = tokio::task::spawn_blocking(|| TLS.clone())
        .await
        .map_err(|error| broken(error.to_string()))?
        .map_err(broken)?;
    let name =
        ServerName::try_from(to.host.clone()).map_err(|error| Problem::Tls(error.to_string()))?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    converse(stream.map_err(|error| Problem::Tls(error.to_string()))?, outgoing, answer).await
}

/// Made once, from the certificates that the system trusts.
static TLS: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err("this machine trusts no certificates at all".to_owned());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
});

/// Every IP address that the host stands for.
async fn resolve(to: &Address) -> Result<Vec<IpAddr>, Problem> {
    if let Some(ip) = to.ip() {
        return Ok(vec![ip]);
    }
    if to.is_localhost() {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let found = tokio::net::lookup_host((to.host.as_str(), to.port))
        .await
        .map_err(|error| Problem::NoSuchHost(error.to_string()))?;
    let found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if found.is_empty() {
        return Err(Problem::NoSuchHost("it has no address".to_owned()));
    }
    Ok(found)
}

/// A connection to the first of them that takes one.
async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Problem> {
    let mut problem = Problem::Refused;
    for ip in addresses {
        match TcpStream::connect((*ip, port)).await {
            Ok(stream) => {
                let _later_is_fine = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if ip.is_ipv6() && addresses.len() > 1 => {
                tracing::debug!("no way to {ip}: {error}");
            }
            Err(error) => problem = Problem::Broken(error.to_string()),
        }
    }
    Err(problem)
}

async fn converse<S>(stream: S, outgoing: Outgoing, answer: &mut Answer) -> Result<(), Problem>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| Problem::Broken(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let Outgoing { to, headers, body, .. } = outgoing;
    let host = HeaderValue::from_str(&to.authority());
    let mut request = Request::post(&to.path)
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Problem::Address(format!("The address cannot be used: {error}.")))?;
    *request.headers_mut() = headers;
    request.headers_mut().remove(CONTENT_LENGTH);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    if let Ok(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    let exchange = async {
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status().as_u16();
        answer.status = Some(status);
        answer.headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::Cut(status))?;
            let Some(data) = frame.data_ref() else { continue };
            let room = KEPT - answer.body.len();
            answer.body.extend_from_slice(&data[..data.len().min(room)]);
            if answer.body.len() == KEPT {
                break;
            }
        }
        Ok(())
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => done,
        _ended = &mut connection => exchange.await,
    }
}
