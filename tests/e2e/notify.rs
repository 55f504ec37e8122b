//! Notifications of the real window, on a desktop of their own.

use kit::app::{OTHER_SECRET, SECRET, signed, user};
use kit::desktop::Desktop;
use kit::webdriver::Session;
use kit::wire;
use serde_json::json;
use tempfile::tempdir;

use crate::main_job::{add_endpoint, section};
use crate::window::launch;

#[test]
fn a_refused_message_is_told_of_once_asked_for_while_another_window_is_in_front() {
    let (data, port, desktop) = (tempdir().unwrap(), wire::free_port(), Desktop::start());
    let words = ["--data-dir", data.path().to_str().unwrap(), "--port", &port.to_string()];
    let mut launch = launch(&words);
    launch.env.push(desktop.environment());
    let window = Session::window("notify", &launch);
    window.css("main#screen").wait();
    let path = add_endpoint(&window, port, SECRET);
    let now = wire::now_ms();
    let body = user("user.created", "user_1", Some("maya@example.com"), "Maya", now).to_string();
    let refused = |headers: &[(String, String)]| {
        assert_eq!(wire::post(port, &path, headers, body.as_bytes()).status, 400);
    };
    refused(&[]);
    section(&window, "Messages");
    window.text("Missing headers").wait();

    section(&window, "Settings");
    let switch = window.label("Tell me of refused and failed messages");
    switch.wait().click();
    window.css("[role=switch][aria-checked=true]").wait();
    window.move_to(1_200, 800);
    window.wait_for("another window in front", || {
        window.execute("return document.hasFocus()", &json!([])) == json!(false)
    });
    refused(&signed(OTHER_SECRET, "msg_1", now / 1000, body.as_bytes()));
    let told = ("Message refused".to_owned(), "Clerk: wrong secret".to_owned());
    assert_eq!(desktop.told(), told, "and nothing of the one before");
}
