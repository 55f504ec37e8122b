//! Programs beside a test that never outlive it.
//!
//! A program runs in a process group of its own. A tiny shell waits on a pipe that only this process
//! holds, and ends the group when the pipe closes: on drop, and just as well when the test is killed.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

const REAPER: &str = r#"
cat
kill -s TERM -- "-$1"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  kill -s 0 -- "-$1" || exit 0
  sleep 0.1
done
kill -s KILL -- "-$1"
exit 0
"#;

/// A program with all that it started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    reaper: Child,
}

impl Process {
    /// Starts a program whose words go to a log file.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let file = File::create(log).unwrap();
        command.stdout(file.try_clone().unwrap());
        Self::spawn(command.stderr(file))
    }

    fn spawn(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
        let reaper = Command::new("sh")
            .args(["-c", REAPER, "reaper", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { child, reaper }
    }

    /// True until the program ended.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The process id, which is the group's too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.reaper.stdin.take());
        let _ = self.child.wait();
        let _ = self.reaper.wait();
    }
}

/// An X server that nobody looks at, and the memory it draws into.
#[derive(Debug)]
pub struct Screen {
    _server: Process,
    display: String,
    memory: TempDir,
}

impl Screen {
    /// Starts one of 1600 by 1000 pixels under a number that is free.
    ///
    /// # Panics
    /// When Xvfb is missing or finds no free number.
    pub fn start() -> Self {
        let memory = tempfile::tempdir().unwrap();
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]);
        command.arg("-fbdir").arg(memory.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Process::spawn(&mut command);
        let mut number = String::new();
        let out = server.child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb ended before it named its display");
        Self { _server: server, display: format!(":{}", number.trim()), memory }
    }

    /// What DISPLAY has to be for a program to appear here.
    pub fn display(&self) -> &OsStr {
        self.display.as_ref()
    }

    /// The upper left part of what is on it, as a PNG. The memory is an XWD file: a head of 32-bit
    /// words, colours of 12 bytes each, then lines of blue, green, red and nothing.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn picture(&self, width: u32, height: u32, file: &Path) {
        let xwd = fs::read(self.memory.path().join("Xvfb_screen0")).unwrap();
        let word = |index: usize| {
            u32::from_be_bytes(xwd[index * 4..index * 4 + 4].try_into().unwrap()) as usize
        };
        let (width, height) = (width.min(word(4) as u32), height.min(word(5) as u32));
        let (start, line) = (word(0) + word(19) * 12, word(12));
        let pixels: Vec<u8> = xwd[start..]
            .chunks_exact(line)
            .take(height as usize)
            .flat_map(|row| row.chunks_exact(4).take(width as usize))
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        let mut encoder = png::Encoder::new(File::create(file).unwrap(), width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    }
}
