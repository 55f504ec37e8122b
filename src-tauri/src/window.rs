//! The one window: its size, its colour before the first paint, and where it may go.

use tauri::{
    AppHandle, Manager, Runtime, Theme, Url, WebviewUrl, WebviewWindowBuilder,
    plugin::TauriPlugin,
    webview::{Color, NewWindowResponse, PageLoadEvent},
};
use tauri_plugin_window_state::StateFlags;

use crate::trouble;

/// The window's name in capabilities and look-ups.
pub const LABEL: &str = "main";

/// Hosts whose pages a link may open in the person's browser.
const LINKS: [&str; 2] = ["clerk.com", "dashboard.clerk.com"];

/// The grounds of the page, `--bg` in `ui/src/app/tokens.css`.
const LIGHT: Color = Color(0xfb, 0xfa, 0xf9, 0xff);
const DARK: Color = Color(0x16, 0x15, 0x14, 0xff);

/// Opens the window in the colour of its page, which is drawn into it as soon as it is there. The
/// colour is that of `theme`, or the system's.
///
/// # Errors
/// When the system gives no window.
pub fn open(app: &AppHandle, theme: Option<Theme>) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Usher")
        .inner_size(1280.0, 800.0)
        .min_inner_size(900.0, 600.0)
        .visible(false)
        .devtools(cfg!(debug_assertions))
        .disable_drag_drop_handler()
        .on_navigation(stays_inside)
        .on_new_window(|url, _| {
            follow(&url);
            NewWindowResponse::Deny
        })
        .on_page_load(|window, load| {
            if load.event() == PageLoadEvent::Finished {
                trouble::take_over(&window, load.url());
            }
        })
        .build()?;
    let dark = theme.or_else(|| window.theme().ok()).is_some_and(|theme| theme == Theme::Dark);
    window.set_background_color(Some(if dark { DARK } else { LIGHT }))?;
    window.show()
}

/// Shows the window of this process to somebody who started Usher a second time.
pub fn bring_forward(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        report(window.unminimize());
        report(window.show());
        report(window.set_focus());
    }
}

/// Keeps size and place from one start to the next, but not whether the window is visible.
pub fn remembered<R: Runtime>() -> TauriPlugin<R> {
    tauri_plugin_window_state::Builder::default()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .build()
}

fn stays_inside(url: &Url) -> bool {
    let development = cfg!(debug_assertions) && url.host_str() == Some("localhost");
    let own = matches!(
        (url.scheme(), url.host_str()),
        ("tauri", Some("localhost")) | ("http" | "https", Some("tauri.localhost"))
    );
    own || development || url.as_str() == trouble::address()
}

fn may_open(url: &Url) -> bool {
    url.scheme() == "https" && url.host_str().is_some_and(|host| LINKS.contains(&host))
}

fn follow(url: &Url) {
    if !may_open(url) {
        tracing::warn!("a link to {} was not opened", url.host_str().unwrap_or("nowhere"));
        return;
    }
    if let Err(error) = open::that_detached(url.as_str()) {
        tracing::warn!("no browser opened {url}: {error}");
    }
}

fn report(done: tauri::Result<()>) {
    if let Err(error) = done {
        tracing::warn!("the window did not obey: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_page_cannot_leave() {
        assert!(stays_inside(&url("tauri://localhost/messages")));
        assert!(stays_inside(&url(trouble::address())));
        assert!(!stays_inside(&url("https://clerk.com/")));
        assert!(!stays_inside(&url("file:///etc/passwd")));
        assert!(!stays_inside(&url("tauri://elsewhere/")));
        assert!(!stays_inside(&url("data:text/html,x")));
    }

    #[test]
    fn only_clerks_own_pages_open_outside() {
        assert!(may_open(&url("https://clerk.com/docs/webhooks")));
        assert!(may_open(&url("https://dashboard.clerk.com/last-active?path=webhooks")));
        assert!(!may_open(&url("http://clerk.com/")));
        assert!(!may_open(&url("https://clerk.com.example.org/")));
        assert!(!may_open(&url("https://accounts.clerk.com@example.org/")));
    }
}
