//! The listener as the engine has it: opened, stopped, moved, and what is known of it.
//!
//! Deliberately absent: noticing that it stopped answering (watch.rs).

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use ts_rs::TS;

use super::Engine;
use crate::change::Topic;
use crate::listener::{Health, LimitRow, Limits, Listener, RawRequest, Reply};
use crate::receive::Receiving;

/// The listener's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ListenerStatus {
    /// Listening, stopped on purpose, being restarted, or failed with `problem`.
    pub state: ListenerState,
    /// The port wanted by the settings, or the one in use.
    pub port: u16,
    /// Address of the listener on this machine, without a trailing slash.
    pub url: String,
    /// Why it does not listen and what to do, in one or two sentences.
    pub problem: Option<String>,
    /// Unix milliseconds since when it is in this state.
    pub since: i64,
    /// How often it was started again by itself since this process opened the data folder.
    pub restarts: u32,
    /// What went wrong the last time, also after it was put right.
    pub last_problem: Option<String>,
    /// Unix milliseconds at which that was noticed.
    pub last_problem_at: Option<i64>,
}

/// Whether messages can arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum ListenerState {
    /// The socket is open.
    Listening,
    /// This process was asked not to listen.
    Stopped,
    /// It stopped answering and is being started again.
    Restarting,
    /// The socket could not be opened; it is tried again by itself.
    Failed,
}

/// The door and what is known of it.
pub(super) struct Listening {
    pub(super) door: Mutex<Door>,
    status: watch::Sender<ListenerStatus>,
    /// It goes by the port of Settings, whatever the engine was opened with.
    moved: AtomicBool,
}

/// Whoever holds it may open and close the listener.
#[derive(Default)]
pub(super) struct Door {
    pub(super) listener: Option<Listener>,
    /// Grows with each listener, so that nobody judges one by what he saw of another.
    pub(super) number: u64,
}

impl Listening {
    pub(super) fn new(now: i64) -> Self {
        Self {
            door: Mutex::default(),
            status: watch::Sender::new(ListenerStatus {
                state: ListenerState::Stopped,
                port: 0,
                url: String::new(),
                problem: None,
                since: now,
                restarts: 0,
                last_problem: None,
                last_problem_at: None,
            }),
            moved: AtomicBool::new(false),
        }
    }

    pub(super) fn status(&self) -> watch::Receiver<ListenerStatus> {
        self.status.subscribe()
    }
}

impl Engine {
    pub(crate) fn listener_status(&self) -> ListenerStatus {
        self.inner.listening.status.borrow().clone()
    }

    /// What the listener counts; `None` while there is none.
    pub(crate) async fn listener_health(&self) -> Option<Health> {
        self.inner.listening.door.lock().await.listener.as_ref().map(Listener::health)
    }

    /// The limits in force, or those that a listener would have now.
    pub(crate) async fn limits(&self) -> Vec<LimitRow> {
        if let Some(listener) = &self.inner.listening.door.lock().await.listener {
            return listener.limits().table();
        }
        self.wanted_limits().await.table()
    }

    /// Stops the listener if it runs and starts it anew on the wanted port.
    pub(crate) async fn listen(&self) -> ListenerStatus {
        let mut door = self.inner.listening.door.lock().await;
        if door.listener.is_some() {
            self.note_listener(|status| {
                status.state = ListenerState::Restarting;
                status.problem = None;
            });
        }
        self.open_door(&mut door).await;
        self.listener_status()
    }

    /// Listens as Settings say from now on, if that is something else; `moved` when the port was
    /// named there just now.
    pub(crate) async fn listen_as_set(&self, moved: bool, other_limit: bool) {
        let now = self.listener_status();
        let there = now.state == ListenerState::Listening
            && self.wanted_port().await.is_ok_and(|wanted| wanted == now.port);
        if moved && !there {
            self.inner.listening.moved.store(true, Ordering::Relaxed);
        }
        if other_limit || (moved && !there) {
            self.listen().await;
        }
    }

