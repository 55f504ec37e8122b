//! The words `usher` understands.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use usher_engine::api::endpoints::OnDelete;
use usher_engine::api::forwards::{ForwardRetries, ForwardSignature};
use usher_engine::api::messages::{CopyFormat, ReplayTo};
use usher_engine::secret;

/// Receives Clerk's webhooks on this machine and keeps the audience up to date.
///
/// Everything here works on the same data as the Usher window, also while the window is open.
#[derive(Debug, Parser)]
#[command(
    name = "usher",
    version,
    arg_required_else_help = true,
    after_help = "First steps:\n  \
        usher listen                            receive messages, until Ctrl+C\n  \
        usher trigger user.created              send yourself a test message (second terminal)\n  \
        usher contacts list                     see who is in the audience\n  \
        usher endpoints add --name Clerk        make an address for Clerk; its secret comes after\n\n\
        Exit codes: 0 done, 1 failed, 2 asked wrongly, 3 not found."
)]
pub struct Args {
    /// Folder that holds the data [default: the one the Usher window uses]
    #[arg(long, global = true, value_name = "DIR", help_heading = "For every command")]
    pub data_dir: Option<PathBuf>,
    /// Print data as JSON, one object a line
    #[arg(long, global = true, help_heading = "For every command")]
    pub json: bool,
    /// Where signing secrets are kept
    #[arg(
        long,
        global = true,
        value_name = "WHERE",
        value_enum,
        default_value_t = Keychain::Auto,
        hide_short_help = true,
        help_heading = "For every command"
    )]
    pub keychain: Keychain,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The stores for secrets that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keychain {
    /// The keychain of the system when it works, else the file
    Auto,
    /// A file in the data folder that only you can read
    File,
}

