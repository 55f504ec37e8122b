//! Test events that a person saved, each under a name of its own.
//!
//! Deliberately absent: reading them (a screen read) and what their bodies mean. A body is kept as
//! it was saved; that it is JSON is checked before.

use crate::change::Topic;
use crate::db::Tx;

/// Most characters of a name.
pub const NAME_LENGTH: usize = 60;

/// One saved test event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixture {
    /// Its name, which is also that of its file.
    pub name: String,
    /// A few words for a list; may be empty.
    pub title: String,
    /// Clerk's type; may be empty.
    pub kind: String,
    /// JSON text.
    pub body: String,
}

/// Why `name` cannot be the name of a file on every system; `None` when it can.
#[must_use]
pub fn name_problem(name: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let length = name.chars().count();
    if name.is_empty() {
        Some("It needs a name.".to_owned())
    } else if length > NAME_LENGTH {
        Some(format!("A name has up to {NAME_LENGTH} characters; this one has {length}."))
    } else if !name.bytes().all(fits) || name.starts_with('.') || name.ends_with('.') {
        Some(
            "A name consists of letters a to z, digits, \"-\", \"_\" and \".\", and has no \".\" at \
             its ends."
                .to_owned(),
        )
    } else {
        None
    }
}

/// Keeps it, in place of what had the name before.
///
/// # Errors
/// What the database says.
pub async fn put(tx: &mut Tx, fixture: &Fixture, now: i64) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into fixture (name, title, kind, body, created_at) values (?1, ?2, ?3, ?4, ?5)
         on conflict (name) do update
         set name = excluded.name, title = excluded.title, kind = excluded.kind, body = excluded.body",
        fixture.name,
        fixture.title,
        fixture.kind,
        fixture.body,
        now
    )
    .execute(tx.conn())
    .await?;
    tx.touch(Topic::Tests);
    Ok(())
}

/// Forgets the one of that name; false when there was none.
///
/// # Errors
/// What the database says.
pub async fn remove(tx: &mut Tx, name: &str) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query!("delete from fixture where name = ?1", name).execute(tx.conn()).await?;
    tx.touch(Topic::Tests);
    Ok(gone.rows_affected() > 0)
}
