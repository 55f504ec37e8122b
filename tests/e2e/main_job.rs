//! The main job in the real window: endpoint, message, contact, edit, restart.

use std::path::Path;

use kit::app::{SECRET, signed, user};
use kit::webdriver::Session;
use kit::wire;
use serde_json::json;
use tempfile::tempdir;

use crate::window::launch;

/// The app on this folder, with its screen there.
pub(crate) fn open(name: &str, folder: &Path, port: u16) -> Session {
    let port = port.to_string();
    let folder = folder.to_str().unwrap();
    let window = Session::window(name, &launch(&["--data-dir", folder, "--port", &port]));
    window.css("main#screen").wait();
    window
}

/// Goes to a section by its entry in the sidebar, whose name may be followed by a count.
pub(crate) fn section(window: &Session, name: &str) {
    window.wait_for(name, || {
        let clicked = "const link = [...document.querySelectorAll('nav a')]
                .find((a) => a.textContent.startsWith(arguments[0]));
            link?.click();
            return link !== undefined;";
        window.execute(clicked, &json!([name])) == json!(true)
    });
}

/// Adds the endpoint "Clerk" through its dialog and gives the path of its URL.
pub(crate) fn add_endpoint(window: &Session, port: u16, secret: &str) -> String {
    section(window, "Endpoints");
    window.role("button", "Add endpoint").wait().click();
    let dialog = window.role("dialog", "Add endpoint");
    dialog.wait();
    window.label("Name").within(&dialog).fill("Clerk");
    window.label("Signing secret (optional)").within(&dialog).fill(secret);
    window.role("button", "Add endpoint").within(&dialog).click();
    let url = window.css("section[aria-label='Endpoint URL'] h2 + div code").wait().text();
    let base = format!("http://127.0.0.1:{port}");
    url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} is not at {base}")).to_owned()
}

#[test]
fn a_webhook_becomes_a_contact_that_is_still_there_after_a_restart() {
    let data = tempdir().unwrap();
    let port = wire::free_port();
    let window = open("main_job", data.path(), port);

    let path = add_endpoint(&window, port, SECRET);

    section(&window, "Messages");
    let now = wire::now_ms();
    let body = user("user.created", "user_e2e", Some("maya@example.com"), "Maya", now).to_string();
    let headers = signed(SECRET, "msg_e2e", now / 1000, body.as_bytes());
    let reply = wire::post(port, &path, &headers, body.as_bytes());
    assert_eq!((reply.status, reply.field("outcome")), (200, "processed"), "{reply:?}");
    window.text("user.created").wait();
    window.text("maya@example.com").wait();
    window.text("Processed").wait();

    section(&window, "Audience");
    window.text("maya@example.com").wait().click();
    window.role("button", "Edit").wait().click();
    window.label("First name").wait().fill("Maja");
    window.label("User group").fill("Customers");
    window.role("button", "Save").click();
    window.role("heading", "Maja Okafor").wait();
    window.text("Edited by hand").wait();
    drop(window);

    let window = open("main_job_again", data.path(), port);
    section(&window, "Audience");
    window.text("Maja Okafor").wait().click();
    let pane = window.css("main article");
    window.wait_for("the edited group", || pane.text().contains("Customers"));
    section(&window, "Messages");
    window.text("user.created").wait().click();
    window.text("Signature valid").wait();
    section(&window, "Endpoints");
    window.text("Receiving").wait();
    let again = wire::post(port, &path, &headers, body.as_bytes());
    assert_eq!((again.status, again.field("outcome")), (200, "duplicate"), "{again:?}");
}
