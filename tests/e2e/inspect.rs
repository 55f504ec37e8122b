//! Inspecting in the real window: why a message was refused, verifying it again, replaying it edited,
//! comparing, forwarding to an app that fails twice, and a command that was copied.

use std::process::Command;

use kit::app::{OTHER_SECRET, SECRET, signed, user};
use kit::devserver::{DevServer, status};
use kit::webdriver::{Session, key};
use kit::wire;
use serde_json::json;
use tempfile::tempdir;

use crate::main_job::{add_endpoint, open, section};

/// Puts a text in the place of all that a code editor holds, as by pasting.
fn rewrite(window: &Session, text: &str) {
    let script = "const editor = document.querySelector('[role=dialog] .cm-content');
        editor.focus(); document.execCommand('selectAll');
        document.execCommand('insertText', false, arguments[0])";
    window.css("[role=dialog] .cm-content").wait();
    window.execute(script, &json!([text]));
}

/// What is on the clipboard, by pasting it.
fn pasted(window: &Session) -> String {
    let script = "const area = document.createElement('textarea');
        area.id = 'pasted'; document.body.append(area); area.focus()";
    window.execute(script, &json!([]));
    window.keys(&[key::CONTROL, "v"]);
    let read = || window.execute("return document.getElementById('pasted').value", &json!([]));
    window.wait_for("the clipboard", || read() != json!(""));
    read().as_str().unwrap().to_owned()
}

fn close_dialog(window: &Session) {
    window.keys(&[key::ESCAPE]);
    window.css("[role=dialog]").wait_gone();
}

#[test]
fn a_refused_message_is_explained_put_right_replayed_compared_and_forwarded() {
    let data = tempdir().unwrap();
    let port = wire::free_port();
    let window = open("inspect", data.path(), port);
    let path = add_endpoint(&window, port, OTHER_SECRET);

    let now = wire::now_ms();
    let body = user("user.created", "user_e2e", Some("maya@example.com"), "Maya", now).to_string();
    let headers = signed(SECRET, "msg_e2e", now / 1000, body.as_bytes());
    let reply = wire::post(port, &path, &headers, body.as_bytes());
    assert_eq!((reply.status, reply.field("reason")), (400, "wrong_secret"), "{reply:?}");
    section(&window, "Messages");
    window.text("user.created").wait().click();
    window.role("heading", "Why it was refused").wait();
    window.wait_for("the named cause", || {
        window.words().contains("does not match this endpoint's signing secret")
    });

    section(&window, "Endpoints");
    window.text("Clerk").wait().click();
    window.role("button", "Add another (rotation)").wait().click();
    window.label("New signing secret").wait().fill(SECRET);
    window.role("button", "Save").click();
    window.label("New signing secret").wait_gone();
    section(&window, "Messages");
    window.text("user.created").wait().click();
    window.role("button", "Verify again").wait().click();
    window.text("Verified again").wait();
    section(&window, "Audience");
    window.text("maya@example.com").wait();

    section(&window, "Messages");
    window.text("user.created").wait().click();
    window.role("button", "Edit and resend").wait().click();
    let edited = user("user.updated", "user_e2e", Some("maya@example.com"), "Maja", now + 1);
    rewrite(&window, &edited.to_string());
    let dialog = window.role("dialog", "Edit and resend");
    window.role("button", "Send").within(&dialog).click();
    window.text("Accepted 200").wait();
    window.role("link", "Open message").click();
    window.css("[role=dialog]").wait_gone();
    window.wait_for("the change", || window.words().contains("Maja"));

    window.keys(&["c"]);
    let compared = window.role("dialog", "Compare two messages");
    compared.wait();
    window.wait_for("the difference", || {
        let text = compared.text();
        text.contains("first_name") && text.contains("Maya") && text.contains("Maja")
    });
    close_dialog(&window);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server =
        runtime.block_on(DevServer::start(|_, before| status(if before < 2 { 500 } else { 200 })));
    section(&window, "Endpoints");
    window.text("Clerk").wait().click();
    window.role("button", "Add forward").wait().click();
    let dialog = window.role("dialog", "Add forward");
    window.label("URL").within(&dialog).fill(&server.url("/api/webhooks"));
    window.role("button", "Add forward").within(&dialog).click();
    dialog.wait_gone();
    let now = wire::now_ms();
    let last = user("user.updated", "user_e2e", Some("maya@example.com"), "Mia", now).to_string();
    let headers = signed(SECRET, "msg_last", now / 1000, last.as_bytes());
    assert_eq!(wire::post(port, &path, &headers, last.as_bytes()).status, 200);
    runtime.block_on(server.received(2));
    section(&window, "Messages");
    window.execute("document.querySelector('[role=listbox] [role=option]').click()", &json!([]));
    window.role("tab", "Deliveries 1").wait().click();
    window.wait_for("the hint", || window.words().contains("500"));
    window.role("button", &format!("Try now: {}", server.url("/api/webhooks"))).wait().click();
    let received = runtime.block_on(server.received(3));
    assert_eq!(received[2].line, "POST /api/webhooks");
    assert_eq!(received[2].body, last.as_bytes());
    window.wait_for("the answer", || window.words().contains("200"));

    window.resize(1600, 900);
    window.role("button", "Copy as cURL").wait().click();
    window.text("Copied as cURL.").wait();
    let command = pasted(&window);
    let run = Command::new("sh")
        .args(["-c", &format!("{command} -s -o /dev/null -w '%{{http_code}}'")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stdout), "200", "{command}");
}