impl From<Keychain> for secret::Choice {
    fn from(keychain: Keychain) -> Self {
        match keychain {
            Keychain::Auto => Self::Auto,
            Keychain::File => Self::File,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive messages until you press Ctrl+C
    ///
    /// The first line on stdout is {"type":"ready","url":…}, then comes one {"type":"message",…}
    /// line for each message, and {"type":"repeat",…} when one is delivered again. Words for
    /// people go to stderr. When the Usher window is open and listens already, this follows what
    /// arrives there.
    Listen(Listen),
    /// The addresses you give to Clerk
    #[command(subcommand, arg_required_else_help = true)]
    Endpoints(Endpoints),
    /// Where messages go on to: your app under development
    #[command(subcommand, arg_required_else_help = true)]
    Forwards(Forwards),
    /// What arrived, and what became of it
    #[command(subcommand, arg_required_else_help = true)]
    Messages(Messages),
    /// The people in the audience
    #[command(subcommand, arg_required_else_help = true)]
    Contacts(Contacts),
    /// Send yourself a test message, signed as Clerk signs
    ///
    /// It goes through the running listener like a message of Clerk. Start that first, in another
    /// terminal: usher listen
    Trigger(Trigger),
    /// Test messages of your own
    #[command(subcommand, arg_required_else_help = true)]
    Fixtures(Fixtures),
    /// Send messages again, freshly signed
    Replay(ReplayArgs),
    /// Compute the audience again from the messages kept
    Rebuild,
    /// Write a copy of the database to a new file
    Backup {
        /// A file that does not exist yet
        file: PathBuf,
    },
    /// Go back to a backup; the database of now is kept beside it
    ///
    /// The backup is checked first. It works while Usher runs, which then answers 503 for a moment, and
    /// also when the database of now is damaged. Signing secrets are not in a backup: those that the
    /// keychain does not have any more are to be pasted again.
    Restore {
        /// A file that usher backup wrote
        file: PathBuf,
        /// Do not ask; needed when nobody can answer
        #[arg(long, short)]
        yes: bool,
    },
    /// Look for what keeps Usher from working, and say what to do
    ///
    /// Checks the database, permissions, the port, the clock, the keychain, the disk and the tunnel.
    /// Exit code 1 when something failed.
    Doctor {
        /// Also compare every index of the database with its table, which may take minutes
        #[arg(long)]
        full: bool,
    },
}

/// `usher listen`.
#[derive(Debug, clap::Args)]
pub struct Listen {
    /// Port to listen at; 0 takes a free one [default: the port of the settings, 4870 at first]
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Also serve the screens in this folder to a browser on this machine
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub ui_dir: Option<PathBuf>,
}

/// `usher endpoints`.
#[derive(Debug, Subcommand)]
pub enum Endpoints {
    /// Make an endpoint and print its address for Clerk
    Add {
        /// Name for the new endpoint
        #[arg(long)]
        name: String,
        /// Environment it belongs to [default: the first one]
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// Its settings.
        #[command(flatten)]
        options: Options,
    },
    /// Show all endpoints
    List {
        /// Only this environment
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// How many at most; 0 for all
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u64,
    },
    /// Change an endpoint; what you do not name stays
    Set {
        /// Name or id of the endpoint
        endpoint: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// Environment to look in, when the same name exists twice
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// Its settings.
        #[command(flatten)]
        options: Options,
        /// Take a signing secret away, named by its last four characters
        #[arg(long, value_name = "LAST4")]
        remove_secret: Option<String>,
        /// Keep messages without acting on them
        #[arg(long, conflicts_with = "resume")]
        pause: bool,
        /// Act on messages again, first on those that waited
        #[arg(long)]
        resume: bool,
    },
    /// Remove an endpoint; its messages and contacts stay
    Remove {
        /// Name or id of the endpoint
        endpoint: String,
        /// Environment to look in, when the same name exists twice
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Settings of an endpoint.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Signing secret from Clerk's endpoint page, whsec_…; "-" reads it from stdin, "new" makes one
    /// for tests. An endpoint may have several
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// What user.deleted does to the contact
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_delete: Option<Deleted>,
    /// User group for the contacts it creates; "" for none
    #[arg(long, value_name = "GROUP")]
    pub user_group: Option<String>,
    /// Exactly these events are on; "none" for none
    #[arg(long, value_enum, value_delimiter = ',', value_name = "A,B")]
    pub events: Option<Vec<Event>>,
}

/// What `user.deleted` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Deleted {
    /// The contact stays and is unsubscribed
    Unsubscribe,
    /// The contact is removed
    Delete,
    /// Nothing happens
    Leave,
}

impl From<Deleted> for OnDelete {
    fn from(deleted: Deleted) -> Self {
        match deleted {
            Deleted::Unsubscribe => Self::Unsubscribe,
            Deleted::Delete => Self::Delete,
            Deleted::Leave => Self::Leave,
        }
    }
}

/// The events an endpoint acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Event {
    /// Someone signed up
    #[value(name = "user.created")]
    UserCreated,
    /// Someone changed
    #[value(name = "user.updated")]
    UserUpdated,
    /// Someone was deleted
    #[value(name = "user.deleted")]
    UserDeleted,
    /// Someone joined the waitlist
    #[value(name = "waitlistEntry.created")]
    WaitlistCreated,
    /// A waitlist entry changed
    #[value(name = "waitlistEntry.updated")]
    WaitlistUpdated,
    /// No event at all
    #[value(name = "none")]
    None,
}

/// `usher forwards`.
#[derive(Debug, Subcommand)]
pub enum Forwards {
    /// Show where messages go on to, and how that went
    List {
        /// Only those of this endpoint, by name or id
        #[arg(long, value_name = "NAME")]
        endpoint: Option<String>,
        /// Show instead where this message went, attempt by attempt
        #[arg(long, value_name = "ID", conflicts_with = "endpoint")]
        message: Option<i64>,
    },
    /// Forward an endpoint's messages, from now on, to a web address
    Add {
        /// Where to, such as http://localhost:3000/api/webhooks
        url: String,
        /// Name or id of the endpoint [default: the only one]
        #[arg(long, value_name = "NAME")]
        endpoint: Option<String>,
        /// How.
        #[command(flatten)]
        options: ForwardOptions,
    },
    /// Change a target; what you do not name stays
    Set {
        /// Its id, as in the list
        id: i64,
        /// New address
        #[arg(long)]
        url: Option<String>,
        /// How.
        #[command(flatten)]
        options: ForwardOptions,
        /// Stop forwarding there; what waits goes on waiting
        #[arg(long, conflicts_with = "resume")]
        pause: bool,
        /// Forward there again, first what waited
        #[arg(long)]
        resume: bool,
    },
    /// Do not forward there any more
    Remove {
        /// Its id, as in the list
        id: i64,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Try a delivery again now
    Retry {
        /// Id of the delivery, as usher forwards list --message shows it
        id: i64,
    },
}

/// How messages are forwarded.
#[derive(Debug, clap::Args)]
pub struct ForwardOptions {
    /// Only these types; * stands for anything, such as 'user.*'
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub types: Vec<String>,
    /// How they are signed [new ones: fresh with --secret, else original]
    #[arg(long, value_enum, value_name = "HOW")]
    pub signature: Option<Signature>,
    /// Secret for a fresh signature, whsec_…; "-" reads it from stdin; "" is the endpoint's own
    #[arg(long, value_name = "SECRET")]
    pub secret: Option<String>,
    /// A header to add, such as 'x-name: value'; may be given several times. Those given are all
    /// there are
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// What happens after an attempt that failed [new ones: svix]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub retries: Option<Retries>,
    /// Allow an address outside this machine and its private networks
    #[arg(long)]
    pub allow_public: bool,
}

/// How a forwarded message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Signature {
    /// As it came; good for five minutes
    Original,
    /// Anew at each attempt
    Fresh,
}

impl From<Signature> for ForwardSignature {
    fn from(signature: Signature) -> Self {
        match signature {
            Signature::Original => Self::Original,
            Signature::Fresh => Self::Fresh,
        }
    }
}

/// What happens after an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Retries {
    /// 8 attempts in about 28 hours, as Svix makes them
    Svix,
    /// No further attempt
    None,
}

