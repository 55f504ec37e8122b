//! A desktop that notifications are shown on: a session bus of its own, and what was told there.

use std::collections::HashMap;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use zbus::connection::Builder;
use zbus::{Connection, Variant};

use crate::process::Process;

const PATIENCE: Duration = Duration::from_secs(20);

/// A notification's title and text.
pub type Told = (String, String);

/// The bus, and the service on it that shows notifications; both end on drop.
pub struct Desktop {
    told: Receiver<Told>,
    address: String,
    _service: Connection,
    _runtime: Runtime,
    _bus: Process,
    _folder: TempDir,
}

struct Notifications {
    tell: Mutex<Sender<Told>>,
}

/// <https://specifications.freedesktop.org/notification-spec/latest/protocol.html>
#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &self,
        _app_name: &str,
        _replaces_id: u32,
        _app_icon: &str,
        summary: &str,
        body: &str,
        _actions: Vec<String>,
        _hints: HashMap<String, Variant<'_>>,
        _expire_timeout: i32,
    ) -> u32 {
        let tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        let _nobody_waits = tell.send((summary.to_owned(), body.to_owned()));
        1
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ["usher-tests", "usher", "1", "1.2"].map(str::to_owned).into()
    }
}

impl Desktop {
    /// Starts the bus and takes the name.
    ///
    /// # Panics
    /// When there is no bus within 20 seconds.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("unix:path={}", folder.path().join("bus").display());
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", "--address", &address]);
        let bus = Process::start(&mut command, &folder.path().join("bus.log"));
        let (tell, told) = channel();
        let runtime = Runtime::new().unwrap();
        let begun = Instant::now();
        let service = loop {
            let tell = Mutex::new(tell.clone());
            let service = Builder::address(address.as_str())
                .name("org.freedesktop.Notifications")
                .serve_at("/org/freedesktop/Notifications", Notifications { tell })
                .build();
            let service = runtime.block_on(service);
            match service {
                Ok(service) => break service,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "there is no bus: {error}"),
            }
            thread::sleep(Duration::from_millis(20));
        };
        Self { told, address, _service: service, _runtime: runtime, _bus: bus, _folder: folder }
    }

    /// What a program needs in its environment to find it.
    pub fn environment(&self) -> (String, String) {
        ("DBUS_SESSION_BUS_ADDRESS".to_owned(), self.address.clone())
    }

    /// The next notification.
    ///
    /// # Panics
    /// When there is none within 20 seconds.
    pub fn told(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("a notification")
    }
}
