//! Lists of messages, and the search over them.
//!
//! A search walks from the newest message down in stretches of ids. In each an index names the
//! candidates where one can, and SQL judges them; what the full-text index does not hold yet is judged
//! alone. A stretch is as long as the one before was quick. When the time of a page is up, it is
//! handed over as it is with the place to go on from, so that no search holds up the screen, whatever
//! it asks for.

use std::collections::BTreeSet;

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use serde_json::json;
use sqlx::{QueryBuilder, Sqlite};

use crate::Engine;
use crate::api::environments::ById;
use crate::api::messages::{
    ExplainSearch, ExplainedSearch, FoundMessages, ListMessages, MessageRow, Page, Previous,
    SearchOffer, SearchProblem, SearchTerm, WhichMessages,
};
use crate::api::{ApiError, cursor_of, limit_of};
use crate::clock::Clock;
use crate::filter::messages::{FIELDS, Search, Viewer};
use crate::filter::{self, Node, Problem, Span, Term};

/// Microseconds after which a page is handed over as it is.
const PATIENCE_US: i64 = 20_000;
/// The same for counting.
const COUNTING_US: i64 = 150_000;
/// Ids of the first stretch, and of the longest.
const FIRST_STRETCH: i64 = 2_000;
const LONGEST_STRETCH: i64 = 500_000;
/// Microseconds that a stretch is to take.
const STRETCH_US: i64 = 6_000;
/// Columns of a [`MessageRow`].
const ROW: &str = "m.id, m.svix_id, m.kind, m.outcome, m.reason, e.name as endpoint, m.endpoint_id, \
                   m.environment_id, m.subject, m.received_at, m.status, m.duplicates, m.test, \
                   m.pinned, m.origin_id, \
                   (select min(f.state) from forward_trouble f where f.message_id = m.id) as forward";
/// Offers made at once.
const OFFERS: usize = 12;

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::invalid(problem.sentence)
    }
}

fn viewer(engine: &Engine, zone: Option<&str>) -> Result<Viewer, ApiError> {
    let zone = match zone {
        None => TimeZone::UTC,
        Some(name) => DateTimeParser::new()
            .parse_time_zone(name)
            .map_err(|_| ApiError::invalid(format!("There is no time zone \"{name}\".")))?,
    };
    Ok(Viewer { now: engine.now(), zone })
}

/// A search, of what it finds only what `also` finds.
fn search_of(
    engine: &Engine,
    query: Option<&str>,
    zone: Option<&str>,
    also: Node,
) -> Result<Search, ApiError> {
    let tree = filter::parse(query.unwrap_or_default())?.and(also);
    Ok(Search::of(&tree, &viewer(engine, zone)?)?)
}

fn anything() -> Node {
    Node::All(Vec::new())
}

/// Lists messages, newest first, or oldest first after an id.
pub(in crate::api) async fn list(
    engine: &Engine,
    of: ListMessages,
) -> Result<Page<MessageRow>, ApiError> {
    let limit = limit_of(of.limit);
    let also = match of.repeated_after {
        Some(_) => filter::parse("is:duplicate")?,
        None => anything(),
    };
    let search = search_of(engine, of.query.as_deref(), of.zone.as_deref(), also)?;
    let cursor = cursor_of(of.cursor.as_deref())?;
    let walk = Walk {
        engine,
        search: &search,
        environment: of.environment_id,
        endpoint: None,
        repeated_after: of.repeated_after,
    };
    match of.after {
        Some(after) => walk.up(cursor.unwrap_or(after), limit).await,
        None => walk.down(cursor, limit, Some(PATIENCE_US)).await,
    }
}

/// How many there are, as far as could be counted in a moment.
pub(in crate::api) async fn count(
    engine: &Engine,
    of: ListMessages,
) -> Result<FoundMessages, ApiError> {
    let search = search_of(engine, of.query.as_deref(), of.zone.as_deref(), anything())?;
    Walk {
        engine,
        search: &search,
        environment: of.environment_id,
        endpoint: None,
        repeated_after: None,
    }
    .count()
    .await
}

/// The ids of messages to do something with, in the order of their arrival.
pub(in crate::api) async fn ids_of(
    engine: &Engine,
    which: WhichMessages,
) -> Result<Vec<i64>, ApiError> {
    ids_with(engine, which, anything()).await
}

