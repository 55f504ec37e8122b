//! Names the program that holds a port, so that "port taken" can say by whom.
//!
//! Best effort: another user's processes stay nameless. Nothing here ends a process.

/// The listening program as `name (process id)`, if the system tells. Blocks for a moment.
pub(super) fn holder(port: u16) -> Option<String> {
    find(port).map(|(name, id)| format!("{name} (process {id})"))
}

#[cfg(target_os = "linux")]
fn find(port: u16) -> Option<(String, u32)> {
    use std::fs;
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| Some((entry.path(), entry.file_name().to_str()?.parse().ok()?)))
        .find_map(|(folder, id): (_, u32)| {
            let mut files = fs::read_dir(folder.join("fd")).ok()?.flatten();
            files.find(|file| {
                let link = fs::read_link(file.path()).unwrap_or_default();
                sockets.iter().any(|socket| link.as_os_str() == socket.as_str())
            })?;
            let program = fs::read_link(folder.join("exe")).ok();
            let name = program.as_deref().and_then(|path| path.file_name()?.to_str());
            let name = name.map(|name| name.trim_end_matches(" (deleted)").to_owned());
            let name = name.or_else(|| fs::read_to_string(folder.join("comm")).ok());
            Some((name?.trim().to_owned(), id))
        })
}

#[cfg(target_os = "linux")]
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let address = format!(":{port:04X}");
    let inode = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let listens = columns.get(1)?.ends_with(&address) && *columns.get(3)? == "0A";
        listens.then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(target_os = "macos")]
fn find(port: u16) -> Option<(String, u32)> {
    let filter = format!("-iTCP:{port}");
    from_lsof(&output("lsof", &["-nP", &filter, "-sTCP:LISTEN", "-Fpc"])?)
}

#[cfg(windows)]
fn find(port: u16) -> Option<(String, u32)> {
    let id = from_netstat(&output("netstat", &["-ano"])?, port)?;
    let filter = format!("PID eq {id}");
    Some((from_tasklist(&output("tasklist", &["/FI", &filter, "/FO", "CSV", "/NH"])?)?, id))
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn find(_port: u16) -> Option<(String, u32)> {
    None
}

#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

#[cfg(any(target_os = "macos", windows))]
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = std::process::Command::new(program);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
    let output = command.args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(any(target_os = "macos", test))]
fn from_lsof(text: &str) -> Option<(String, u32)> {
    let id = text.lines().find_map(|line| line.strip_prefix('p')?.parse().ok())?;
    let name = text.lines().find_map(|line| line.strip_prefix('c'))?;
    Some((name.to_owned(), id))
}

#[cfg(any(windows, test))]
fn from_netstat(text: &str, port: u16) -> Option<u32> {
    let local = format!(":{port}");
    text.lines().find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let listens = columns.first() == Some(&"TCP")
            && columns.get(1)?.ends_with(&local)
            && ["0.0.0.0:0", "[::]:0"].contains(columns.get(2)?);
        listens.then(|| columns.last()?.parse().ok())?
    })
}

#[cfg(any(windows, test))]
fn from_tasklist(text: &str) -> Option<String> {
    let name = text.trim().strip_prefix('"')?.split('"').next()?;
    Some(name.trim_end_matches(".exe").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_other_systems_are_read() {
        assert_eq!(from_lsof("p4711\ncnode\nf23\n"), Some(("node".into(), 4711)));
        assert_eq!(from_lsof(""), None);
        let netstat = "  Proto  Local Address\r\n  TCP    127.0.0.1:14870  0.0.0.0:0  LISTENING  1\r\n  \
                       TCP    127.0.0.1:4870  127.0.0.1:9  ESTABLISHED  2\r\n  \
                       TCP    [::1]:4870  [::]:0  ABH\u{d6}REN  4711\r\n";
        assert_eq!(from_netstat(netstat, 4870), Some(4711));
        assert_eq!(from_tasklist("\"node.exe\",\"4711\",\"Console\"\r\n"), Some("node".into()));
        assert_eq!(from_tasklist("INFO: No tasks are running."), None);
    }
}
