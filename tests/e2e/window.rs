//! The built app, started as a person starts it.

use std::fs;

use kit::{
    built,
    webdriver::{Launch, Session},
};
use tempfile::tempdir;

fn launch(args: &[&str]) -> Launch {
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

#[test]
fn scratch() {
    let data = tempdir().unwrap();
    let w = Session::window("scratch", &launch(&["--data-dir", data.path().to_str().unwrap(), "--port", "0"]));
    w.role("button", "Copy").wait();
    eprintln!("size {} vis {}", w.execute("return [innerWidth, innerHeight, devicePixelRatio, isSecureContext, document.visibilityState]", &serde_json::json!([])), w.url());
    let t = std::time::Instant::now();
    w.screenshot(std::path::Path::new("/tmp/shot.png")); eprintln!("shot {:?}", t.elapsed());
    w.resize(1000, 700); eprintln!("resized {:?}", t.elapsed());
    eprintln!("size {}", w.execute("return [innerWidth, innerHeight]", &serde_json::json!([])));
    w.label("Name").fill("Ada ü"); eprintln!("{} {:?}", w.label("Name").value(), t.elapsed());
    w.role("button", "Copy").click(); std::thread::sleep(std::time::Duration::from_secs(1));
    eprintln!("{} {:?}", w.title(), t.elapsed());
    let c = std::process::Command::new("sh").args(["-c", "cat /tmp/none 2>/dev/null; true"]).output().unwrap(); drop(c);
    w.screenshot(std::path::Path::new("/tmp/shot2.png"));
    w.label("Name").click(); w.keys(&[kit::webdriver::key::CONTROL, "a"]); w.keys(&[kit::webdriver::key::CONTROL, "v"]);
    eprintln!("pasted {} {:?}", w.label("Name").value(), t.elapsed());
    eprintln!("axe {:?} {:?}", w.axe(), t.elapsed());
    eprintln!("{}", w.execute("return String(window.__TAURI_INTERNALS__ && Object.keys(window.__TAURI_INTERNALS__))", &serde_json::json!([])));
    eprintln!("{}", w.execute_async("const d=arguments[0]; window.__TAURI_INTERNALS__.invoke('call',{name:'settings.get',args:{}}).then(d,e=>d({err:e}))", &serde_json::json!([])));
    eprintln!("{}", w.execute_async("const d=arguments[0]; window.__TAURI_INTERNALS__.invoke('plugin:event|listen',{event:'x',target:{kind:'Any'},handler:1}).then(d,e=>d({err:String(e)}))", &serde_json::json!([])));
    eprintln!("{}", w.execute("location.href='https://example.org/'; return 1", &serde_json::json!([])));
    std::thread::sleep(std::time::Duration::from_secs(1)); eprintln!("{}", w.url());
    eprintln!("{}", w.execute("try { return String(eval('1+1')) } catch (e) { return String(e) }", &serde_json::json!([])));
}

#[test]
fn scratch_chromium() {
    let w = Session::chromium("scratch_chromium", "data:text/html,<title>x</title><button>Copy</button><label>Name <input></label>");
    w.role("button", "Copy").click();
    w.label("Name").fill("Ada"); assert_eq!(w.label("Name").value(), "Ada");
    w.screenshot(std::path::Path::new("/tmp/shot3.png"));
    eprintln!("{:?}", w.axe());
}
