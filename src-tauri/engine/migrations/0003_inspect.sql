-- Searching a million messages, pins, and replays.

-- The message this one is a replay of; it may be gone.
alter table message add column origin_id integer;
alter table message add column pinned integer not null default 0;
-- With which removal it left the lists. What the audience was made from stays in the file.
alter table message add column removal_id integer;

create table message_removal (
    id integer primary key not null,
    at integer not null
) strict;

create index message_removed on message (removal_id) where removal_id is not null;

-- Most messages are processed, so these cost next to nothing while they arrive.
create index message_outcome on message (outcome, id) where outcome <> 'processed';
create index message_pinned on message (id) where pinned = 1;

-- Words of type, subject, ids, headers and body. Only words: text and places are read from the message
-- itself. Filled when it is quiet (inbox/words.rs).
create virtual table message_text using fts5 (
    text,
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = "unicode61 remove_diacritics 0 tokenchars '_'"
);

-- What the index holds, in blocks of neighbouring ids, with the earliest and latest arrival of each.
create table message_block (
    first integer primary key not null,
    last integer not null,
    oldest integer not null,
    newest integer not null
) strict;

-- What is indexed of a message.
create view message_words as
select m.id,
       m.kind || ' ' || coalesce(m.subject, '') || ' ' || coalesce(m.svix_id, '') || ' '
       || coalesce(m.object_id, '') || ' ' || b.headers || ' '
       || coalesce((select group_concat(c.email, ' ') from contact_change c
                    where c.message_id = m.id), '')
       || ' ' || cast(b.body as text) as text
from message m join message_body b on b.message_id = m.id;

create trigger message_text_deleted after delete on message begin
    delete from message_text where rowid = old.id;
end;

-- Passing messages on to an app under development.

create table forward_target (
    id integer primary key not null,
    endpoint_id integer not null references endpoint (id) on delete cascade,
    url text not null,
    -- Types, with * for anything, as a JSON array; empty for all of them.
    types text not null,
    -- Headers of the person's own, as a JSON array of pairs.
    headers text not null,
    -- 'original' passes on the signature as it came; 'fresh' signs anew.
    signature text not null,
    -- The secret to sign with, in the keychain or the secrets file; null for the endpoint's own.
    secret_account text,
    secret_place text,
    secret_hint text,
    -- 'svix' for Svix's schedule, 'none' for one attempt.
    retries text not null,
    -- An address outside this machine and its networks was allowed.
    allow_public integer not null default 0,
    enabled integer not null default 1,
    created_at integer not null,
    removed_at integer,
    -- Messages up to this id were looked at.
    seen integer not null,
    -- The newest attempt.
    last_at integer,
    last_status integer,
    last_problem text,
    constraint forward_target_types check (json_valid(types)),
    constraint forward_target_headers check (json_valid(headers)),
    constraint forward_target_signature check (signature in ('original', 'fresh')),
    constraint forward_target_retries check (retries in ('svix', 'none')),
    constraint forward_target_public check (allow_public in (0, 1)),
    constraint forward_target_enabled check (enabled in (0, 1))
) strict;

create index forward_target_endpoint on forward_target (endpoint_id);

-- Which trusted messages each target that is on wants.
create view forward_wanted as
select m.id as message_id, m.object_id, m.received_at, t.id as target_id, t.seen, t.created_at
from message m join forward_target t on t.endpoint_id = m.endpoint_id
where m.accepted = 1 and t.enabled = 1 and t.removed_at is null
  and (t.types = '[]' or exists (select 1 from json_each(t.types) p where m.kind glob p.value));

-- One message on its way to one target.
create table delivery (
    id integer primary key not null,
    message_id integer not null references message (id) on delete cascade,
    target_id integer not null references forward_target (id) on delete cascade,
    -- Deliveries of one object to one target go in order.
    object_id text,
    -- Signed anew whatever the target says, because it was asked for by hand.
    fresh integer not null default 0,
    -- The id it goes under; null for that of the message.
    svix_id text,
    state text not null,
    attempts integer not null default 0,
    created_at integer not null,
    -- When the next attempt is due; null when there is none.
    due_at integer,
    constraint delivery_fresh check (fresh in (0, 1)),
    constraint delivery_state check (state in ('waiting', 'done', 'failed')),
    constraint delivery_due check ((state = 'waiting') = (due_at is not null))
) strict;

create index delivery_message on delivery (message_id);
create index delivery_target on delivery (target_id, state);
create index delivery_due on delivery (target_id, due_at, id) where state = 'waiting';
create index delivery_order on delivery (target_id, object_id, id) where state = 'waiting';
create index delivery_state on delivery (target_id, state);

-- What came back, each time.
create table delivery_attempt (
    id integer primary key not null,
    delivery_id integer not null references delivery (id) on delete cascade,
    at integer not null,
    took_ms integer not null,
    -- HTTP status; null when there was no answer.
    status integer,
    headers text not null,
    -- The first 64 KiB.
    body blob not null,
    -- What went wrong, for people; null when it was answered 2xx.
    problem text
) strict;

create index delivery_attempt_delivery on delivery_attempt (delivery_id);

-- Test events of the person's own.
create table fixture (
    id integer primary key not null,
    -- Also the name of its file, and some file systems know no case.
    name text not null unique collate nocase,
    title text not null,
    kind text not null,
    body text not null,
    created_at integer not null,
    constraint fixture_body check (json_valid(body))
) strict;
