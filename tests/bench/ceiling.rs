//! The ceiling: as little as a receiver can do and still be durable. axum, svix, one commit for all
//! that wait. No limits, no audience, no duplicates told apart, nothing to look at.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};
use svix::webhooks::Webhook;
use tokio::sync::{mpsc, oneshot};

use crate::traffic::{SECRET, epoch_us};

const BATCH: usize = 256;

struct Message {
    id: String,
    kind: String,
    body: Bytes,
    stored: oneshot::Sender<()>,
}

struct Door {
    webhook: Webhook,
    queue: mpsc::Sender<Message>,
}

/// Serves until the process is ended.
pub fn serve(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (queue, waiting) = mpsc::channel(1024);
        let options = SqliteConnectOptions::new()
            .filename(folder.join("messages.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut db = options.connect().await.unwrap();
        let table = "create table message (id text primary key, type text not null, \
                     received_at integer not null, body blob not null)";
        sqlx::query(table).execute(&mut db).await.unwrap();
        tokio::spawn(write(db, waiting));
        let door = Door { webhook: Webhook::new(SECRET).unwrap(), queue };
        let app = Router::new().route("/in/bench", post(receive)).with_state(Arc::new(door));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        println!("{}", serde_json::json!({ "type": "ready", "url": url }));
        axum::serve(listener, app).await.unwrap();
    });
}

async fn receive(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    if door.webhook.verify(&body, &headers).is_err() {
        return (StatusCode::BAD_REQUEST, r#"{"ok":false}"#);
    }
    let id = headers["svix-id"].to_str().unwrap_or_default().to_owned();
    let event: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let kind = event["type"].as_str().unwrap_or_default().to_owned();
    let (stored, answer) = oneshot::channel();
    let sent = door.queue.send(Message { id, kind, body, stored }).await;
    if sent.is_err() || answer.await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, r#"{"ok":false}"#);
    }
    (StatusCode::OK, r#"{"ok":true}"#)
}

async fn write(mut db: SqliteConnection, mut waiting: mpsc::Receiver<Message>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        sqlx::query("begin immediate").execute(&mut db).await.unwrap();
        for message in &batch {
            sqlx::query("insert or ignore into message values (?, ?, ?, ?)")
                .bind(&message.id)
                .bind(&message.kind)
                .bind(i64::try_from(epoch_us() / 1000).unwrap())
                .bind(&message.body[..])
                .execute(&mut db)
                .await
                .unwrap();
        }
        sqlx::query("commit").execute(&mut db).await.unwrap();
        for message in batch.drain(..) {
            let _ = message.stored.send(());
        }
    }
}
