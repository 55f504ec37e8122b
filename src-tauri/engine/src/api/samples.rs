//! Test events: samples of what Clerk sends, signed like the real thing and sent through the real
//! listener; stories of several; and those that a person saved.

mod fixtures;
mod scenarios;

use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rand::RngExt as _;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::Engine;
use crate::api::app::{ListenerState, Nothing};
use crate::api::messages::{
    Flaw, Header, MakeSample, SampleBody, SampleRow, SendTest, SentTest, SignedTest,
};
use crate::api::{ApiError, endpoints};
use crate::clerk::samples;
use crate::receive::{ORIGIN_HEADER, TEST_HEADER};
use crate::signing::SigningSecret;

pub use fixtures::{FixtureFolder, ForgetFixture, Imported, SaveFixture};
pub(super) use fixtures::{export, forget, import, save};
pub use scenarios::{Pace, PlayScenario, Played, ScenarioRow};
pub(super) use scenarios::{play, scenarios};

/// Bytes of an answer that are read.
const ANSWER: usize = 64 * 1024;
/// How far off the time of a message with that flaw is, seconds; Svix allows 300.
const OFF_S: i64 = 600;
/// A secret that no endpoint has.
const NOBODYS: &str = "whsec_VXNoZXIgc2lnbnMgdGhpcyB3cm9uZ2x5IQ==";

pub(super) async fn catalogue(engine: &Engine, _: Nothing) -> Result<Vec<SampleRow>, ApiError> {
    let rows = samples::catalogue().into_iter().map(|sample| SampleRow {
        name: sample.name.to_owned(),
        kind: sample.kind.to_owned(),
        title: sample.title.to_owned(),
        tests: sample.what_it_tests.to_owned(),
        group: sample.group,
        flaw: sample.flaw,
    });
    Ok(rows.chain(fixtures::rows(engine).await?).collect())
}

pub(super) async fn make(engine: &Engine, of: MakeSample) -> Result<SampleBody, ApiError> {
    let person = of.person.unwrap_or_else(|| rand::rng().random());
    let unknown = || ApiError::invalid(format!("Usher has no sample called {}.", of.kind));
    if let Some(name) = of.kind.strip_prefix(fixtures::PREFIX) {
        let body = fixtures::body(engine, name).await?.ok_or_else(unknown)?;
        return Ok(SampleBody { body, person, flaw: None });
    }
    let known = samples::catalogue().into_iter().find(|sample| sample.name == of.kind);
    let body = samples::sample(&of.kind, engine.now(), u64::from(person)).ok_or_else(unknown)?;
    Ok(SampleBody { body: pretty(&body)?, person, flaw: known.and_then(|sample| sample.flaw) })
}

/// JSON text for people.
fn pretty(body: &Value) -> Result<String, ApiError> {
    serde_json::to_string_pretty(body).map_err(|error| ApiError::unavailable(error.to_string()))
}

pub(super) async fn sign(engine: &Engine, test: SendTest) -> Result<SignedTest, ApiError> {
    sign_with(engine, test, 0).await
}

/// Signs with one of the secrets of the endpoint, counted from 0.
async fn sign_with(engine: &Engine, test: SendTest, secret: usize) -> Result<SignedTest, ApiError> {
    let live = engine.directory().by_id(test.endpoint_id).ok_or_else(endpoints::unknown)?;
    let (_, secret) = live.secrets.get(secret).ok_or_else(|| {
        ApiError::invalid(format!(
            "{} has no signing secret yet, so nothing can be signed with it. Add one first.",
            live.name
        ))
    })?;
    let svix_id = test.svix_id.unwrap_or_else(fresh_id);
    if svix_id.is_empty() || !svix_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::invalid("An id consists of letters, digits and signs, no spaces."));
    }
    let timestamp = engine.now() / 1000
        + match test.flaw {
            Some(Flaw::OldTimestamp) => -OFF_S,
            Some(Flaw::FutureTimestamp) => OFF_S,
            _ => 0,
        };
    let unknown = SigningSecret::parse(NOBODYS);
    let secret = match (test.flaw, &unknown) {
        (Some(Flaw::WrongSecret), Ok(unknown)) => unknown,
        _ => secret,
    };
    let signature = secret
        .sign(&svix_id, timestamp, test.body.as_bytes())
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    let body = match test.flaw {
        Some(Flaw::AlteredBody) => test.body + "\n",
        _ => test.body,
    };
    let signed = test.flaw != Some(Flaw::NoHeaders);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", concat!("Usher/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("svix-id", svix_id),
        ("svix-timestamp", timestamp.to_string()),
        ("svix-signature", signature),
    ];
    let base = engine.listener_status().url;
    Ok(SignedTest {
        url: format!("{base}/in/{}", live.token),
        headers: headers
            .into_iter()
            .filter(|(name, _)| signed || !name.starts_with("svix-"))
            .map(|(name, value)| Header { name: name.to_owned(), value })
            .collect(),
        body,
    })
}

/// An id of the shape Svix gives out: `msg_` and 27 letters and digits.
pub(super) fn fresh_id() -> String {
    let mut random = rand::rng();
    let letters: String =
        (0..27).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect();
    format!("msg_{letters}")
}

pub(super) async fn send(engine: &Engine, test: SendTest) -> Result<SentTest, ApiError> {
    send_with(engine, test, 0).await
}

async fn send_with(engine: &Engine, test: SendTest, secret: usize) -> Result<SentTest, ApiError> {
    let listener = engine.listener_status();
    if listener.state != ListenerState::Listening {
        return Err(ApiError::unavailable(
            "Usher is not listening, so the test event has nowhere to go. See Settings.",
        ));
    }
    let origin = test.origin_id;
    let signed = sign_with(engine, test, secret).await?;
    let svix_id = signed
        .headers
        .iter()
        .find(|header| header.name == "svix-id")
        .map(|header| header.value.clone())
        .unwrap_or_default();
    let started = engine.clock().now_us();
    let (status, answer) =
        post(listener.port, engine.test_mark(), origin, &signed).await.map_err(|error| {
            ApiError::unavailable(format!("The listener did not answer the test event: {error}."))
        })?;
    let took_ms = (engine.clock().now_us() - started) / 1000;
    let field = |name: &str| answer.get(name).cloned().unwrap_or_default();
    Ok(SentTest {
        status,
        answer: field("message").as_str().unwrap_or_default().to_owned(),
        message_id: field("id").as_i64(),
        svix_id,
        took_ms,
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn post(
    port: u16,
    mark: &str,
    origin: Option<i64>,
    signed: &SignedTest,
) -> Result<(u16, Value), Failure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let path = signed.url.splitn(4, '/').nth(3).unwrap_or_default();
    let mut request = Request::post(format!("/{path}"))
        .header(header::HOST, format!("127.0.0.1:{port}"))
        .header(TEST_HEADER, mark);
    if let Some(origin) = origin {
        request = request.header(ORIGIN_HEADER, origin);
    }
    for header in &signed.headers {
        request = request.header(&header.name, &header.value);
    }
    let request = request.body(Full::new(Bytes::from(signed.body.clone())))?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER).collect().await?.to_bytes();
        Ok::<_, Failure>((status, serde_json::from_slice(&body).unwrap_or_default()))
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended?;
            exchange.await
        }
    }
}
