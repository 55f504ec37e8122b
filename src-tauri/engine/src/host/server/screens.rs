//! The files of the screens: a folder read as it is, `index.html` for every address of the app.

use std::path::{Path, PathBuf};

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// Answers `path`, the path of a request's address, from `folder`, which is canonical.
pub async fn answer(folder: &Path, method: &Method, path: &str) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here.");
    }
    let Some(parts) = parts(path) else { return missing() };
    let wanted = parts.iter().fold(folder.to_owned(), |file, part| file.join(part));
    let is_page = parts.last().is_none_or(|name| !name.contains('.'));
    let file = if is_page { folder.join("index.html") } else { wanted };
    match read(folder, &file).await {
        Some(bytes) => {
            ([(header::CONTENT_TYPE, kind(&file)), (header::CACHE_CONTROL, "no-cache")], bytes)
                .into_response()
        }
        None => missing(),
    }
}

async fn read(folder: &Path, file: &Path) -> Option<Vec<u8>> {
    let file: PathBuf = tokio::fs::canonicalize(file).await.ok()?;
    if file.starts_with(folder) { tokio::fs::read(file).await.ok() } else { None }
}

/// The decoded parts of a path; `None` for anything that is not a plain way down.
fn parts(path: &str) -> Option<Vec<String>> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let part = decode(part)?;
            let plain = !part.starts_with('.') && !part.contains(['/', '\\', ':', '\0']);
            plain.then_some(part)
        })
        .collect()
}

fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn missing() -> Response {
    plain(StatusCode::NOT_FOUND, "There is nothing here.")
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn only_plain_ways_down_are_followed() {
        assert_eq!(parts("/"), Some(vec![]));
        assert_eq!(parts("/assets//a%20b.js"), Some(vec!["assets".into(), "a b.js".into()]));
        for path in [
            "/..",
            "/../a",
            "/a/../b",
            "/a/%2e%2e/b",
            "/%2E%2e/a",
            "/.%2e/a",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/C:/a",
            "/.git/config",
            "/a%00.html",
            "/%",
            "/%2",
            "/%zz",
            "/%ff",
        ] {
            assert_eq!(parts(path), None, "{path}");
        }
    }
}
