//! Usher through its public surface: bytes into the socket, calls out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod api;
#[cfg(target_os = "linux")]
mod attacks;
mod audience;
mod clerk;
mod cli;
mod crash;
mod doctor;
mod endpoints;
mod events;
mod filter;
mod forward;
mod fuzz;
mod host;
mod inspecting;
mod listener;
mod merge;
mod receiving;
mod schemas;
mod search;
mod sharing;
mod signing;
mod storage;
#[cfg(target_os = "linux")]
mod supervision;
mod tidy;
mod verify;