impl From<Retries> for ForwardRetries {
    fn from(retries: Retries) -> Self {
        match retries {
            Retries::Svix => Self::Svix,
            Retries::None => Self::None,
        }
    }
}

/// `usher messages`.
#[derive(Debug, Subcommand)]
pub enum Messages {
    /// Show messages, newest first
    ///
    /// The search is the one of the window: type:user.* status:refused email:ada@ is:duplicate
    /// before:2026-08-01 after:"2 days ago" larger:10k -type:session.* "exact words". A status by
    /// itself, such as refused, is that status; in quotes, "refused", it is a word. Put the search in
    /// quotes for your shell.
    List(Search),
    /// Show one message with all that is known of it
    Show {
        /// Its id, as in the list
        id: i64,
    },
    /// Verify refused messages again, for instance after the right secret was added
    Verify {
        /// Their ids, as in the list
        #[arg(required_unless_present = "search", value_name = "ID")]
        ids: Vec<i64>,
        /// Or all that this search finds
        #[arg(long, value_name = "SEARCH", conflicts_with = "ids", allow_hyphen_values = true)]
        search: Option<String>,
    },
    /// Print messages in a form to take elsewhere; several only as JSON or HAR
    Copy {
        /// Their ids, as in the list
        #[arg(required_unless_present = "search", value_name = "ID")]
        ids: Vec<i64>,
        /// Or all that this search finds
        #[arg(long, value_name = "SEARCH", conflicts_with = "ids", allow_hyphen_values = true)]
        search: Option<String>,
        /// As what
        #[arg(long = "as", value_enum, default_value_t = Form::Curl)]
        form: Form,
        /// Replace secrets, addresses, names and ids by stand-ins, as for a public issue
        #[arg(long)]
        redacted: bool,
    },
    /// Keep messages whatever is cleared
    Pin {
        /// Their ids, as in the list
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
        /// Let them go again
        #[arg(long)]
        off: bool,
    },
}

/// Forms to take a message elsewhere in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A curl command, signed anew
    Curl,
    /// A call of fetch, signed anew
    Fetch,
    /// The raw HTTP request, signed anew
    Http,
    /// What arrived and what became of it
    Json,
    /// HTTP archive
    Har,
}

impl From<Form> for CopyFormat {
    fn from(form: Form) -> Self {
        match form {
            Form::Curl => Self::Curl,
            Form::Fetch => Self::Fetch,
            Form::Http => Self::Http,
            Form::Json => Self::Json,
            Form::Har => Self::Har,
        }
    }
}

/// Messages to show.
#[derive(Debug, clap::Args)]
pub struct Search {
    /// What to search for, and how many to show.
    #[command(flatten)]
    pub list: List,
    /// Go on showing what arrives, and what is delivered again, until Ctrl+C
    #[arg(long, short)]
    pub follow: bool,
}

/// `usher replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// Ids of the messages, as in the list
    #[arg(required_unless_present = "search", value_name = "ID")]
    pub ids: Vec<i64>,
    /// Or all that this search finds
    #[arg(long, value_name = "SEARCH", conflicts_with = "ids", allow_hyphen_values = true)]
    pub search: Option<String>,
    /// Under the id it had, to see how a duplicate is taken
    #[arg(long)]
    pub same_id: bool,
    /// Refused ones too: nobody knows who sent them, and a replay is signed with your own secret, so
    /// that they are trusted from then on
    #[arg(long)]
    pub even_refused: bool,
    /// Where to: "usher" through the running listener, as if Clerk had sent it; "forwards" to all
    /// targets of its endpoint; "both", each target once; or one target by its id or its address, as
    /// in usher forwards list
    #[arg(long, value_name = "WHERE", default_value = "usher")]
    pub to: To,
}

/// Where a replay goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Where several can be.
    All(ReplayTo),
    /// One target, by its id or its address.
    One(String),
}

