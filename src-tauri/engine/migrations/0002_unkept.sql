-- Refused requests that were counted and not kept, because too many came at once.
create table unkept (
    endpoint_id integer primary key not null references endpoint (id) on delete cascade,
    count integer not null,
    first_at integer not null,
    last_at integer not null
) strict;