    pub(super) async fn stop_listening(&self) {
        let mut door = self.inner.listening.door.lock().await;
        self.note_listener(|status| status.state = ListenerState::Stopped);
        if let Some(listener) = door.listener.take() {
            listener.stop().await;
        }
    }

    /// Changes what is known of the listener and announces it, if it is a change.
    pub(super) fn note_listener(&self, change: impl FnOnce(&mut ListenerStatus)) {
        let now = self.now();
        let changed = self.inner.listening.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            if status.state != before.state {
                status.since = now;
            }
            *status != before
        });
        if changed {
            self.inner.changes.announce_one(Topic::App);
            self.inner.changes.announce_one(Topic::Endpoints);
        }
    }

    /// Ends the listener that is there and opens one; true when it listens.
    pub(super) async fn open_door(&self, door: &mut Door) -> bool {
        if let Some(listener) = door.listener.take() {
            listener.stop().await;
        }
        door.number += 1;
        let wanted = self.port_to_take().await;
        let (state, port, problem) = if self.inner.config.listen {
            match self.start_listener(wanted).await {
                Ok(listener) => {
                    let port = listener.port();
                    door.listener = Some(listener);
                    (ListenerState::Listening, port, None)
                }
                Err(problem) => (ListenerState::Failed, wanted, Some(problem)),
            }
        } else {
            (ListenerState::Stopped, wanted, None)
        };
        let now = self.now();
        self.note_listener(|status| {
            if problem.is_some() && status.state != ListenerState::Failed {
                status.last_problem.clone_from(&problem);
                status.last_problem_at = Some(now);
            }
            status.url = format!("http://127.0.0.1:{port}");
            (status.state, status.port, status.problem) = (state, port, problem);
        });
        door.listener.is_some()
    }

    /// The port of Settings, unless the engine was opened with another; a free one that was picked
    /// once stays.
    async fn port_to_take(&self) -> u16 {
        match self.inner.config.port {
            Some(port) if !self.inner.listening.moved.load(Ordering::Relaxed) => match port {
                0 => self.listener_status().port,
                port => port,
            },
            _ => match self.wanted_port().await {
                Ok(port) => port,
                Err(_) => match self.listener_status().port {
                    0 => super::DEFAULT_PORT,
                    port => port,
                },
            },
        }
    }

    async fn wanted_limits(&self) -> Limits {
        let mib = self.body_limit_mib().await.unwrap_or(super::DEFAULT_BODY_MIB);
        Limits { body_bytes: u64::from(mib) * 1024 * 1024, ..Limits::default() }
    }

    async fn start_listener(&self, port: u16) -> Result<Listener, String> {
        let inbox = self.inner.inbox.lock().await.as_ref().map(|(inbox, _)| inbox.clone());
        let inbox = inbox.ok_or_else(|| "Usher is closing.".to_owned())?;
        let limits = self.wanted_limits().await;
        let receiving = Receiving {
            directory: Arc::clone(&self.inner.directory),
            inbox,
            clock: Arc::clone(&self.inner.config.clock),
            test_mark: self.inner.test_mark.clone(),
            body_limit: limits.body_bytes,
        };
        let engine = Arc::downgrade(&self.inner);
        let handler = Arc::new(move |request: RawRequest, reply: Reply| {
            let answered = catch_unwind(AssertUnwindSafe(|| receiving.answer(request, reply)));
            if let Err(panic) = answered {
                if let Some(inner) = engine.upgrade() {
                    Engine { inner }.note_defect();
                }
                resume_unwind(panic);
            }
        });
        Listener::start(port, limits, handler).await.map_err(|error| error.to_string())
    }

    /// A request met a panic; the listener answered it with 500 and goes on.
    fn note_defect(&self) {
        let now = self.now();
        self.note_listener(|status| {
            status.last_problem =
                Some("A request met a defect of Usher and was answered with 500.".to_owned());
            status.last_problem_at = Some(now);
        });
    }
}
