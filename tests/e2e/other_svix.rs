//! Messages signed by Svix's own library for JavaScript, which shares no code with ours.

use std::process::Command;

use kit::app::{SECRET, TestApp, user};
use kit::{root, wire};

const SIGN: &str = "
const { Webhook } = require('svix');
const [secret, id, seconds, body] = process.argv.slice(1);
console.log(new Webhook(secret).sign(id, new Date(Number(seconds) * 1000), body));";

fn sign(id: &str, seconds: i64, body: &str) -> String {
    let out = Command::new("node")
        .current_dir(root().join("ui"))
        .args(["-e", SIGN, SECRET, id, &seconds.to_string(), body])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_svix_signs_is_trusted() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let at = wire::now_ms();
    app.clock.advance(at - kit::app::NOON);
    for (id, name) in [("msg_js_1", "Maya"), ("msg_js_2", "Ørnek 🎉")] {
        let body = user(
            "user.created",
            &format!("user_{id}"),
            Some(&format!("{id}@example.com")),
            name,
            at,
        )
        .to_string();
        for family in ["svix", "webhook"] {
            let headers = [
                ("id", format!("{id}_{family}")),
                ("timestamp", (at / 1000).to_string()),
                ("signature", sign(&format!("{id}_{family}"), at / 1000, &body)),
            ]
            .map(|(name, value)| (format!("{family}-{name}"), value));
            let reply = app.send("POST", &endpoint.path, &headers, body.as_bytes()).await;
            let expected = if family == "svix" { "processed" } else { "duplicate" };
            assert_eq!((reply.status, reply.field("outcome")), (200, expected), "{reply:?}");
        }
    }
    app.close().await;
}
