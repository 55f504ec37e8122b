//! What went wrong with a delivery, in words that say what to do.
//!
//! Pure: a problem and the target's address in, a sentence out. The causes named are those that
//! people of Clerk's and Svix's forums meet. Deliberately absent: statuses that explain themselves.

use super::address::{Address, Barred, LOOP};
use std::net::IpAddr;

/// Why a delivery was not answered with 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The target's address cannot be used; why, as a sentence.
    Address(String),
    /// The host stands for an IP address that is not connected to.
    Barred(IpAddr, Barred),
    /// The target is an endpoint of Usher.
    Loop,
    /// The host has no IP address.
    NoSuchHost(String),
    /// Nothing listens there.
    Refused,
    /// There is no way there, or it ended without an answer; what the system says.
    Broken(String),
    /// It could not be spoken to in TLS; what was wrong.
    Tls(String),
    /// There was no answer within 15 s.
    Timeout,
    /// An answer of this status began and did not end within 15 s.
    Endless(u16),
    /// It answered with this status, and ended in the middle.
    Cut(u16),
    /// It could not be signed; why, as a sentence.
    Unsigned(String),
    /// Answered with this status, and perhaps a `Location`.
    Status(u16, Option<String>),
    /// Usher met a defect of its own.
    Defect,
}

impl Problem {
    /// The sentence of [`Problem::Defect`].
    pub const DEFECT: &str = "Usher met a defect of its own while forwarding this. Try again.";

    /// True when trying again cannot help before the person changes something.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Barred(..) | Self::Loop)
    }

    /// The sentence for people.
    pub fn sentence(&self, to: &Address) -> String {
        let origin = to.origin();
        match self {
            Self::Address(why) | Self::Unsigned(why) => why.clone(),
            Self::Barred(ip, barred) => barred.sentence(&to.host, *ip),
            Self::Loop => LOOP.to_owned(),
            Self::NoSuchHost(why) => format!(
                "There is no machine called {}: {why}. Look for a typing mistake, or for a network that is off.",
                to.host
            ),
            Self::Refused => {
                format!("Nothing listens at {origin}. Is your dev server running?")
            }
            Self::Broken(why) => format!(
                "The connection to {origin} ended without an answer: {why}. Your server may have crashed or be restarting; look at its log."
            ),
            Self::Tls(why) => format!(
                "No secure connection to {origin}: {why}. A dev server usually speaks plain http; a certificate of your own must be trusted by this machine."
            ),
            Self::Timeout => format!(
                "{origin} did not answer within 15 s. Answer first and work afterwards, as Clerk does not wait longer either; a debugger may also be holding the request."
            ),
            Self::Endless(status) => format!(
                "{origin} began to answer (status {status}) but did not end within 15 s. End the response in your handler: a stream that stays open does not count as received."
            ),
            Self::Cut(status) => format!(
                "{origin} answered with status {status}, but the answer ended before it was whole. Your handler may have failed halfway; look at the log of your server."
            ),
            Self::Defect => Self::DEFECT.to_owned(),
            Self::Status(status, location) => {
                format!("Answered {status}. {}", answered(*status, location.as_deref(), to))
            }
        }
    }
}

fn answered(status: u16, location: Option<&str>, to: &Address) -> String {
    let path = to.path.split('?').next().unwrap_or("/");
    match status {
        300..400 => {
            let whither = location.map_or(String::new(), |to| format!(" to {to}"));
            let cause = match location.map(Address::parse) {
                Some(Ok(other)) if other.secure && !to.secure => {
                    "The server wants https: give its address with https, or turn that redirect off."
                }
                _ if location.is_some_and(|at| slash_only(at, to)) => {
                    "Only a slash at the end differs: give the address the server wants."
                }
                _ => {
                    "This is often a sign-in page or a slash at the end of the path; exclude the webhook route from your auth middleware, or give the final address."
                }
            };
            format!("The redirect{whither} is not followed, and Clerk would not follow it either. {cause}")
        }
        400 => "Most often the signature check of your handler failed: the body was parsed before it was verified (verify the raw bytes), or the secret in its environment is not the one this message is signed with.".to_owned(),
        401 | 403 => format!(
            "The route is behind your auth middleware. Leave {path} out of it: with Clerk's middleware, make a public route of it with createRouteMatcher(['{path}'])."
        ),
        404 => format!(
            "The server runs, but has no route {path}. Compare the path with the file or route of your handler."
        ),
        405 => format!(
            "{path} does not take POST requests. Export a POST handler there, or look for a page at the same path."
        ),
        408 | 504 => "The server gave up waiting. Answer first and work afterwards.".to_owned(),
        413 => "The body is too large for the server. Raise the limit of its body parser for this route.".to_owned(),
        415 => "The server does not take this content type. Its route must take application/json, best as raw bytes.".to_owned(),
        419 | 422 => "The server does not like what is in it. A check against cross-site requests or of the body's shape may stand in the way: leave the webhook route out of it.".to_owned(),
        429 => "The server limits how often it is asked. Leave the webhook route out of that limit.".to_owned(),
        502 | 503 => "What stands in front of your server does not reach it. Is your dev server running?".to_owned(),
        500..600 => "Your handler failed. Look at the log of your server.".to_owned(),
        _ => "Only a 2xx counts as received.".to_owned(),
    }
}

/// True when `location` is the same path, but for a slash at its end.
fn slash_only(location: &str, to: &Address) -> bool {
    let path = Address::parse(location).map_or_else(|_| location.to_owned(), |at| at.path);
    path != to.path && path.trim_end_matches('/') == to.path.trim_end_matches('/')
}
