//! Usher's window: one web view around the engine.
//!
//! Two commands, `call` and `subscribe`, hand everything to `usher_engine`. Deliberately
//! absent: logic, state of its own beyond the running engine, and any other door for the page.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]
#![allow(
    clippy::disallowed_methods,
    reason = "a host reads its environment and starts the tasks of its window"
)]

mod bridge;
mod graphics;
mod leave;
mod notify;
mod trouble;
mod window;

use std::path::PathBuf;

use clap::Parser;
use tauri::{Manager, RunEvent};
use tracing_subscriber::EnvFilter;

use crate::bridge::Bridge;

/// Usher, Clerk's webhooks on your own machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Folder for the database and everything else; made when missing.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port for Clerk's messages, instead of the one in Settings; 0 takes any free one.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    graphics::choose();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| EnvFilter::new("warn,tauri_plugin_single_instance=error")),
        )
        .with_writer(std::io::stderr)
        .init();

    let options = Options::parse();
    let bridge = Bridge::start(options.data_dir.clone(), options.port);
    let mut builder = tauri::Builder::default().plugin(tauri_plugin_notification::init());
    if options.data_dir.is_none() {
        builder = builder
            .plugin(tauri_plugin_single_instance::init(|app, _, _| window::bring_forward(app)))
            .plugin(window::remembered());
    }
    let app = builder
        .invoke_handler(tauri::generate_handler![bridge::call, bridge::subscribe])
        .register_uri_scheme_protocol(trouble::SCHEME, |context, _| {
            trouble::page(context.app_handle().state::<Bridge>().problem())
        })
        .setup(move |app| {
            bridge.tell(app.handle());
            let theme = bridge.theme();
            bridge.watch(app.handle());
            app.manage(bridge);
            leave::on_signal(app.handle());
            window::open(app.handle(), theme)?;
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(|app, event| {
        if let RunEvent::Exit = event {
            app.state::<Bridge>().stop();
        }
    });
    Ok(())
}
