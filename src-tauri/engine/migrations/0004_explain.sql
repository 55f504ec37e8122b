-- What decided about a message, and what became of it elsewhere.

-- The message that said it before, said something newer, or deleted; it may be gone.
alter table message add column against_id integer;

-- Few messages are repeated, or replayed; looked for by `is:duplicate` and `is:replayed`.
create index message_repeated on message (id) where outcome = 'duplicate' or duplicates > 0;
create index message_replayed on message (id) where origin_id is not null;

-- The strings of a body that is JSON with a backslash, as they read. Not of one that is much larger than
-- any of Clerk's: a few of those would hold others up.
create view message_strings as
select b.message_id, t.atom as text
from message_body b join json_tree(
    iif(length(b.body) <= 262144 and instr(b.body, x'5c') > 0 and json_valid(cast(b.body as text)),
        cast(b.body as text), 'null')) t
where t.type = 'text';

-- They are indexed from now on (inbox/words.rs): all is indexed anew, when it is quiet.
insert into message_text (message_text) values ('delete-all');
delete from message_block;

-- Deliveries that a target did not take: given up, or to be tried again.
create view forward_trouble as
select message_id, state
from delivery where state = 'failed' or (state = 'waiting' and attempts > 0);

-- The delivery that goes before one, being about the same object to the same target; null when it is its
-- own turn.
create view delivery_turn as
select d.id, (select min(e.id) from delivery e indexed by delivery_order
              where e.target_id = d.target_id and e.object_id = d.object_id
                and e.state = 'waiting' and e.id < d.id) as behind
from delivery d;

-- When the schedule of a delivery goes on after an attempt that was asked for by hand, which does not
-- count in it; null while no such attempt is due or under way.
alter table delivery add column resume_at integer;

-- Ids that others remember are never given again.
insert into counter (name, next)
select 'removal', 1 + max(coalesce((select max(id) from message_removal), 0),
                          coalesce((select max(removal_id) from message), 0))
union all
select 'endpoint_secret', 1 + max(coalesce((select max(id) from endpoint_secret), 0),
                                  coalesce((select max(secret_id) from message), 0));

-- The same as delivery_target.
drop index delivery_state;