/// The same; of what a search finds or an endpoint received only what `also` finds.
pub(in crate::api) async fn ids_with(
    engine: &Engine,
    which: WhichMessages,
    also: Node,
) -> Result<Vec<i64>, ApiError> {
    if let Some(mut ids) = which.ids {
        ids.sort_unstable();
        ids.dedup();
        return there(engine, ids).await;
    }
    if which.query.is_none() && which.endpoint_id.is_none() {
        return Err(ApiError::invalid("Say which messages, or what to search for."));
    }
    let search = search_of(engine, which.query.as_deref(), which.zone.as_deref(), also)?;
    let (environment, endpoint) = (which.environment_id, which.endpoint_id);
    let walk = Walk { engine, search: &search, environment, endpoint, repeated_after: None };
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let page = walk.down(cursor, 1000, None).await?;
        ids.extend(page.rows.iter().map(|row| row.id));
        cursor = cursor_of(page.next.as_deref())?;
        if cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    Ok(ids)
}

/// Those of named messages that exist; when there are none, that is an error.
async fn there(engine: &Engine, ids: Vec<i64>) -> Result<Vec<i64>, ApiError> {
    let named = json!(ids).to_string();
    let there = sqlx::query_scalar!(
        r#"select id as "id!" from message where id in (select value from json_each(?1)) order by id"#,
        named
    )
    .fetch_all(&engine.db().read())
    .await?;
    match ids.as_slice() {
        [id] if there.is_empty() => Err(ApiError::not_found(format!("There is no message {id}."))),
        [_, ..] if there.is_empty() => Err(ApiError::not_found("None of these messages is there.")),
        _ => Ok(there),
    }
}

/// The message before this one about the same object, in the same environment.
pub(in crate::api) async fn previous(engine: &Engine, of: ById) -> Result<Previous, ApiError> {
    let found = sqlx::query!("select environment_id, object_id from message where id = ?1", of.id)
        .fetch_optional(&engine.db().read())
        .await?
        .ok_or_else(|| ApiError::not_found(format!("There is no message {}.", of.id)))?;
    let Some(object) = found.object_id else { return Ok(Previous { id: None }) };
    let span = Span::default();
    let term = Term { field: Some("id".to_owned()), value: object, quoted: true, span };
    let search = Search::of(&Node::Term(term), &viewer(engine, None)?)?;
    let environment = Some(found.environment_id);
    let walk = Walk { engine, search: &search, environment, endpoint: None, repeated_after: None };
    let page = walk.down(Some(of.id), 1, None).await?;
    Ok(Previous { id: page.rows.first().map(|row| row.id) })
}

/// A search on its way through the messages.
struct Walk<'a> {
    engine: &'a Engine,
    search: &'a Search,
    environment: Option<i64>,
    endpoint: Option<i64>,
    /// Only those delivered again after it, unix milliseconds.
    repeated_after: Option<i64>,
}

/// What is to be looked at next.
enum Stretch<'a> {
    /// The ids from the first to the second, with what the full-text index is asked for.
    Of(i64, i64, Option<&'a str>),
    /// Nothing; all was looked at.
    End,
    /// Nothing now; later the ids below this one.
    Later(i64),
}

/// The way down through the ids.
struct Stretches<'a> {
    clock: &'a dyn Clock,
    hint: Option<&'a str>,
    bounds: Bounds,
    high: i64,
    length: i64,
    /// The clock's microseconds when the patience ends.
    until: Option<i64>,
    begun: Option<i64>,
}

impl<'a> Stretches<'a> {
    fn next(&mut self) -> Stretch<'a> {
        let now = self.clock.now_us();
        if let Some(begun) = self.begun.replace(now) {
            let took = (now - begun).max(STRETCH_US / 4);
            let length = self.length.saturating_mul(STRETCH_US) / took;
            self.length = length.clamp(FIRST_STRETCH / 4, LONGEST_STRETCH);
        }
        if self.high <= self.bounds.indexed {
            self.high = self.high.min(self.bounds.highest);
        }
        if self.high < self.bounds.lowest || self.high < 1 {
            return Stretch::End;
        }
        if self.until.is_some_and(|until| now > until) {
            return Stretch::Later(self.high + 1);
        }
        let indexed = self.high <= self.bounds.indexed;
        let floor = if indexed { self.bounds.lowest } else { self.bounds.indexed + 1 };
        let (low, high) = ((self.high.saturating_sub(self.length) + 1).max(floor), self.high);
        self.high = low - 1;
        Stretch::Of(low, high, self.hint.filter(|_| indexed))
    }
}

/// What the index says about where to look.
struct Bounds {
    /// The newest message.
    newest: i64,
    /// Messages above it are not indexed.
    indexed: i64,
    /// Of those that are, none above this id and none below the other can match.
    highest: i64,
    lowest: i64,
}

