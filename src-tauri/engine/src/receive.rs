//! From a request to its answer: routes, the signature, the inbox.
//!
//! Every answer is one JSON object with a sentence for people, because Clerk shows it under Message
//! Attempts. A stranger learns nothing beyond it. Deliberately absent: sockets and limits (listener.rs)
//! and any redirect, which Svix would not follow.

use std::sync::Arc;

use serde_json::json;

use crate::clerk;
use crate::clock::Clock;
use crate::endpoint::{Directory, Live};
use crate::inbox::{Arrival, Inbox, Receipt, tie_of};
use crate::listener::{Answer, RawRequest, Reply};
use crate::signing::verify::{Refusal, Verified, verify, verify_unexplained};

/// The header by which Usher knows its own test events; its value is drawn at each start.
pub const TEST_HEADER: &str = "x-usher-test";

/// In Usher's own requests, the message that is replayed.
pub const ORIGIN_HEADER: &str = "x-usher-origin";

/// What the handler needs.
pub struct Receiving {
    /// Endpoints by token.
    pub directory: Arc<Directory>,
    /// Where messages go.
    pub inbox: Inbox,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The value of [`TEST_HEADER`] in Usher's own requests.
    pub test_mark: String,
    /// Bytes of the largest body, as the listener enforces it.
    pub body_limit: u64,
}

impl Receiving {
    /// Answers one request, a message once it is stored.
    pub fn answer(&self, request: RawRequest, reply: Reply) {
        let (started_us, received_at) = (self.clock.now_us(), self.clock.now_ms());
        let path = request.target.split(['?', '#']).next().unwrap_or_default();
        let reads = matches!(request.method.as_str(), "GET" | "HEAD");
        let answer = match path {
            "/" if reads => page(),
            "/health" if reads => json_answer(200, &json!({ "ok": true })),
            "/" | "/health" => said(405, "Only GET is answered here."),
            _ => match path.strip_prefix("/in/").map(|token| token.trim_end_matches('/')) {
                None | Some("") => said(404, "Nothing is here. Endpoints are under /in/."),
                Some(token) => match self.directory.find(token) {
                    None => said(404, "There is no such endpoint. Copy its URL from Usher again."),
                    Some(_) if request.method != "POST" => said(
                        405,
                        "This endpoint takes POST requests from Clerk. Paste its URL into Clerk: Configure, Webhooks, Add Endpoint.",
                    ),
                    Some(live) => {
                        return self.receive(live, request, received_at, started_us, reply);
                    }
                },
            },
        };
        reply.send(answer);
    }

    fn receive(
        &self,
        live: Arc<Live>,
        request: RawRequest,
        received_at: i64,
        started_us: i64,
        reply: Reply,
    ) {
        let value_of = |wanted: &str| {
            request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let test = value_of(TEST_HEADER).is_some_and(|(_, value)| *value == self.test_mark);
        let origin = value_of(ORIGIN_HEADER).filter(|_| test);
        let origin = origin.and_then(|(_, value)| value.parse().ok());
        let is_own = |(name, _): &(String, String)| {
            name.eq_ignore_ascii_case(TEST_HEADER) || name.eq_ignore_ascii_case(ORIGIN_HEADER)
        };
        let headers: Vec<_> = request.headers.into_iter().filter(|h| !is_own(h)).collect();
        let verdict = match request.oversize {
            Some(bytes) => Err(Refusal::TooLarge { bytes, limit: self.body_limit }),
            None => verify_unexplained(&headers, &request.body, &live.keys(), received_at),
        };
        let verdict = match verdict {
            Ok(verified) => Ok(verified),
            Err(refusal) if !self.inbox.floods().keeps(live.id, received_at) => {
                return reply.send(told(&Receipt::unkept(&refusal)));
            }
            Err(Refusal::WrongSecret) => self.explain(&live, &headers, &request.body, received_at),
            Err(refusal) => Err(refusal),
        };
        let read = clerk::read(&request.body);
        let verified_us = self.clock.now_us();
        let arrival = Arrival {
            live,
            headers,
            tie: tie_of(&request.body),
            body: request.body,
            verdict,
            read,
            test,
            origin,
            received_at,
            started_us,
            verified_us,
        };
        self.inbox.deliver(arrival, move |receipt| reply.send(told(&receipt)));
    }

    /// Looks for the cause of a wrong signature.
    fn explain(
        &self,
        live: &Live,
        headers: &[(String, String)],
        body: &[u8],
        now: i64,
    ) -> Result<Verified, Refusal> {
        let all = self.directory.all();
        verify(headers, body, &live.keys(), &live.strangers(all.values()), now)
    }
}

fn page() -> Answer {
    Answer {
        status: 200,
        content_type: "text/plain; charset=utf-8",
        body: "Usher is listening for Clerk webhooks here.\n".to_owned(),
        retry_after_s: None,
    }
}

fn said(status: u16, message: &str) -> Answer {
    json_answer(status, &json!({ "ok": false, "message": message }))
}

fn told(receipt: &Receipt) -> Answer {
    let body = json!({
        "ok": receipt.status < 300,
        "outcome": receipt.outcome,
        "reason": receipt.reason,
        "message": receipt.sentence,
        "id": receipt.id,
    });
    Answer { retry_after_s: receipt.retry_after_s, ..json_answer(receipt.status, &body) }
}

fn json_answer(status: u16, body: &serde_json::Value) -> Answer {
    Answer { status, content_type: "application/json", body: body.to_string(), retry_after_s: None }
}
