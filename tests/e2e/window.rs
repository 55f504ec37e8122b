//! The built app, started as a person starts it.

use std::fs;

use kit::{
    built,
    webdriver::{Launch, Session},
};
use tempfile::tempdir;

/// The built app with these arguments.
pub(crate) fn launch(args: &[&str]) -> Launch {
    Launch {
        program: built("usher-desktop"),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: Vec::new(),
    }
}

#[test]
fn starts_and_shows_the_shell() {
    let data = tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let window = Session::window(
        "starts_and_shows_the_shell",
        &launch(&["--data-dir", folder, "--port", "0"]),
    );
    window.css("main#screen").wait();
    window.role("link", "Messages").wait();
    assert_eq!(window.title(), "Usher");
}

#[test]
fn says_why_it_did_not_start() {
    let data = tempdir().unwrap();
    let file = data.path().join("occupied");
    fs::write(&file, "a file where the folder should be").unwrap();
    let window = Session::window(
        "says_why_it_did_not_start",
        &launch(&["--data-dir", file.to_str().unwrap(), "--port", "0"]),
    );
    window.role("heading", "Usher did not start").wait();
    assert!(window.words().contains(file.to_str().unwrap()), "{}", window.words());
}