impl Walk<'_> {
    async fn up(&self, after: i64, limit: usize) -> Result<Page<MessageRow>, ApiError> {
        let mut sql = self.statement(ROW, after.saturating_add(1), i64::MAX, None);
        sql.push(" order by m.id limit ").push_bind(take(limit));
        let rows = sql.build_query_as().fetch_all(&self.engine.db().read()).await?;
        Ok(Page::cut(rows, limit, |row: &MessageRow| row.id.to_string()))
    }

    /// From the id below `cursor` down, for as long as `patience` lasts.
    async fn down(
        &self,
        cursor: Option<i64>,
        limit: usize,
        patience_us: Option<i64>,
    ) -> Result<Page<MessageRow>, ApiError> {
        let mut rows: Vec<MessageRow> = Vec::new();
        let mut stretches = self.stretches(cursor.unwrap_or(i64::MAX), patience_us).await?;
        loop {
            let (low, high, hint) = match stretches.next() {
                Stretch::Of(low, high, hint) => (low, high, hint),
                Stretch::End => break,
                Stretch::Later(next) => return Ok(Page { rows, next: Some(next.to_string()) }),
            };
            let mut sql = self.statement(ROW, low, high, hint);
            sql.push(if hint.is_some() {
                " order by message_text.rowid"
            } else {
                " order by m.id"
            })
            .push(" desc limit ")
            .push_bind(take(limit - rows.len()));
            let found: Vec<MessageRow> =
                sql.build_query_as().fetch_all(&self.engine.db().read()).await?;
            rows.extend(found);
            if rows.len() > limit {
                break;
            }
        }
        Ok(Page::cut(rows, limit, |row: &MessageRow| row.id.to_string()))
    }

    async fn count(&self) -> Result<FoundMessages, ApiError> {
        let mut count = 0;
        let mut stretches = self.stretches(i64::MAX, Some(COUNTING_US)).await?;
        loop {
            let (low, high, hint) = match stretches.next() {
                Stretch::Of(low, high, hint) => (low, high, hint),
                Stretch::End => return Ok(FoundMessages { count, whole: true }),
                Stretch::Later(_) => return Ok(FoundMessages { count, whole: false }),
            };
            let mut sql = self.statement("count(*)", low, high, hint);
            let found: i64 = sql.build_query_scalar().fetch_one(&self.engine.db().read()).await?;
            count += found;
        }
    }

    /// The stretches of ids below `before`, newest first.
    async fn stretches(
        &self,
        before: i64,
        patience_us: Option<i64>,
    ) -> Result<Stretches<'_>, ApiError> {
        let bounds = self.bounds().await?;
        let now = self.engine.clock().now_us();
        Ok(Stretches {
            clock: self.engine.clock(),
            hint: self.search.hint.as_ref().map(|hint| hint.as_match()),
            high: before.min(bounds.newest.saturating_add(1)).saturating_sub(1),
            bounds,
            length: if self.search.is_everything() { i64::MAX } else { FIRST_STRETCH },
            until: patience_us.map(|patience| now.saturating_add(patience)),
            begun: None,
        })
    }

    fn statement(
        &self,
        columns: &'static str,
        low: i64,
        high: i64,
        hint: Option<&str>,
    ) -> QueryBuilder<Sqlite> {
        let mut sql = QueryBuilder::new("select ");
        sql.push(columns).push(" from ");
        match (hint, self.search.index) {
            (Some(hint), _) => {
                sql.push(
                    "message_text cross join message m on m.id = message_text.rowid \
                     join endpoint e on e.id = m.endpoint_id where message_text match ",
                )
                .push_bind(hint.to_owned())
                .push(" and message_text.rowid between ");
            }
            (None, Some(index)) => {
                sql.push("message m indexed by ")
                    .push(index)
                    .push(" join endpoint e on e.id = m.endpoint_id where m.id between ");
            }
            (None, None) => {
                sql.push("message m join endpoint e on e.id = m.endpoint_id where m.id between ");
            }
        }
        sql.push_bind(low).push(" and ").push_bind(high).push(" and m.removal_id is null");
        if let Some(environment) = self.environment {
            sql.push(" and m.environment_id = ").push_bind(environment);
        }
        if let Some(endpoint) = self.endpoint {
            sql.push(" and m.endpoint_id = ").push_bind(endpoint);
        }
        if let Some(after) = self.repeated_after {
            sql.push(" and m.last_duplicate_at > ").push_bind(after);
        }
        if !self.search.is_everything() {
            sql.push(" and ");
            self.search.push(&mut sql);
        }
        sql
    }

    async fn bounds(&self) -> Result<Bounds, ApiError> {
        let (since, until) = (self.search.since, self.search.until);
        let found = sqlx::query!(
            r#"select coalesce((select max(id) from message), 0) as "newest!: i64",
                      coalesce((select max(last) from message_block), 0) as "indexed!: i64",
                      coalesce((select max(last) from message_block
                                where ?2 is null or oldest < ?2), 0) as "highest!: i64",
                      iif(?1 is null, 0, coalesce((select min(first) from message_block
                                where newest >= ?1),
                               (select max(last) + 1 from message_block), 0)) as "lowest!: i64""#,
            since,
            until
        )
        .fetch_one(&self.engine.db().read())
        .await?;
        let (newest, indexed) = (found.newest, found.indexed);
        Ok(Bounds { newest, indexed, highest: found.highest, lowest: found.lowest })
    }
}

