//! The whole surface of Usher: one table of verbs, the same for the window, the command line and
//! the tests.
//!
//! Each topic's file holds the arguments, the rows and the verbs that read and write them. Screen
//! reads are SQL here; writes are calls into the module that owns the table. Deliberately absent:
//! anything a host does by itself (windows, sockets to a screen, printing).

pub mod app;
pub mod contacts;
pub mod diagnostics;
pub mod endpoints;
pub mod environments;
mod events;
pub mod forwards;
mod lists;
pub mod messages;
pub mod samples;
mod settings;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::Engine;
use app::{
    AppStatus, Backup, BackupTo, Counts, InEnvironment, Nothing, Rebuilt, RestoreFrom, Restored,
    Settings, UpdateSettings,
};
use contacts::{
    AddContact, ContactDetail, ContactRow, EditContact, EventRow, ListContacts, ListOccurrences,
    Occurrence, PageOf, Removed, TimelineEntry,
};
use diagnostics::{Check, Diagnostics, DoctorArgs, Export};
use endpoints::{
    AddEndpoint, AddList, AddSecret, EndpointDetail, EndpointRow, MailingListRow, OneSecret,
    Revealed, UpdateEndpoint,
};
use environments::{AddEnvironment, ById, ByIds, EnvironmentRow, UpdateEnvironment};
use forwards::{AddForward, DeliveryRow, ForwardRow, OfEndpoint, OfMessage, UpdateForward};
use messages::{
    Copied, CopyMessages, Count, ExplainSearch, ExplainedSearch, FoundMessages, ListMessages,
    MakeSample, MessageDetail, MessageRow, Page, PinMessages, Previous, Replay, Replayed,
    SampleBody, SampleRow, Saved, SendTest, SentTest, SignedTest, VerifyResult, WhichMessages,
};
use samples::{
    FixtureFolder, ForgetFixture, Imported, PlayScenario, Played, SaveFixture, ScenarioRow,
};

/// Why a verb did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[ts(export)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of error it is.
    pub code: Code,
    /// What went wrong and what to do, for people.
    pub message: String,
}

/// Kinds of errors that a caller may treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Code {
    /// The arguments are not acceptable.
    Invalid,
    /// No such thing.
    NotFound,
    /// It stands against something that exists.
    Conflict,
    /// The disk, the keychain or the listener does not answer right now.
    Unavailable,
    /// A defect of Usher.
    Internal,
}

impl ApiError {
    /// The arguments are not acceptable, because of `message`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: Code::Invalid, message: message.into() }
    }

    /// There is no such thing, says `message`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { code: Code::NotFound, message: message.into() }
    }

    /// It stands against something that exists, says `message`.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { code: Code::Conflict, message: message.into() }
    }

    /// Something outside does not answer right now, says `message`.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { code: Code::Unavailable, message: message.into() }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!("a command met the database: {error}");
        Self::unavailable(format!("The database does not answer: {error}. Nothing was changed."))
    }
}

/// Trims a name and checks its length.
fn name_of(what: &str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(ApiError::invalid(format!("{what} needs a name."))),
        1..=60 => Ok(text.to_owned()),
        length => Err(ApiError::invalid(format!(
            "{what} may have a name of up to 60 characters; this one has {length}."
        ))),
    }
}

/// Rows of one page: 100 unless asked for, 1 to 1000.
fn limit_of(limit: Option<u32>) -> usize {
    usize::try_from(limit.unwrap_or(100).clamp(1, 1000)).unwrap_or(100)
}

/// The words of a plain-text search as `like` patterns, a JSON array; `None` when there are none.
fn patterns_of(query: Option<&str>) -> Option<String> {
    let words: Vec<String> = query?
        .split_whitespace()
        .map(|word| {
            let word = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            format!("%{word}%")
        })
        .collect();
    (!words.is_empty()).then(|| serde_json::json!(words).to_string())
}

fn cursor_of(cursor: Option<&str>) -> Result<Option<i64>, ApiError> {
    cursor
        .map(|cursor| cursor.parse().map_err(|_| ApiError::invalid("This page does not exist.")))
        .transpose()
}

macro_rules! commands {
    ($($topic:literal => $module:ident {
        $($verb:ident($args:ty) -> $reply:ty),* $(,)?
    })*) => {
        /// Calls one verb, such as `messages.list`, with its arguments as JSON.
        ///
        /// # Errors
        /// `invalid` when the verb or an argument is unknown, else what the verb says.
        pub async fn call(engine: &Engine, name: &str, args: Value) -> Result<Value, ApiError> {
            match name {
                $($(concat!($topic, ".", stringify!($verb)) => {
                    let args: $args = parse(name, args)?;
                    let reply: $reply = $module::$verb(engine, args).await?;
                    answer(&reply)
                })*)*
                _ => Err(ApiError::invalid(format!("Usher has no command \"{name}\"."))),
            }
        }

        #[cfg(test)]
        fn surface(cfg: &ts_rs::Config) -> Vec<(&'static str, &'static str, String, String)> {
            vec![$($((
                $topic,
                stringify!($verb),
                <$args as TS>::name(cfg),
                <$reply as TS>::name(cfg),
            )),*),*]
        }
    };
}

