//! Watches over a running engine: a listener that no longer answers is started again, and a database
//! that takes no writes is tried again until it does.
//!
//! The listener is asked for its own `/health` every 15 seconds, and three times before it is given
//! up, so that a death is noticed within 30 seconds, after a sleep of the machine too; what ends
//! inside is noticed at once. Any answer will do: a listener that says 503 is alive, and starting it
//! again would only drop its connections. Deliberately absent: giving up.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{Engine, Inner, ListenerState};
use crate::clock::Clock;
use crate::listener::State;

/// Between two looks.
pub(super) const EVERY: Duration = Duration::from_secs(15);
/// For one answer of `/health`: longer than a request waits for a thread before it gets its 503.
const ANSWER: Duration = Duration::from_secs(4);
/// How often `/health` may fail before the listener is started again.
const TRIES: usize = 3;
/// Between these.
const AGAIN: Duration = Duration::from_millis(500);
/// Before each further start, in seconds; the last one stays.
const BACK_OFF: [u64; 5] = [1, 2, 5, 15, 30];

/// How long to wait before the try after `tries` others.
pub(super) fn back_off(tries: usize) -> Duration {
    Duration::from_secs(BACK_OFF[tries.min(BACK_OFF.len() - 1)])
}

/// Why the listener is to be started again.
enum Reason {
    /// This happened to it.
    Broken(String),
    /// It is not there, and its time to be tried has come.
    Due,
    /// None: somebody changed its state.
    Changed,
    /// None: it answers.
    Well,
}

/// Watches over the listener until it is aborted or the engine is gone.
pub(super) async fn over(weak: Weak<Inner>, clock: Arc<dyn Clock>) {
    let mut tries = 0;
    loop {
        let Some(engine) = upgraded(&weak) else { return };
        let mut status = engine.inner.listening.status();
        let state = status.borrow_and_update().state;
        let inbox_ended = Arc::clone(&engine.inner.inbox_ended);
        let (number, inside, port) = {
            let door = engine.inner.listening.door.lock().await;
            let listener = door.listener.as_ref();
            (door.number, listener.map(|one| one.state()), listener.map(|one| one.port()))
        };
        drop(engine);
        let reason = match (state, inside, port) {
            (ListenerState::Listening, Some(mut inside), Some(port)) => tokio::select! {
                biased;
                () = inbox_ended.notified() => {
                    Reason::Broken("The part that stores messages met a defect of Usher.".to_owned())
                }
                () = failed(&mut inside) => {
                    Reason::Broken("A part of the listener ended that should not have.".to_owned())
                }
                changed = status.changed() => if changed.is_ok() { Reason::Changed } else { return },
                () = clock.pause(EVERY) => match silent(port, clock.as_ref()).await {
                    Some(why) => Reason::Broken(why),
                    None => Reason::Well,
                },
            },
            (ListenerState::Failed | ListenerState::Restarting, ..) => {
                tries = tries.max(1);
                tokio::select! {
                    changed = status.changed() => {
                        if changed.is_ok() { Reason::Changed } else { return }
                    }
                    () = clock.pause(back_off(tries - 1)) => Reason::Due,
                }
            }
            _ => match status.changed().await {
                Ok(()) => Reason::Changed,
                Err(_) => return,
            },
        };
        let Some(engine) = upgraded(&weak) else { return };
        match reason {
            Reason::Changed => {}
            Reason::Well => tries = 0,
            Reason::Broken(why) => {
                if engine.note_broken(number, &why).await && tries == 0 {
                    engine.start_again(number).await;
                }
                tries += 1;
            }
            Reason::Due => {
                engine.start_again(number).await;
                tries += 1;
            }
        }
    }
}

impl Engine {
    /// Says that the listener of this number broke, and why; false when it is another one by now.
    async fn note_broken(&self, number: u64, why: &str) -> bool {
        let door = self.inner.listening.door.lock().await;
        if door.number != number {
            return false;
        }
        tracing::error!("the listener is started again: {why}");
        let now = self.now();
        self.note_listener(|status| {
            status.state = ListenerState::Restarting;
            status.problem = Some(format!("{why} It is being started again."));
            status.last_problem = Some(why.to_owned());
            status.last_problem_at = Some(now);
        });
        true
    }

    /// Starts the listener again unless it is another one by now.
    async fn start_again(&self, number: u64) {
        self.open_inbox().await;
        let mut door = self.inner.listening.door.lock().await;
        if door.number != number {
            return;
        }
        if self.open_door(&mut door).await {
            self.note_listener(|status| status.restarts += 1);
        }
    }
}

fn upgraded(weak: &Weak<Inner>) -> Option<Engine> {
    weak.upgrade().map(|inner| Engine { inner })
}

async fn failed(state: &mut watch::Receiver<State>) {
    if state.wait_for(|state| *state == State::Failed).await.is_err() {
        std::future::pending().await
    }
}

/// Why nothing answers at this port; `None` when Usher does.
async fn silent(port: u16, clock: &dyn Clock) -> Option<String> {
    let mut why = String::new();
    for _ in 0..TRIES {
        let asked = tokio::select! {
            asked = ask(port) => asked,
            () = clock.pause(ANSWER) => Err("it took longer than 4 seconds".to_owned()),
        };
        match asked {
            Ok(()) => return None,
            Err(error) => why = error,
        }
        clock.pause(AGAIN).await;
    }
    Some(format!("The listener did not answer its own check: {why}."))
}

/// One request for `/health`, with the least that HTTP needs.
///
/// # Errors
/// Why there was no answer of Usher.
pub async fn ask(port: u16) -> Result<(), String> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request =
            format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(16 * 1024).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = exchange.await.map_err(|error| error.to_string())?;
    let head = String::from_utf8_lossy(&answer);
    if !head.starts_with("HTTP/1.1 ") {
        return Err("the connection ended without an answer".to_owned());
    }
    if !head.contains("\r\nServer: Usher\r\n") {
        return Err("another program answered".to_owned());
    }
    Ok(())
}
