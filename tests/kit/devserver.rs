//! An app under development that messages are forwarded to: it keeps every request, and answers by
//! script.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method and path, such as `POST /api/webhooks`.
    pub line: String,
    /// Headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Say {
    /// This status, with these lines of the head and this body.
    Status(u16, &'static str, String),
    /// Nothing, while the connection stays open.
    Nothing,
    /// Nothing, and the connection ends.
    End,
    /// The beginning of an answer of this status, which never ends. It is sent before the request
    /// counts as received.
    Endless(u16),
    /// This status, and less of a body than was announced.
    Cut(u16),
}

/// An empty answer of this status.
pub fn status(status: u16) -> Say {
    Say::Status(status, "", String::new())
}

type Script = dyn Fn(&Request, usize) -> Say + Send + Sync;

/// The running app. It ends when it is dropped.
pub struct DevServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its certificate for `localhost`, which it signed itself, when it speaks TLS.
    pub certificate: Option<String>,
    received: watch::Receiver<Vec<Request>>,
    _tasks: JoinSet<()>,
}

impl DevServer {
    /// Answers every request as `script` says, which is given the request and how many came before.
    pub async fn start(script: impl Fn(&Request, usize) -> Say + Send + Sync + 'static) -> Self {
        Self::serving(None, script).await
    }

    /// The same over TLS.
    pub async fn start_tls(
        script: impl Fn(&Request, usize) -> Say + Send + Sync + 'static,
    ) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let certificate = Some(cert.pem());
        let server = Self::serving(Some(TlsAcceptor::from(Arc::new(config))), script).await;
        Self { certificate, ..server }
    }

    async fn serving(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Request, usize) -> Say + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = watch::channel(Vec::new());
        let (sender, script): (_, Arc<Script>) = (Arc::new(Mutex::new(sender)), Arc::new(script));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, script, tls) = (Arc::clone(&sender), Arc::clone(&script), tls.clone());
                open.spawn(async move {
                    match tls {
                        None => serve(stream, sender, script).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, sender, script).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, certificate: None, received, _tasks: tasks }
    }

    /// Its address with this path.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.port)
    }

    /// What came so far.
    pub fn so_far(&self) -> Vec<Request> {
        self.received.borrow().clone()
    }

    /// All requests, once there are this many.
    ///
    /// # Panics
    /// When they do not come within 20 seconds.
    pub async fn received(&self, count: usize) -> Vec<Request> {
        let mut received = self.received.clone();
        let enough = received.wait_for(|all| all.len() >= count);
        match tokio::time::timeout(PATIENCE, enough).await {
            Ok(all) => all.unwrap().clone(),
            Err(_) => panic!("{} of {count} requests came", self.so_far().len()),
        }
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    sender: Arc<Mutex<watch::Sender<Vec<Request>>>>,
    script: Arc<Script>,
) {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    let line = lines[0].trim_end_matches(" HTTP/1.1").to_owned();
    let request = Request { line, headers, body };
    let say = {
        let sender = sender.lock().unwrap();
        let before = sender.borrow().len();
        let say = script(&request, before);
        if !matches!(say, Say::Endless(_)) {
            sender.send_modify(|all| all.push(request.clone()));
        }
        say
    };
    match say {
        Say::Endless(status) => {
            let head = format!("HTTP/1.1 {status} x\r\n\r\n: open\n");
            let _gone = stream.write_all(head.as_bytes()).await;
            sender.lock().unwrap().send_modify(|all| all.push(request));
            let _ended = stream.read_to_end(&mut Vec::new()).await;
        }
        Say::End => {}
        Say::Cut(status) => {
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 1000\r\n\r\nabc");
            let _gone = stream.write_all(head.as_bytes()).await;
            let _gone = stream.shutdown().await;
        }
        Say::Nothing => {
            let _ended = stream.read_to_end(&mut Vec::new()).await;
        }
        Say::Status(status, head, body) => {
            let answer = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{head}\r\n{body}",
                body.len()
            );
            let _gone = stream.write_all(answer.as_bytes()).await;
            let _gone = stream.shutdown().await;
        }
    }
}
