// The same as express.js with Fastify.
import Database from "better-sqlite3";
import Fastify from "fastify";
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

const app = Fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => done(null, body));
app.post("/in/bench", async (request, reply) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch {
    return reply.code(400).send({ ok: false });
  }
  insert.run(request.headers["svix-id"], event.type, Date.now(), request.body);
  return { ok: true };
});

const url = await app.listen({ port: 0, host: "127.0.0.1" });
console.log(JSON.stringify({ type: "ready", url }));
