//! A message to be taken elsewhere: as `curl`, `fetch`, raw HTTP, JSON or an HTTP archive.
//!
//! Pure: what it is given is what it writes; signing anew is the caller's. With [`redact`] everything
//! that says who somebody is, and every secret, is replaced first. Deliberately absent: reading
//! any of these back.

pub mod redact;

use serde_json::{Value, json};

/// An HTTP request as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body: its text, or base64 where it is none.
    pub body: String,
}

/// What was answered, and when.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// The body is none of text and so given as base64.
    pub base64: bool,
    /// HTTP status.
    pub status: u16,
    /// The sentence of the answer.
    pub answer: String,
    /// When it was received, as ISO 8601.
    pub received_at: String,
    /// Milliseconds until it was answered.
    pub took_ms: f64,
}

/// Bytes that one word of a command may have on Linux are 128 KiB; a longer one is piped.
const LONGEST_WORD: usize = 100_000;

impl Request {
    /// A command for a POSIX shell. The body is data whatever it begins with: to `--data-binary` an `@`
    /// would name a file. No character in it acts on the terminal that it is pasted into, where a
    /// control-C ends the line and the rest of the body would be the next command.
    pub fn curl(&self) -> String {
        let acts = self.body.contains(acts_on_a_terminal);
        let body = if acts { escaped_for_printf(&self.body) } else { quoted_for_shell(&self.body) };
        let piped = acts || body.len() > LONGEST_WORD;
        let mut text = match (piped, acts) {
            (false, _) => String::new(),
            (true, true) => format!("printf {body} | "),
            (true, false) => format!("printf %s {body} | "),
        };
        text += &format!("curl {}", quoted_for_shell(&self.url));
        for (name, value) in &self.headers {
            text += &format!(" \\\n  -H {}", quoted_for_shell(&format!("{name}: {value}")));
        }
        text + &if piped {
            " \\\n  --data-binary @-".to_owned()
        } else {
            format!(" \\\n  --data-raw {body}")
        }
    }

    /// A call for a browser's console, Node, Bun or Deno.
    pub fn fetch(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| {
            format!("    {}: {},\n", quoted_for_script(name), quoted_for_script(value))
        });
        format!(
            "await fetch({}, {{\n  method: \"POST\",\n  headers: {{\n{}  }},\n  body: {},\n}})",
            quoted_for_script(&self.url),
            headers.collect::<String>(),
            quoted_for_script(&self.body)
        )
    }

    /// The request as it goes over the wire, with line ends of the wire.
    pub fn http(&self) -> String {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut text = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text + &format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body)
    }
}

/// An HTTP archive (HAR 1.2) of these.
pub fn har(exchanges: &[Exchange], version: &str) -> Value {
    let pairs = |headers: &[(String, String)]| -> Value {
        headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    let entries = exchanges.iter().map(|one| {
        let Exchange { request, base64, status, answer, received_at, took_ms } = one;
        let mut posted = json!({ "mimeType": "application/json", "text": request.body });
        if *base64 {
            posted["encoding"] = json!("base64");
        }
        let answer = json!({ "message": answer }).to_string();
        json!({
            "startedDateTime": received_at,
            "time": took_ms,
            "request": {
                "method": "POST",
                "url": request.url,
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": pairs(&request.headers),
                "queryString": [],
                "postData": posted,
                "headersSize": -1,
                "bodySize": request.body.len(),
            },
            "response": {
                "status": status,
                "statusText": "",
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": [{ "name": "content-type", "value": "application/json" }],
                "content": {
                    "size": answer.len(),
                    "mimeType": "application/json",
                    "text": answer,
                },
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": answer.len(),
            },
            "cache": {},
            "timings": { "send": 0, "wait": took_ms, "receive": 0 },
        })
    });
    json!({
        "log": {
            "version": "1.2",
            "creator": { "name": "Usher", "version": version },
            "entries": entries.collect::<Vec<_>>(),
        }
    })
}

/// In single quotes, in which a shell reads nothing but the quote itself.
fn quoted_for_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Whether a terminal does something at this character other than show it or begin a new line.
pub fn acts_on_a_terminal(one: char) -> bool {
    one.is_control() && one != '\n' && one != '\t'
}

/// As the first operand of `printf`, with octal escapes for what would act on a terminal.
fn escaped_for_printf(text: &str) -> String {
    let mut format = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '\\' => format += r"\\",
            '%' => format += "%%",
            '-' if format.is_empty() => format += r"\055",
            one if acts_on_a_terminal(one) => {
                let mut bytes = [0; 4];
                for byte in one.encode_utf8(&mut bytes).bytes() {
                    format += &format!(r"\{byte:03o}");
                }
            }
            one => format.push(one),
        }
    }
    quoted_for_shell(&format)
}

/// As a string literal: JSON, of which every one is also one of JavaScript.
fn quoted_for_script(text: &str) -> String {
    json!(text).to_string()
}