fn take(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
}

/// What a search says, what is wrong with it, and what might be typed next.
pub(in crate::api) async fn explain(
    engine: &Engine,
    asked: ExplainSearch,
) -> Result<ExplainedSearch, ApiError> {
    let text = asked.query.as_str();
    let units = |place: usize| u32_of(text[..place].encode_utf16().count());
    let place = |span: Span| (units(span.start), units(span.end));
    let viewer = viewer(engine, asked.zone.as_deref())?;
    let read = filter::parse(text);
    let terms = read.as_ref().map(Node::terms).unwrap_or_default();
    let terms = terms
        .into_iter()
        .map(|(term, negated)| {
            let (start, end) = place(term.span);
            let (field, value) = (term.field.clone(), term.value.clone());
            SearchTerm { start, end, field, value, negated }
        })
        .collect();
    let problem = read.and_then(|tree| Search::of(&tree, &viewer)).err().map(|problem| {
        let (start, end) = place(problem.span);
        SearchProblem { sentence: problem.sentence, start, end }
    });
    let caret = byte_of(text, asked.caret);
    let typed = text[..caret]
        .rfind(|c: char| c.is_whitespace() || c == '(')
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let typed = typed + usize::from(text[typed..caret].starts_with('-'));
    let (start, end) = (units(typed), units(caret));
    let offers = offers(engine, &text[typed..caret], asked.environment_id).await?;
    let offers = offers
        .into_iter()
        .map(|(text, what)| SearchOffer { text, what, start, end })
        .take(OFFERS)
        .collect();
    Ok(ExplainedSearch { terms, problem, offers })
}

/// The byte at so many UTF-16 code units, at the beginning of a sign.
fn byte_of(text: &str, units: Option<u32>) -> usize {
    let Some(units) = units else { return text.len() };
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += u32_of(c.len_utf16());
    }
    text.len()
}

fn u32_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

async fn offers(
    engine: &Engine,
    typed: &str,
    environment: Option<i64>,
) -> Result<Vec<(String, String)>, ApiError> {
    let Some((name, value)) = typed.split_once(':') else {
        let fields = FIELDS.iter().filter(|field| field.name.starts_with(&typed.to_lowercase()));
        return Ok(fields
            .map(|field| (format!("{}:", field.name), field.what.to_owned()))
            .collect());
    };
    let Some(field) = FIELDS.iter().find(|field| field.name == name.to_lowercase()) else {
        return Ok(Vec::new());
    };
    let known: BTreeSet<String> = match field.name {
        "type" | "reason" | "endpoint" => values(engine, field.name, environment).await?,
        _ => BTreeSet::new(),
    };
    let start = value.trim_start_matches('"').to_lowercase();
    let times = ["today", "yesterday", "\"2 days ago\"", "\"1 week ago\""];
    let listed: Vec<&str> = match field.name {
        "before" | "after" => times.to_vec(),
        "larger" | "smaller" => vec!["10k", "100k", "1m"],
        _ => field.values.to_vec(),
    };
    let all = listed.into_iter().map(str::to_owned).chain(known.into_iter().map(|value| {
        if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value }
    }));
    Ok(all
        .filter(|value| value.trim_start_matches('"').to_lowercase().starts_with(&start))
        .map(|value| (format!("{name}:{value}"), String::new()))
        .filter(|(offered, _)| offered != typed)
        .collect())
}

/// Values that occur: of types and reasons among the newest thousand messages.
async fn values(
    engine: &Engine,
    field: &str,
    environment: Option<i64>,
) -> Result<BTreeSet<String>, ApiError> {
    let found: Vec<Option<String>> = sqlx::query_scalar!(
        r#"select distinct iif(?1 = 'endpoint', e.name, iif(?1 = 'type', r.kind, r.reason))
               as "value: String"
           from endpoint e left join (
               select endpoint_id, kind, reason from message
               where ?2 is null or environment_id = ?2 order by id desc limit 1000
           ) r on r.endpoint_id = e.id
           where (?2 is null or e.environment_id = ?2) and (?1 <> 'endpoint' or e.removed_at is null)"#,
        field,
        environment
    )
    .fetch_all(&engine.db().read())
    .await?;
    Ok(found.into_iter().flatten().filter(|value| !value.is_empty()).collect())
}
