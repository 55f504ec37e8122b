//! Usher on a screen: the real window through WebKit's driver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod inspect;
mod main_job;
mod notify;
mod other_svix;
mod screens;
mod window;
