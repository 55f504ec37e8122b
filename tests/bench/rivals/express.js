// A receiver as one writes it by hand: Express, svix, and SQLite by better-sqlite3.
import Database from "better-sqlite3";
import express from "express";
import { Webhook } from "svix";

const [folder, secret] = process.argv.slice(2);
const db = new Database(`${folder}/messages.db`);
db.pragma("journal_mode = WAL");
db.pragma("synchronous = FULL");
db.exec(
  "create table message (id text primary key, type text not null, received_at integer not null, body blob not null)",
);
const insert = db.prepare("insert or ignore into message values (?, ?, ?, ?)");
const webhook = new Webhook(secret);

const app = express();
app.disable("x-powered-by");
app.post("/in/bench", express.raw({ type: "application/json", limit: "1mb" }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch {
    response.status(400).json({ ok: false });
    return;
  }
  insert.run(request.headers["svix-id"], event.type, Date.now(), request.body);
  response.json({ ok: true });
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ type: "ready", url: `http://127.0.0.1:${server.address().port}` }));
});