impl From<&str> for To {
    fn from(written: &str) -> Self {
        match written {
            "usher" => Self::All(ReplayTo::Usher),
            "forwards" => Self::All(ReplayTo::Forwards),
            "both" => Self::All(ReplayTo::Both),
            one => Self::One(one.to_owned()),
        }
    }
}

/// `usher contacts`.
#[derive(Debug, Subcommand)]
pub enum Contacts {
    /// Show contacts, newest first
    List(List),
    /// Show one contact and what happened to it
    Show {
        /// Its email, its id as in the list, or its user ID of Clerk
        #[arg(value_name = "EMAIL|ID")]
        contact: String,
        /// Environment to look in, when the same email exists twice
        #[arg(long, value_name = "NAME")]
        environment: Option<String>,
        /// How many entries of the timeline at most; 0 for all
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u64,
    },
}

/// A list to show.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Only those that this finds
    #[arg(value_name = "SEARCH")]
    pub query: Vec<String>,
    /// Only this environment
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// How many at most; 0 for all [default: 100, and 10 before those that are followed]
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

impl List {
    /// How many at most; 0 for all.
    pub fn limit(&self) -> u64 {
        self.limit.unwrap_or(100)
    }

    /// The text looked for.
    pub fn text(&self) -> Option<String> {
        let words = self.query.iter().map(|word| word.strip_prefix(SHIELD).unwrap_or(word));
        (!self.query.is_empty()).then(|| words.collect::<Vec<_>>().join(" "))
    }
}

/// Stands before a word of a search that begins with a minus.
const SHIELD: char = '\u{1}';

/// The words of the command line, in which `-type:session.*` after `list` is not taken for an option.
pub fn words(words: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut list = false;
    words.map(move |word| {
        let is_term =
            |word: &str| word.len() > 2 && word.starts_with('-') && !word.starts_with("--");
        match word.to_str() {
            Some(text) if list && is_term(text) => format!("{SHIELD}{text}").into(),
            Some("list") => {
                list = true;
                word
            }
            _ => word,
        }
    })
}

/// `usher trigger`.
#[derive(Debug, clap::Args)]
pub struct Trigger {
    /// Kind of message, such as user.created; --list shows them all
    #[arg(value_name = "TYPE", required_unless_present_any = ["scenario", "catalogue"])]
    pub kind: Option<String>,
    /// Name or id of the endpoint [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub endpoint: Option<String>,
    /// Change the sample, such as data.first_name=Ada or data.email_addresses.0.email_address=a@b.c;
    /// the value is JSON when it can be read as JSON, else text
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<super::set::Set>,
    /// Put a value at the end of a list, or a new key into an object; after all --set
    #[arg(long, value_name = "PATH=VALUE")]
    pub add: Vec<super::set::Add>,
    /// Take a key or an element of a list away; after all --set and --add
    #[arg(long, value_name = "PATH")]
    pub remove: Vec<super::set::Remove>,
    /// Open the body in your editor ($VISUAL or $EDITOR) before it is signed
    #[arg(long, conflicts_with = "repeat")]
    pub edit: bool,
    /// Send that many, each about another person
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub repeat: Option<u32>,
    /// How fast, such as 10/s or 5/m [default: one right after the other]
    #[arg(long, value_name = "N/s", requires = "repeat")]
    pub rate: Option<super::trigger::Rate>,
    /// Play a story of several messages, such as waitlist-to-user
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["kind", "set", "add", "remove", "edit", "repeat", "print"]
    )]
    pub scenario: Option<String>,
    /// Show every test message and every scenario, with what it tests
    #[arg(long = "list", conflicts_with_all = ["kind", "scenario"])]
    pub catalogue: bool,
    /// Print the signed headers and the body instead of sending them
    #[arg(long, conflicts_with = "repeat")]
    pub print: bool,
}

/// `usher fixtures`.
#[derive(Debug, Subcommand)]
pub enum Fixtures {
    /// Show the test messages that you saved
    List,
    /// Save the body of a message, to send it with usher trigger own:NAME
    Save {
        /// Id of the message, as in the list
        #[arg(value_name = "MESSAGE_ID")]
        message: i64,
        /// Letters, digits, "-", "_" and "."; what has the name already is replaced
        #[arg(long, value_name = "N")]
        name: String,
        /// A few words for the list
        #[arg(long, value_name = "T")]
        title: Option<String>,
    },
    /// Forget a test message that you saved
    Forget {
        /// Its name
        name: String,
    },
    /// Write each to a file NAME.json in a folder, to be kept in a repository
    Export {
        /// The folder; made when it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Read the files that export wrote
    ///
    /// Exit code 1 when a file could not be read; all others are taken.
    Import {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}
