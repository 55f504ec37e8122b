//! Usher without a window: receives Clerk's webhooks, keeps them, and turns them into an audience.
//!
//! A map, top down; a module uses only what is below it:
//!
//! ```text
//! host                      one engine for the window, the command line, a browser and the tests
//! api                       every verb, its arguments and its rows
//! engine                    wiring, start and close
//! receive                   from a request to its answer
//! listener  inbox           sockets and signatures; the durable append and what becomes of it
//! forward                   messages on to an app under development, in order, with retries
//! audience                  contacts, by the rules in audience/merge.rs
//! endpoint  fixture         endpoints, environments, lists, settings; saved test events
//! clerk  signing            what Clerk sends and how Svix signs it
//! filter  share             the one search language; a message to be taken elsewhere
//! db  change  clock  secret  folders
//! ```
//!
//! What holds: no 2xx before the commit; one module writes a table, anyone may read it; the audience
//! is a function of the set of messages and edits; the clock is a parameter.

pub mod api;
pub mod audience;
pub mod change;
pub mod clerk;
pub mod clock;
mod db;
mod endpoint;
mod engine;
pub mod filter;
mod fixture;
pub mod folders;
pub mod forward;
pub mod host;
mod inbox;
pub mod listener;
mod receive;
pub mod secret;
pub mod share;
pub mod signing;

pub use engine::{Config, DEFAULT_PORT, Engine, OpenError, RestoreError, Returned};
