-- Times are unix milliseconds, ids are integers, bodies stand in a table of their own so that
-- list pages stay small.

create table setting (
    key text primary key not null,
    value text not null
) strict, without rowid;

create table counter (
    name text primary key not null,
    next integer not null
) strict, without rowid;

insert into counter (name, next) values ('contact', 1);

create table environment (
    id integer primary key not null,
    name text not null collate nocase unique,
    kind text not null,
    color text not null,
    instance_id text,
    created_at integer not null,
    constraint environment_kind check (kind in ('development', 'production'))
) strict;

create table mailing_list (
    id integer primary key not null,
    environment_id integer not null references environment (id) on delete cascade,
    name text not null collate nocase,
    created_at integer not null,
    unique (environment_id, name)
) strict;

create table endpoint (
    id integer primary key not null,
    environment_id integer not null references environment (id),
    name text not null,
    token text not null unique,
    paused integer not null default 0,
    created_at integer not null,
    removed_at integer,
    constraint endpoint_paused check (paused in (0, 1))
) strict;

create index endpoint_environment on endpoint (environment_id);
create unique index endpoint_name on endpoint (environment_id, name collate nocase)
    where removed_at is null;

-- Settings are versions: a message keeps the one it was judged by, so that a rebuild judges alike.
create table endpoint_settings (
    id integer primary key not null,
    endpoint_id integer not null references endpoint (id),
    created_at integer not null,
    body text not null,
    constraint endpoint_settings_json check (json_valid(body))
) strict;

create index endpoint_settings_endpoint on endpoint_settings (endpoint_id, id);

-- The secret itself is in the keychain, or in the secrets file, under account.
create table endpoint_secret (
    id integer primary key not null,
    endpoint_id integer not null references endpoint (id),
    account text not null unique,
    place text not null,
    hint text not null,
    added_at integer not null,
    last_verified_at integer,
    constraint endpoint_secret_place check (place in ('system', 'file'))
) strict;

create index endpoint_secret_endpoint on endpoint_secret (endpoint_id);

create table message (
    id integer primary key autoincrement not null,
    environment_id integer not null references environment (id),
    endpoint_id integer not null references endpoint (id),
    settings_id integer not null references endpoint_settings (id),
    received_at integer not null,
    svix_id text,
    kind text not null,
    object_id text,
    subject text,
    instance_id text,
    accepted integer not null,
    outcome text not null,
    reason text,
    sentence text not null,
    status integer not null,
    answer text not null,
    secret_id integer,
    signed_at integer,
    test integer not null default 0,
    duplicates integer not null default 0,
    last_duplicate_at integer,
    altered_duplicate integer not null default 0,
    body_tie integer not null,
    body_size integer not null,
    verified_us integer not null,
    stored_us integer not null,
    settled_us integer,
    answered_us integer,
    constraint message_outcome check (outcome in (
        'processed', 'ignored', 'off', 'no_email', 'duplicate', 'stale', 'waiting', 'failed', 'refused'
    )),
    constraint message_accepted check (accepted = 1 or outcome in ('refused', 'duplicate'))
) strict;

-- The duplicate key is taken by accepted messages only: a forged one can never occupy it.
create unique index message_svix on message (endpoint_id, svix_id) where accepted = 1;
create index message_environment on message (environment_id, id);
create index message_endpoint on message (endpoint_id, received_at, accepted);
create index message_kind on message (endpoint_id, kind, received_at) where accepted = 1;
create index message_refused on message (endpoint_id, id) where accepted = 0;
create index message_waiting on message (endpoint_id, id) where outcome in ('waiting', 'failed');

create table message_body (
    message_id integer primary key not null references message (id) on delete cascade,
    headers text not null,
    body blob not null
) strict;

-- What Clerk said of a user and of a waitlist entry, as registers (audience/merge.rs).
create table clerk_user (
    environment_id integer not null references environment (id),
    user_id text not null,
    state text not null,
    primary key (environment_id, user_id)
) strict, without rowid;

create table waitlist_entry (
    environment_id integer not null references environment (id),
    entry_id text not null,
    email_key text,
    state text not null,
    primary key (environment_id, entry_id)
) strict, without rowid;

create index waitlist_entry_email on waitlist_entry (environment_id, email_key);

create table seen_email (
    environment_id integer not null references environment (id),
    email_key text not null,
    user_id text not null,
    first_at integer not null,
    primary key (environment_id, email_key, user_id)
) strict, without rowid;

create index seen_email_user on seen_email (environment_id, user_id);

-- What the person did by hand, on a user or on an email address.
create table hand (
    environment_id integer not null references environment (id),
    anchor text not null,
    state text not null,
    primary key (environment_id, anchor)
) strict, without rowid;

-- The audience: computed from the four tables above, one row for each email address in use.
create table contact (
    id integer primary key not null,
    environment_id integer not null references environment (id),
    email_key text not null,
    email text not null,
    user_id text,
    first_name text,
    last_name text,
    user_group text,
    source text not null,
    subscribed integer not null,
    created_at integer not null,
    updated_at integer not null,
    state text not null,
    constraint contact_subscribed check (subscribed in (0, 1))
) strict;

create unique index contact_email on contact (environment_id, email_key);
create index contact_user on contact (environment_id, user_id) where user_id is not null;
create index contact_updated on contact (environment_id, updated_at, id);
create index contact_created on contact (environment_id, created_at, id);

create table contact_list (
    list_id integer not null references mailing_list (id) on delete cascade,
    contact_id integer not null references contact (id) on delete cascade on update cascade,
    primary key (list_id, contact_id)
) strict, without rowid;

create index contact_list_contact on contact_list (contact_id);

-- The timeline. It outlives its contact.
create table contact_change (
    id integer primary key not null,
    environment_id integer not null references environment (id),
    contact_id integer not null,
    at integer not null,
    what text not null,
    email text not null,
    message_id integer,
    changes text not null,
    note text,
    constraint contact_change_what check (what in ('created', 'updated', 'removed', 'stale', 'unchanged'))
) strict;

create index contact_change_contact on contact_change (contact_id, id);
create index contact_change_message on contact_change (message_id) where message_id is not null;

create table event_name (
    id integer primary key not null,
    environment_id integer not null references environment (id),
    name text not null,
    count integer not null,
    first_at integer not null,
    last_at integer not null,
    unique (environment_id, name)
) strict;

create table event (
    id integer primary key not null,
    name_id integer not null references event_name (id),
    message_id integer not null references message (id) on delete cascade,
    contact_id integer,
    label text not null,
    at integer not null
) strict;

create index event_of_name on event (name_id, id);
create index event_of_message on event (message_id);

-- Removals by hand that can be taken back.
create table removal (
    id integer primary key not null,
    environment_id integer not null references environment (id),
    at integer not null,
    anchors text not null
) strict;