commands! {
    "app" => app {
        status(Nothing) -> AppStatus,
        counts(InEnvironment) -> Counts,
        restart_listener(Nothing) -> AppStatus,
        backup(BackupTo) -> Backup,
        restore(RestoreFrom) -> Restored,
        rebuild(Nothing) -> Rebuilt,
    }
    "settings" => settings {
        get(Nothing) -> Settings,
        update(UpdateSettings) -> Settings,
    }
    "diagnostics" => diagnostics {
        show(Nothing) -> Diagnostics,
        doctor(DoctorArgs) -> Vec<Check>,
        export(Nothing) -> Export,
    }
    "environments" => environments {
        list(Nothing) -> Vec<EnvironmentRow>,
        add(AddEnvironment) -> EnvironmentRow,
        update(UpdateEnvironment) -> EnvironmentRow,
        remove(ById) -> Nothing,
    }
    "endpoints" => endpoints {
        list(Nothing) -> Vec<EndpointRow>,
        show(ById) -> EndpointDetail,
        add(AddEndpoint) -> EndpointDetail,
        update(UpdateEndpoint) -> EndpointDetail,
        remove(ById) -> Nothing,
        add_secret(AddSecret) -> EndpointDetail,
        remove_secret(OneSecret) -> EndpointDetail,
        reveal_secret(OneSecret) -> Revealed,
    }
    "forwards" => forwards {
        list(OfEndpoint) -> Vec<ForwardRow>,
        add(AddForward) -> ForwardRow,
        update(UpdateForward) -> ForwardRow,
        remove(ById) -> Nothing,
        deliveries(OfMessage) -> Vec<DeliveryRow>,
        retry(ById) -> DeliveryRow,
    }
    "lists" => lists {
        list(InEnvironment) -> Vec<MailingListRow>,
        add(AddList) -> MailingListRow,
    }
    "messages" => messages {
        list(ListMessages) -> Page<MessageRow>,
        count(ListMessages) -> FoundMessages,
        show(ById) -> MessageDetail,
        explain(ExplainSearch) -> ExplainedSearch,
        previous(ById) -> Previous,
        verify(WhichMessages) -> VerifyResult,
        replay(Replay) -> Replayed,
        pin(PinMessages) -> Count,
        remove(WhichMessages) -> Removed,
        restore(ById) -> Count,
        copy(CopyMessages) -> Copied,
        save(CopyMessages) -> Saved,
    }
    "contacts" => contacts {
        list(ListContacts) -> Page<ContactRow>,
        count(ListContacts) -> Count,
        show(ById) -> ContactDetail,
        timeline(PageOf) -> Page<TimelineEntry>,
        add(AddContact) -> ContactDetail,
        edit(EditContact) -> ContactDetail,
        remove(ByIds) -> Removed,
        restore(ById) -> Count,
    }
    "events" => events {
        list(InEnvironment) -> Vec<EventRow>,
        occurrences(ListOccurrences) -> Page<Occurrence>,
    }
    "tests" => samples {
        catalogue(Nothing) -> Vec<SampleRow>,
        make(MakeSample) -> SampleBody,
        sign(SendTest) -> SignedTest,
        send(SendTest) -> SentTest,
        scenarios(Nothing) -> Vec<ScenarioRow>,
        play(PlayScenario) -> Played,
        save(SaveFixture) -> SampleRow,
        forget(ForgetFixture) -> Nothing,
        export(FixtureFolder) -> Count,
        import(FixtureFolder) -> Imported,
    }
}

fn parse<T: DeserializeOwned>(name: &str, args: Value) -> Result<T, ApiError> {
    serde_json::from_value(args)
        .map_err(|error| ApiError::invalid(format!("The arguments of {name} do not fit: {error}.")))
}

fn answer<T: Serialize>(reply: &T) -> Result<Value, ApiError> {
    serde_json::to_value(reply)
        .map_err(|error| ApiError { code: Code::Internal, message: error.to_string() })
}

#[cfg(test)]
mod bindings {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    /// Writes `commands.ts`: every verb with its arguments and its reply.
    #[test]
    fn export_bindings_commands() {
        let cfg = ts_rs::Config::from_env();
        let surface = super::surface(&cfg);
        let mut names = BTreeSet::new();
        let mut body = String::new();
        let mut topic = "";
        for (t, verb, args, reply) in &surface {
            for word in
                [args, reply].into_iter().flat_map(|s| s.split(|c: char| !c.is_alphanumeric()))
            {
                if word.starts_with(char::is_uppercase) && word != "Array" {
                    names.insert(word.to_owned());
                }
            }
            if *t != topic {
                let _ = writeln!(body, "{}  {t}: {{", if topic.is_empty() { "" } else { "  };\n" });
                topic = t;
            }
            let _ = writeln!(body, "    {verb}: {{ args: {args}; reply: {reply} }};");
        }
        let mut text = String::from(
            "// This file was generated by [ts-rs](https://github.com/Aleph-Alpha/ts-rs). Do not edit this file manually.\n",
        );
        for name in names {
            let _ = writeln!(text, "import type {{ {name} }} from \"./{name}\";");
        }
        let _ = write!(
            text,
            "\n/** Every verb of Usher, by topic. */\nexport interface Commands {{\n{body}  }};\n}}\n"
        );
        let dir = cfg.out_dir();
        std::fs::create_dir_all(dir).expect("the folder for the bindings");
        std::fs::write(dir.join("commands.ts"), text).expect("commands.ts");
    }
}
