//! Senders that never stop: signed messages about a few dozen people over keep-alive connections, with
//! repetitions and forgeries among them, and an account of what was answered.
//!
//! The same seed makes the same messages; which of them arrive is up to whoever ends the listener. An
//! answer counts from the moment its head is there, as it does for Svix.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand::distr::{Alphanumeric, SampleString as _};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::app::{NOON, OTHER_SECRET, Reply, SECRET, deleted, parse, signed, user, waitlist};
use crate::rounds::Dice;
use crate::wire::now_ms;

const PATIENCE: Duration = Duration::from_secs(60);
/// Messages of one connection, so that a listener that nobody ends does not work for ever.
const ENOUGH: usize = 2_000;
/// Connections that send again.
const AGAIN: usize = 8;
const PEOPLE: u32 = 40;
const DAY: i64 = 86_400_000;

/// What was sent and answered.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Bodies of well-signed messages by their svix-id, whether they arrived or not.
    pub sent: BTreeMap<String, Vec<u8>>,
    /// Those that were answered 2xx.
    pub acknowledged: BTreeSet<String>,
    /// Forged messages that were answered 400.
    pub refused: i64,
    /// Connections that are through.
    ended: usize,
}

/// Senders at work.
pub struct Load {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    account: Mutex<Account>,
    moved: Condvar,
}

impl Shared {
    fn note(&self, what: impl FnOnce(&mut Account)) {
        what(&mut self.account.lock().unwrap());
        self.moved.notify_all();
    }
}

impl Load {
    /// Starts so many senders to the endpoint at `url`, which has [`SECRET`].
    pub fn start(url: &str, connections: usize, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let sender = |connection: usize| {
            let (shared, url) = (Arc::clone(&shared), url.to_owned());
            thread::spawn(move || {
                let dice = Dice::seed_from_u64(seed << 16 | connection as u64);
                let name = format!("msg_{seed}_{connection}");
                let mut sender = Sender { shared: &shared, name, dice, said: Vec::new() };
                let _killed = sender.send_all(&url);
                shared.note(|account| account.ended += 1);
            })
        };
        Self { senders: (0..connections).map(sender).collect(), shared }
    }

    /// Waits until so many messages are acknowledged.
    ///
    /// # Panics
    /// When they are not within a minute, or the senders ended before.
    pub fn until(&self, acknowledged: usize) {
        let account = self.shared.account.lock().unwrap();
        let short = |account: &mut Account| {
            account.acknowledged.len() < acknowledged && account.ended < self.senders.len()
        };
        let (account, _) = self.shared.moved.wait_timeout_while(account, PATIENCE, short).unwrap();
        let got = account.acknowledged.len();
        assert!(got >= acknowledged, "{got} of {acknowledged} messages are acknowledged");
    }

    /// What was sent and answered up to now.
    pub fn so_far(&self) -> Account {
        self.shared.account.lock().unwrap().clone()
    }

    /// Waits for the senders, which end with the listener or when they have said enough.
    ///
    /// # Panics
    /// When an answer was not the expected one.
    pub fn end(self) -> Account {
        for sender in self.senders {
            sender.join().expect("every answer is the expected one");
        }
        Arc::into_inner(self.shared).unwrap().account.into_inner().unwrap()
    }
}

/// Sends them all again, signed now, and gives the answers.
///
/// # Panics
/// When one is not answered.
pub fn send_again(url: &str, messages: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Reply> {
    let messages: Vec<_> = messages.iter().collect();
    let deliver = |messages: &[(&String, &Vec<u8>)]| -> Vec<(String, Reply)> {
        let mut line = Line::open(url).unwrap();
        let replies = messages.iter().map(|(id, body)| {
            let reply = line.post(SECRET, id, body).unwrap_or_else(|error| panic!("{id}: {error}"));
            ((*id).clone(), reply)
        });
        replies.collect()
    };
    thread::scope(|scope| {
        let shares = messages.chunks(messages.len().div_ceil(AGAIN).max(1));
        let senders: Vec<_> = shares.map(|share| scope.spawn(move || deliver(share))).collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    })
}

struct Sender<'a> {
    shared: &'a Shared,
    name: String,
    dice: Dice,
    said: Vec<(String, Vec<u8>)>,
}

