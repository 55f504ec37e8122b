//! Usher through its public surface: bytes into the socket, calls out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod clerk;
mod listener;
mod receiving;
mod signing;
mod verify;
