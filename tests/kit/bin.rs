//! The `usher` program, run the way a person or a script runs it.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);

/// The program for one data folder, secrets in its file.
pub struct Usher {
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

/// A run that ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Stdout.
    pub out: String,
    /// Stderr.
    pub err: String,
}

impl Usher {
    /// For the data folder `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), environment: Vec::new() }
    }

    /// With this variable in its environment.
    pub fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A run that has not started yet.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(crate::built("usher"));
        command.args(["--keychain", "file", "--data-dir"]).arg(&self.folder).args(words);
        command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end.
    pub fn run(&self, words: &[&str]) -> Ran {
        let output = self.command(words).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs with `--json`, expects success, and gives the objects.
    ///
    /// # Panics
    /// When it fails or prints something else.
    pub fn json(&self, words: &[&str]) -> Vec<Value> {
        let ran = self.run(&[&["--json"], words].concat());
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts `usher listen` on a free port and waits for its first line.
    ///
    /// # Panics
    /// When that is not the line of a listener.
    pub fn listen(&self, words: &[&str]) -> Listening {
        Self::start(self.command(&[&["listen", "--port", "0"], words].concat()))
    }

    /// The same with no more than so many files open.
    ///
    /// # Panics
    /// When its first line is not the line of a listener.
    #[cfg(unix)]
    pub fn listen_with_files(&self, files: u32) -> Listening {
        let usher = self.command(&["listen", "--port", "0"]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files}; exec \"$@\""), "sh"]);
        command.arg(usher.get_program()).args(usher.get_args());
        command.env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Self::start(command)
    }

    fn start(mut command: Command) -> Listening {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let words = thread::spawn(move || {
            let mut words = Vec::new();
            let _ = stderr.read_to_end(&mut words);
            String::from_utf8_lossy(&words).into_owned()
        });
        let (send, lines) = channel();
        thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            for line in lines.map_while(|line| serde_json::from_str(&line).ok()) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut listening = Listening { child, lines, words: Some(words), ready: Value::Null };
        listening.ready = listening.line();
        assert_eq!(listening.ready["type"], "ready", "{}", listening.ready);
        listening
    }
}

/// A running `usher listen`; killed when it is dropped.
pub struct Listening {
    child: Child,
    lines: Receiver<Value>,
    words: Option<thread::JoinHandle<String>>,
    /// Its first line.
    pub ready: Value,
}

impl Listening {
    /// The next line on its stdout.
    ///
    /// # Panics
    /// When none comes within 20 seconds.
    pub fn line(&self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("a line of `usher listen`")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The port it listens on for messages.
    pub fn port(&self) -> u16 {
        self.url().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// Where it listens for messages.
    pub fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    /// Where the screens are, and the token for them.
    pub fn console(&self) -> (&str, &str) {
        self.ready["console"].as_str().unwrap().split_once("/#token=").unwrap()
    }

    /// True until it has ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// `kill -9`, if it still runs.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits until it ends by itself.
    pub fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends it a signal, such as `TERM`, and gives its exit code.
    pub fn signal(self, signal: &str) -> Option<i32> {
        self.end(signal).0
    }

    /// Sends it a signal, such as `TERM`, and gives its exit code and what it said on stderr.
    ///
    /// # Panics
    /// When it had ended before.
    pub fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(sent.success());
        let code = self.child.wait().unwrap().code();
        (code, self.words.take().unwrap().join().unwrap())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