impl Sender<'_> {
    fn send_all(&mut self, url: &str) -> io::Result<()> {
        let mut line = Line::open(url)?;
        while self.said.len() < ENOUGH {
            let next = format!("{}_{}", self.name, self.said.len());
            match self.dice.random_range(0..100) {
                0..5 if !self.said.is_empty() => {
                    let (id, body) = &self.said[self.dice.random_range(0..self.said.len())];
                    self.acknowledged(id, &line.post(SECRET, id, body)?);
                }
                5..8 => {
                    let forged = message(&mut self.dice);
                    let reply = line.post(OTHER_SECRET, &next, &forged)?;
                    assert_eq!(reply.status, 400, "{next} {reply:?}");
                    self.shared.note(|account| account.refused += 1);
                }
                _ => {
                    let body = message(&mut self.dice);
                    self.shared.note(|account| {
                        account.sent.insert(next.clone(), body.clone());
                    });
                    self.said.push((next.clone(), body.clone()));
                    self.acknowledged(&next, &line.post(SECRET, &next, &body)?);
                }
            }
        }
        Ok(())
    }

    fn acknowledged(&self, id: &str, reply: &Reply) {
        assert_eq!(reply.status, 200, "{id} {reply:?}");
        self.shared.note(|account| {
            account.acknowledged.insert(id.to_owned());
        });
    }
}

/// Something about somebody: people come, change, take addresses of others, and go.
fn message(dice: &mut Dice) -> Vec<u8> {
    let (who, at) = (dice.random_range(0..PEOPLE), NOON + dice.random_range(0..DAY));
    let address = if dice.random_ratio(1, 5) { dice.random_range(0..PEOPLE) } else { who };
    let (id, email) = (format!("user_{who}"), format!("person{address}@example.com"));
    let mut body = match dice.random_range(0..10) {
        0..3 => user("user.created", &id, Some(&email), "Maya", at),
        3..8 => user("user.updated", &id, Some(&email), &format!("Maya {at}"), at),
        8 => waitlist("waitlistEntry.created", &format!("wait_{who}"), &email, "pending", at),
        _ => deleted(&id, at),
    };
    let letters = dice.random_range(0..3_000);
    body["data"]["notes"] = Value::String(Alphanumeric.sample_string(dice, letters));
    body.to_string().into_bytes()
}

/// A connection that stays open as long as the listener keeps it.
struct Line {
    address: String,
    path: String,
    stream: TcpStream,
}

impl Line {
    fn open(url: &str) -> io::Result<Self> {
        let (address, path) = url.trim_start_matches("http://").split_once('/').unwrap();
        let stream = connect(address)?;
        Ok(Self { address: address.to_owned(), path: format!("/{path}"), stream })
    }

    fn post(&mut self, secret: &str, id: &str, body: &[u8]) -> io::Result<Reply> {
        let Self { address, path, stream } = self;
        let length = body.len();
        let mut request =
            format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n");
        for (name, value) in signed(secret, id, now_ms() / 1000, body) {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        stream.write_all(&[request.as_bytes(), body].concat())?;
        let reply = answer(stream)?;
        if reply.head.to_lowercase().contains("connection: close") {
            *stream = connect(address)?;
        }
        Ok(reply)
    }
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The next answer on a connection; its body may be cut short by the end of the listener.
fn answer(stream: &mut TcpStream) -> io::Result<Reply> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if head.is_some_and(|end| bytes.len() >= end + 4 + length_of(&bytes[..end])) {
            return Ok(parse(&bytes));
        }
        match stream.read(&mut part) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&part[..count]),
            _ if head.is_some() => return Ok(parse(&bytes)),
            Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Err(error),
        }
    }
}

fn length_of(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.map_or(0, |value| value.trim().parse().unwrap())
}
