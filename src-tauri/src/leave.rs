//! Being asked to end by the system: the way out is the one of closing the window.

use tauri::AppHandle;

/// Ends the app in good order on SIGINT and SIGTERM.
#[cfg(unix)]
pub fn on_signal(app: &AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};

    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        app.exit(0);
    });
}

/// Other systems close the window by themselves.
#[cfg(not(unix))]
pub fn on_signal(_: &AppHandle) {}
