//! Signed messages without end: `user.created` and `user.updated` of many people, 4 KiB each.
//!
//! A body is one template whose digits are replaced, and the signature is computed with the states
//! of the key kept ready, so that making a message costs a few microseconds of the bench's own time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The signing secret of every server under test.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Bytes of a body.
pub const BODY: usize = 4096;
/// Messages about one person: created, then updated three times.
pub const EACH: u64 = 4;

const PERSON: &str = "p00000000";
const TIME: &str = "1111111111111";
const STEP: &str = "Step0";
const CREATED: &str = "user.created";
const DAY_MS: u64 = 86_400_000;

/// The messages for one endpoint, numbered from 0.
pub struct Traffic {
    path: String,
    template: Vec<u8>,
    persons: Vec<usize>,
    times: Vec<usize>,
    steps: Vec<usize>,
    kind: usize,
    inner: Sha256,
    outer: Sha256,
    people: u64,
    base_ms: u64,
    run: String,
    next: AtomicU64,
}

impl Traffic {
    /// For the endpoint at `path`. Every block of `people` appears [`EACH`] times, one block after
    /// the other.
    pub fn new(path: &str, people: u64) -> Self {
        let traffic = Self::signed_with(SECRET, path, people);
        traffic.check();
        traffic
    }

    /// The same, signed with a secret that nobody has.
    pub fn forged(path: &str, people: u64) -> Self {
        Self::signed_with("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", path, people)
    }

    fn signed_with(secret: &str, path: &str, people: u64) -> Self {
        let template = template();
        let find = |what: &str| -> Vec<usize> {
            let what = what.as_bytes();
            let windows = template.windows(what.len()).enumerate();
            windows.filter(|(_, window)| *window == what).map(|(at, _)| at).collect()
        };
        let (persons, times, steps) = (find(PERSON), find(TIME), find(STEP));
        let kind = find(CREATED)[0];
        let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(&key).for_each(|(pad, key)| *pad ^= key);
            Sha256::new_with_prefix(block)
        };
        let now = epoch_us();
        Self {
            path: path.to_owned(),
            persons,
            times,
            steps,
            kind,
            template,
            inner: pad(0x36),
            outer: pad(0x5c),
            people,
            base_ms: now / 1000 - DAY_MS,
            run: format!("{now:x}"),
            next: AtomicU64::new(0),
        }
    }

    /// The endpoint's path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The number of the next message.
    pub fn take(&self) -> u64 {
        self.next.fetch_add(1, Relaxed)
    }

    /// How many were taken.
    pub fn taken(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Whom message `number` is about.
    pub fn person(&self, number: u64) -> u64 {
        let block = self.people * EACH;
        number / block * self.people + number % self.people
    }

    fn step(&self, number: u64) -> u64 {
        number % (self.people * EACH) / self.people
    }

    /// Writes message `number` as a whole HTTP request signed now.
    pub fn write(&self, number: u64, request: &mut Vec<u8>) {
        let id = format!("msg_{}_{number}", self.run);
        let seconds = epoch_us() / 1_000_000;
        let body = self.body(number);
        let mut inner = self.inner.clone();
        inner.update(format!("{id}.{seconds}."));
        inner.update(&body);
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        let signature = BASE64_STANDARD.encode(outer.finalize());
        request.clear();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: Svix-Webhooks/1.84.0\r\n\
             content-type: application/json\r\ncontent-length: {BODY}\r\nsvix-id: {id}\r\n\
             svix-timestamp: {seconds}\r\nsvix-signature: v1,{signature}\r\n\r\n",
            self.path
        );
        request.extend_from_slice(head.as_bytes());
        request.extend_from_slice(&body);
    }

    fn body(&self, number: u64) -> Vec<u8> {
        let mut body = self.template.clone();
        let mut put = |places: &[usize], text: &str| {
            for &at in places {
                body[at..at + text.len()].copy_from_slice(text.as_bytes());
            }
        };
        let step = self.step(number);
        put(&self.persons, &format!("p{:08}", self.person(number)));
        put(&self.times, &(self.base_ms + number).to_string());
        put(&self.steps, &format!("Step{step}"));
        if step > 0 {
            put(&[self.kind], "user.updated");
        }
        body
    }

    fn check(&self) {
        let mut request = Vec::new();
        self.write(self.people + 1, &mut request);
        let text = String::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut headers = http::HeaderMap::new();
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(": ").unwrap();
            let name: http::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        let webhook = svix::webhooks::Webhook::new(SECRET).unwrap();
        webhook.verify(body.as_bytes(), &headers).expect("the bench signs as Svix does");
        let event: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(event["type"], "user.updated", "{event}");
    }
}

/// Microseconds since 1970.
pub fn epoch_us() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn template() -> Vec<u8> {
    let time: u64 = TIME.parse().unwrap();
    let make = |padding: &str| {
        let event = json!({
            "data": {
                "backup_code_enabled": false,
                "banned": false,
                "create_organization_enabled": true,
                "created_at": 1_700_000_000_000_u64,
                "delete_self_enabled": true,
                "email_addresses": [{
                    "created_at": 1_700_000_000_000_u64,
                    "email_address": format!("{PERSON}@bench.example"),
                    "id": format!("idn_2benchaddress{PERSON}"),
                    "linked_to": [],
                    "matches_sso_connection": false,
                    "object": "email_address",
                    "reserved": false,
                    "updated_at": 1_700_000_000_000_u64,
                    "verification": { "attempts": 1, "expire_at": 1_700_000_600_000_u64, "status": "verified", "strategy": "email_code" },
                }],
                "enterprise_accounts": [],
                "external_accounts": [],
                "external_id": null,
                "first_name": "Bench",
                "has_image": false,
                "id": format!("user_2benchperson{PERSON}"),
                "image_url": "https://img.clerk.example/eyJ0eXBlIjoiZGVmYXVsdCJ9",
                "last_active_at": 1_700_000_000_000_u64,
                "last_name": STEP,
                "last_sign_in_at": null,
                "locked": false,
                "object": "user",
                "password_enabled": true,
                "phone_numbers": [],
                "primary_email_address_id": format!("idn_2benchaddress{PERSON}"),
                "primary_phone_number_id": null,
                "private_metadata": {},
                "public_metadata": { "notes": padding },
                "saml_accounts": [],
                "totp_enabled": false,
                "two_factor_enabled": false,
                "unsafe_metadata": {},
                "updated_at": time,
                "username": null,
                "web3_wallets": [],
            },
            "event_attributes": { "http_request": { "client_ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0" } },
            "instance_id": "ins_2benchinstance0000000000000",
            "object": "event",
            "timestamp": time,
            "type": CREATED,
        });
        event.to_string().into_bytes()
    };
    let mut seed = 1_u64;
    let letters = (make("").len()..BODY).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
    });
    let body = make(&letters.collect::<String>());
    assert_eq!(body.len(), BODY, "the template is exactly {BODY} bytes");
    body
}
