//! `usher contacts`.

use serde_json::json;
use usher_engine::api::contacts::{
    ContactDetail, ContactRow, ContactSort, ListContacts, PageOf, TimelineEntry,
};
use usher_engine::api::environments::ById;
use usher_engine::api::messages::Page;
use usher_engine::host::Host;

use super::args::{Contacts, List};
use super::failure::Failure;
use super::messages::{Left, changes};
use super::out::{Out, Table, or_dash, printable, time};

/// Runs one of the commands.
pub async fn run(host: &Host, command: Contacts, out: &mut Out) -> Result<(), Failure> {
    match command {
        Contacts::List(asked) => list(host, &asked, out).await,
        Contacts::Show { contact, environment, limit } => {
            let environment = super::environment(host, environment.as_deref()).await?;
            show(host, find(host, &contact, environment).await?, limit, out).await
        }
    }
}

async fn list(host: &Host, asked: &List, out: &mut Out) -> Result<(), Failure> {
    let environment_id = super::environment(host, asked.environment.as_deref()).await?;
    let mut page = newest(environment_id, asked.text());
    let mut table =
        Table::new(["ID", "EMAIL", "NAME", "USER ID", "GROUP", "LISTS", "SUBSCRIBED", "CREATED"]);
    let mut left = Left::new(asked.limit());
    while let Some(limit) = left.page() {
        page.limit = Some(limit);
        let got: Page<ContactRow> = host.ask("contacts.list", &page).await?;
        left.took(got.rows.len());
        if out.json {
            got.rows.iter().try_for_each(|row| out.object(row))?;
        } else {
            table.rows(out, &got.rows.iter().map(cells).collect::<Vec<_>>())?;
        }
        page.cursor = got.next;
        if page.cursor.is_none() {
            left.end();
        }
    }
    left.hint(out, "contacts");
    Ok(())
}

fn newest(environment_id: Option<i64>, query: Option<String>) -> ListContacts {
    let sort = Some(ContactSort::Created);
    ListContacts { environment_id, query, sort, reverse: None, cursor: None, limit: None }
}

fn cells(row: &ContactRow) -> [String; 8] {
    [
        row.id.to_string(),
        row.email.clone(),
        name(row),
        or_dash(row.user_id.as_deref()),
        or_dash(row.user_group.as_deref()),
        or_dash(Some(&row.lists.join(", "))),
        if row.subscribed { "yes" } else { "no" }.to_owned(),
        time(row.created_at),
    ]
}

fn name(row: &ContactRow) -> String {
    let names = [row.first_name.as_deref(), row.last_name.as_deref()];
    or_dash(Some(&names.into_iter().flatten().collect::<Vec<_>>().join(" ")))
}

/// The id of the contact with that id, user ID or email.
async fn find(host: &Host, named: &str, environment_id: Option<i64>) -> Result<i64, Failure> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let wanted = named.trim().to_lowercase();
    let mut page = newest(environment_id, Some(wanted.clone()));
    page.limit = Some(1000);
    let mut found: Vec<ContactRow> = Vec::new();
    loop {
        let got: Page<ContactRow> = host.ask("contacts.list", &page).await?;
        found.extend(got.rows.into_iter().filter(|row| {
            row.email.to_lowercase() == wanted || row.user_id.as_deref() == Some(named.trim())
        }));
        page.cursor = got.next;
        if page.cursor.is_none() {
            break;
        }
    }
    match found.as_slice() {
        [] => Err(Failure::NotFound(format!("There is no contact \"{named}\"."))),
        [one] => Ok(one.id),
        several => {
            let ids: Vec<String> = several.iter().map(|row| row.id.to_string()).collect();
            Err(Failure::Usage(format!(
                "There are {} contacts \"{named}\". Name one by its id: {}.",
                several.len(),
                ids.join(", ")
            )))
        }
    }
}

async fn show(host: &Host, id: i64, limit: u64, out: &mut Out) -> Result<(), Failure> {
    let detail: ContactDetail = host.ask("contacts.show", &ById { id }).await?;
    let mut timeline: Vec<TimelineEntry> = Vec::new();
    let mut page = PageOf { id, cursor: None, limit: None };
    let mut left = Left::new(limit);
    while let Some(size) = left.page() {
        page.limit = Some(size);
        let got: Page<TimelineEntry> = host.ask("contacts.timeline", &page).await?;
        left.took(got.rows.len());
        timeline.extend(got.rows);
        page.cursor = got.next;
        if page.cursor.is_none() {
            left.end();
        }
    }
    if out.json {
        let mut object = json!(detail);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("timeline".into(), json!(timeline));
        }
        return Ok(out.object(&object)?);
    }
    text(&detail, &timeline, out)?;
    left.hint(out, "entries");
    Ok(())
}

fn text(detail: &ContactDetail, timeline: &[TimelineEntry], out: &mut Out) -> Result<(), Failure> {
    let row = &detail.row;
    out.line(&format!("Contact {}: {}", row.id, printable(&row.email)))?;
    for (title, value) in [
        ("Name", name(row)),
        ("User ID", or_dash(row.user_id.as_deref())),
        ("Group", or_dash(row.user_group.as_deref())),
        ("Lists", or_dash(Some(&row.lists.join(", ")))),
        ("Source", row.source.clone()),
        ("Subscribed", if row.subscribed { "yes" } else { "no" }.to_owned()),
        ("Waitlist", or_dash(detail.waitlist_status.as_deref())),
        ("Created", time(row.created_at)),
        ("Updated", time(row.updated_at)),
    ] {
        out.line(&format!("  {title:<10} {}", printable(&value)))?;
    }
    if let Some(at) = detail.deleted_in_clerk_at {
        out.line(&format!("  Deleted in Clerk at {}", time(at)))?;
    }
    out.line("\nTimeline")?;
    for entry in timeline {
        let by = entry.message_id.map_or("by hand".to_owned(), |id| {
            format!("message {id} {}", entry.message_type.as_deref().unwrap_or_default())
        });
        let (at, title) = (time(entry.at), &entry.title);
        out.line(&printable(&format!("  {at}  {title} ({})", by.trim_end())))?;
        changes(out, &entry.changes)?;
        if let Some(note) = &entry.note {
            out.line(&printable(&format!("      {note}")))?;
        }
    }
    Ok(())
}
