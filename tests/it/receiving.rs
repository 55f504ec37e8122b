//! From the socket to the contact.

use kit::app::{NOON, TestApp, user};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_user_becomes_a_contact() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let reply =
        app.post(&endpoint, &user("user.created", "user_1", Some("maya@example.com"), "Maya", NOON)).await;
    assert_eq!((reply.status, reply.field("outcome")), (200, "processed"), "{reply:?}");
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 Maya Okafor group=- lists=[] subscribed"
    );
    let rebuilt = app.call("app.rebuild", json!({})).await;
    assert_eq!(rebuilt, json!({ "messages": 1, "contacts": 1, "changed": 0 }));
    app.close().await;
}
