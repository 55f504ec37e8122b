-- What a message repeats or lost against.

-- The message that said it before, said something newer, or deleted; it may be gone.
alter table message add column against_id integer;

-- Few messages are repeated, or replayed; looked for by `is:duplicate` and `is:replayed`.
create index message_repeated on message (id) where outcome = 'duplicate' or duplicates > 0;
create index message_replayed on message (id) where origin_id is not null;

-- Deliveries that a target did not take: given up, or to be tried again.
create view forward_trouble as
select message_id, state
from delivery where state = 'failed' or (state = 'waiting' and attempts > 0);

-- When the schedule of a delivery goes on after an attempt that was asked for by hand, which does not
-- count in it; null while no such attempt is due or under way.
alter table delivery add column resume_at integer;

-- Words behind escapes of a JSON body are indexed from now on (inbox/words.rs): all is indexed anew, when
-- it is quiet.
insert into message_text (message_text) values ('delete-all');
delete from message_block;
