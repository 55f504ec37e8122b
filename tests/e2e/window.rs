//! The built app, started as a person starts it.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use kit::{
    built,
    webdriver::{Launch, Session},
    wire,
};
use serde_json::json;
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
fn its_page_runs_nothing_foreign_and_goes_nowhere() {
    let data = tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let window = Session::window(
        "its_page_runs_nothing_foreign_and_goes_nowhere",
        &launch(&["--data-dir", folder, "--port", "0"]),
    );
    window.css("main#screen").wait();
    let foreign = wire::free_port();
    let server = TcpListener::bind(("127.0.0.1", foreign)).unwrap();
    server.set_nonblocking(true).unwrap();
    let there = json!([format!("http://127.0.0.1:{foreign}/")]);

    let inline = "const script = document.createElement('script');
        script.textContent = 'window.ran = true'; document.head.append(script);
        return window.ran ?? 'refused'";
    assert_eq!(window.execute(inline, &json!([])), "refused", "an inline script");
    let fetched = "const done = arguments[1];
        fetch(arguments[0], { mode: 'no-cors' }).then(() => done('answered'), () => done('refused'))";
    assert_eq!(window.execute_async(fetched, &there), "refused", "a request to elsewhere");
    let opened = window.execute("return window.open(arguments[0]) === null", &there);
    assert_eq!(opened, true, "a second window");
    let home = window.url();
    let image = "const [at] = arguments; const done = arguments[1]; const image = new Image();
        image.onload = image.onerror = (event) => done(event.type); image.src = at";
    assert_eq!(window.execute_async(image, &there), "error", "a picture from elsewhere");
    window.execute("location.href = arguments[0]", &there);
    window.role("link", "Audience").wait();
    assert_eq!(window.url(), home, "another page");
    let visit = server.accept().map_err(|error| error.kind());
    assert_eq!(visit.unwrap_err(), ErrorKind::WouldBlock, "nobody came to the foreign server");
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
