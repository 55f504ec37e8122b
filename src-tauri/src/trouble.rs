//! The page shown when the engine did not open: what happened, in a sentence.
//!
//! Made here and not by the UI, so that it needs nothing of what just failed.

use tauri::{
    AppHandle, Manager, Url, WebviewWindow,
    http::{Response, header},
};

use crate::{bridge::Bridge, window};

/// The page's own address, apart from the UI's.
pub const SCHEME: &str = "trouble";

/// Puts the page into the window, if that is open already.
pub fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(window::LABEL) {
        go(&window);
    }
}

/// Puts the page into a window that has just loaded something else, if there is trouble to tell.
pub fn take_over(window: &WebviewWindow, loaded: &Url) {
    if loaded.as_str() != address() && window.state::<Bridge>().problem().is_some() {
        go(window);
    }
}

fn go(window: &WebviewWindow) {
    if let Ok(url) = Url::parse(address())
        && let Err(error) = window.navigate(url)
    {
        tracing::error!("the window does not show why Usher did not start: {error}");
    }
}

/// Where the page is found: some systems have no schemes of one's own.
pub const fn address() -> &'static str {
    if cfg!(any(windows, target_os = "android")) {
        "http://trouble.localhost/"
    } else {
        "trouble://localhost/"
    }
}

/// The page itself.
pub fn page(problem: Option<String>) -> Response<Vec<u8>> {
    let sentence = problem.unwrap_or_else(|| "Usher is starting.".to_owned());
    let html = include_str!("trouble.html").replace("{sentence}", &escape(&sentence));
    let mut response = Response::new(html.into_bytes());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_is_text() {
        let response = page(Some("a <b> & c".to_owned()));
        let html = String::from_utf8(response.into_body()).unwrap();
        assert!(html.contains("a &lt;b&gt; &amp; c"));
        assert!(!html.contains("{sentence}"));
    }
}
