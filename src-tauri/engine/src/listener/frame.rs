//! Strict HTTP/1 framing: where a request's head ends, what it says, and how a chunked
//! body is undone. Pure functions over bytes, so that all of it can be fuzzed.
//!
//! Anything two readers could understand differently is refused, because a tunnel or a
//! proxy in front might be the other reader (RFC 9112, sections 2.2, 5, 6 and 11.2).
//! Deliberately absent: sockets, clocks, size limits in time, answers.

use std::borrow::Cow;

/// Why a request is not read any further: the status to answer and one sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, 400 to 505.
    pub status: u16,
    /// A sentence without quotes or backslashes.
    pub why: &'static str,
}

impl Refusal {
    pub(super) const fn new(status: u16, why: &'static str) -> Self {
        Self { status, why }
    }
}

const fn bad(why: &'static str) -> Refusal {
    Refusal::new(400, why)
}

pub(super) const HEAD_TOO_LARGE: Refusal =
    Refusal::new(431, "The request line and headers are too large.");
const BAD_CHUNK: Refusal = bad("The chunked body is malformed.");
const BAD_LENGTH: Refusal = bad("Content-Length must be one plain whole number.");

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// This many bytes; 0 when the head names no body at all.
    Length(u64),
    /// `Transfer-Encoding: chunked`, undone by [`Chunks`].
    Chunked,
}

/// A request's head, every part checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// A token, in the case it was sent.
    pub method: &'a str,
    /// Path and query; absolute-form is already reduced to it.
    pub target: Cow<'a, str>,
    /// The host an absolute-form target named; it takes the place of `Host`.
    pub authority: Option<&'a str>,
    /// Names and trimmed values in the order sent.
    pub fields: Vec<(&'a str, &'a str)>,
    /// How the body is delimited.
    pub body: Body,
    /// The sender speaks HTTP/1.0 or asked to close.
    pub close: bool,
    /// The sender waits for `100 Continue` before it sends the body.
    pub wants_continue: bool,
}

/// Finds the end of a head (the index after its empty line) or `None` if more bytes are
/// needed. `from` is the length already looked at by an earlier call.
///
/// # Errors
/// 400 as soon as a byte shows up that cannot be part of a head.
pub fn head_end(bytes: &[u8], from: usize) -> Result<Option<usize>, Refusal> {
    for at in from.saturating_sub(1)..bytes.len() {
        match bytes[at] {
            b'\n' if at == 0 || bytes[at - 1] != b'\r' => {
                return Err(bad("Lines must end with CR LF, not with LF alone."));
            }
            b'\n' if bytes[..=at].ends_with(b"\r\n\r\n") => return Ok(Some(at + 1)),
            b'\r' if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => {
                return Err(bad("Lines must end with CR LF, not with CR alone."));
            }
            b'\r' | b'\n' | b'\t' | b' '..=b'~' => {}
            _ => {
                return Err(bad("The request line and headers must be plain ASCII text."));
            }
        }
    }
    Ok(None)
}

/// Reads a whole head as delimited by [`head_end`]; one empty line before it is skipped
/// (RFC 9112, section 2.2).
///
/// # Errors
/// 400 for ambiguous or malformed heads, 417 for an unknown `Expect`, 431 for more than
/// `max_fields` headers, 505 for any version but HTTP/1.0 and 1.1.
pub fn head(bytes: &[u8], max_fields: usize) -> Result<Head<'_>, Refusal> {
    let text = str::from_utf8(bytes)
        .map_err(|_| bad("The request line and headers must be plain ASCII text."))?;
    let text = text.strip_prefix("\r\n").unwrap_or(text);
    let text =
        text.strip_suffix("\r\n\r\n").ok_or(bad("The request line is missing or malformed."))?;
    let mut lines = text.split("\r\n");
    let (method, target, minor) = request_line(lines.next().unwrap_or_default())?;
    let (target, authority) = origin_form(method, target)?;

    let mut fields = Vec::with_capacity(16);
    for line in lines {
        if fields.len() == max_fields {
            return Err(HEAD_TOO_LARGE);
        }
        fields.push(field(line)?);
    }
    let hosts = values(&fields, "host").count();
    if hosts > 1 || (hosts == 0 && minor == 1) {
        return Err(bad("The request must carry exactly one Host header."));
    }
    Ok(Head {
        method,
        target,
        authority,
        body: body(&fields, minor)?,
        close: minor == 0 || tokens(&fields, "connection").any(|t| t.eq_ignore_ascii_case("close")),
        wants_continue: wants_continue(&fields, minor)?,
        fields,
    })
}

fn request_line(line: &str) -> Result<(&str, &str, u8), Refusal> {
    let malformed = bad("The request line is missing or malformed.");
    let mut parts = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed);
    };
    if !is_token(method) || target.is_empty() || target.contains('\t') {
        return Err(malformed);
    }
    match version.as_bytes() {
        b"HTTP/1.1" => Ok((method, target, 1)),
        b"HTTP/1.0" => Ok((method, target, 0)),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Refusal::new(505, "Usher speaks HTTP/1.1 here."))
        }
        _ => Err(malformed),
    }
}

fn origin_form<'a>(
    method: &str,
    target: &'a str,
) -> Result<(Cow<'a, str>, Option<&'a str>), Refusal> {
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok((Cow::Borrowed(target), None));
    }
    let rest = match target.split_once("://") {
        Some((scheme, rest))
            if ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) =>
        {
            rest
        }
        _ => return Err(bad("The request must name a path on this server.")),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.is_empty() {
        return Err(bad("The request must name a path on this server."));
    }
    let path = match path.starts_with('/') {
        true => Cow::Borrowed(path),
        false => Cow::Owned(format!("/{path}")),
    };
    Ok((path, Some(authority)))
}

fn field(line: &str) -> Result<(&str, &str), Refusal> {
    if line.starts_with([' ', '\t']) {
        return Err(bad("A header must not continue on a second line."));
    }
    match line.split_once(':') {
        Some((name, value)) if is_token(name) => Ok((name, value.trim_matches([' ', '\t']))),
        _ => Err(bad("A header must be a name, a colon and a value.")),
    }
}

fn body(fields: &[(&str, &str)], minor: u8) -> Result<Body, Refusal> {
    let mut lengths = values(fields, "content-length");
    let mut codings = values(fields, "transfer-encoding");
    match (lengths.next(), lengths.next(), codings.next(), codings.next()) {
        (None, _, None, _) => Ok(Body::Length(0)),
        (Some(_), _, Some(_), _) => {
            Err(bad("The request has both Content-Length and Transfer-Encoding."))
        }
        (Some(length), None, None, _) if length.bytes().all(|b| b.is_ascii_digit()) => {
            length.parse().map(Body::Length).map_err(|_| BAD_LENGTH)
        }
        (Some(_), _, None, _) => Err(BAD_LENGTH),
        (None, _, Some(coding), None) if minor == 1 && coding.eq_ignore_ascii_case("chunked") => {
            Ok(Body::Chunked)
        }
        (None, _, Some(_), _) => Err(bad("The only transfer coding Usher reads is chunked.")),
    }
}

fn wants_continue(fields: &[(&str, &str)], minor: u8) -> Result<bool, Refusal> {
    let mut wants = false;
    for value in values(fields, "expect").filter(|_| minor == 1) {
        if !value.eq_ignore_ascii_case("100-continue") {
            return Err(Refusal::new(417, "Usher cannot meet what the Expect header asks for."));
        }
        wants = true;
    }
    Ok(wants)
}

fn values<'a>(fields: &[(&'a str, &'a str)], name: &str) -> impl Iterator<Item = &'a str> {
    fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1)
}

fn tokens<'a>(fields: &[(&'a str, &'a str)], name: &str) -> impl Iterator<Item = &'a str> {
    values(fields, name).flat_map(|value| value.split(',')).map(str::trim)
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// What [`Chunks::feed`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// All input is used; the body goes on.
    More,
    /// The body and its trailer are complete.
    Done,
    /// The body would be at least this many bytes, which is over the limit.
    TooLarge(u64),
}

/// Undoes `Transfer-Encoding: chunked`, in pieces of any size. Extensions and trailers are
/// read and dropped; together they may be `spare` bytes.
#[derive(Debug)]
pub struct Chunks {
    step: Step,
    spare: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Size { size: u64, digits: u8 },
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    Trailer { empty: bool },
    TrailerLf { last: bool },
    Done,
}

impl Chunks {
    /// `spare`: bytes allowed for all chunk extensions and trailers together.
    #[must_use]
    pub fn new(spare: usize) -> Self {
        Self { step: Step::Size { size: 0, digits: 0 }, spare }
    }

    /// Reads `input`, appends what it holds of the body to `out`, and says how many bytes it
    /// used. `out` never grows past `max`.
    ///
    /// # Errors
    /// 400 when the coding is broken or carries too much beside the body.
    pub fn feed(
        &mut self,
        input: &[u8],
        max: u64,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Fed), Refusal> {
        let mut at = 0;
        while at < input.len() {
            if let Step::Data(left) = self.step {
                let piece = &input[at..];
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
                out.extend_from_slice(&piece[..take]);
                at += take;
                let left = left - take as u64;
                self.step = if left == 0 { Step::DataCr } else { Step::Data(left) };
                continue;
            }
            let byte = input[at];
            at += 1;
            self.step = match (self.step, byte) {
                (Step::Size { size, digits: digits @ 0..16 }, _) if byte.is_ascii_hexdigit() => {
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    Step::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
                }
                (Step::Size { size, digits: 1.. }, b';') => Step::Extension(size),
                (Step::Size { size, digits: 1.. } | Step::Extension(size), b'\r') => {
                    Step::SizeLf(size)
                }
                (Step::Extension(size), b'\t' | b' '..=b'~') => {
                    self.spend()?;
                    Step::Extension(size)
                }
                (Step::SizeLf(0), b'\n') => Step::Trailer { empty: true },
                (Step::SizeLf(size), b'\n') => {
                    let total = size.saturating_add(out.len() as u64);
                    if total > max {
                        return Ok((at, Fed::TooLarge(total)));
                    }
                    Step::Data(size)
                }
                (Step::DataCr, b'\r') => Step::DataLf,
                (Step::DataLf, b'\n') => Step::Size { size: 0, digits: 0 },
                (Step::Trailer { empty }, b'\r') => Step::TrailerLf { last: empty },
                (Step::Trailer { .. }, b'\t' | b' '..=b'~') => {
                    self.spend()?;
                    Step::Trailer { empty: false }
                }
                (Step::TrailerLf { last: false }, b'\n') => Step::Trailer { empty: true },
                (Step::TrailerLf { last: true }, b'\n') => {
                    self.step = Step::Done;
                    return Ok((at, Fed::Done));
                }
                _ => return Err(BAD_CHUNK),
            };
        }
        Ok((at, Fed::More))
    }

    fn spend(&mut self) -> Result<(), Refusal> {
        self.spare =
            self.spare.checked_sub(1).ok_or(bad("The chunked body carries too much beside it."))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head_bytes: &str) -> u16 {
        match head_end(head_bytes.as_bytes(), 0) {
            Err(refusal) => refusal.status,
            Ok(None) => 0,
            Ok(Some(end)) => match head(&head_bytes.as_bytes()[..end], 64) {
                Ok(_) => 200,
                Err(refusal) => refusal.status,
            },
        }
    }

    #[test]
    fn targets_are_reduced_to_path_and_query() {
        for (target, path, authority) in [
            ("/in/a?b=c", "/in/a?b=c", None),
            ("http://h:1/in/a?b", "/in/a?b", Some("h:1")),
            ("HTTPS://h", "/", Some("h")),
            ("http://h?q=1", "/?q=1", Some("h")),
        ] {
            let bytes = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
            let head = head(bytes.as_bytes(), 64).unwrap();
            assert_eq!((head.target.as_ref(), head.authority), (path, authority));
        }
        for target in ["a", "ftp://h/", "http:///a", "h:443", "*"] {
            assert_eq!(
                status(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")),
                400,
                "{target}"
            );
        }
        assert_eq!(status("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    }

    #[test]
    fn heads_are_found_however_they_are_cut() {
        let bytes = b"\r\nPOST / HTTP/1.1\r\nHost: x\r\nA:\t b \r\n\r\nrest";
        let end = bytes.len() - 4;
        for cut in 0..bytes.len() {
            match head_end(&bytes[..cut], 0).unwrap() {
                Some(found) => assert_eq!(found, end),
                None => assert_eq!(head_end(bytes, cut), Ok(Some(end)), "cut at {cut}"),
            }
        }
        assert_eq!(head(&bytes[..end], 64).unwrap().fields, [("Host", "x"), ("A", "b")]);
    }

    #[test]
    fn odd_heads_are_refused() {
        assert_eq!(status("\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\n"), 400);
        assert_eq!(status("\u{16}\u{3}\u{1}"), 400);
        assert_eq!(status("PRI * HTTP/2.0\r\n\r\n"), 505);
        assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), 200);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
        let many = "a: b\r\n".repeat(64);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")), 431);
    }

    fn decode(input: &[u8], cut: usize) -> Result<(usize, Fed, Vec<u8>), Refusal> {
        let mut chunks = Chunks::new(16);
        let mut out = Vec::new();
        let (used, fed) = chunks.feed(&input[..cut], 10, &mut out)?;
        if fed != Fed::More {
            return Ok((used, fed, out));
        }
        let (rest, fed) = chunks.feed(&input[cut..], 10, &mut out)?;
        Ok((cut + rest, fed, out))
    }

    #[test]
    fn chunks_decode_however_they_are_cut() {
        let input = b"3;a=b\r\nabc\r\n02\r\nde\r\n0\r\nT: x\r\n\r\nGET";
        for cut in 0..=input.len() {
            let whole = (input.len() - 3, Fed::Done, b"abcde".to_vec());
            assert_eq!(decode(input, cut), Ok(whole), "cut at {cut}");
        }
    }

    #[test]
    fn broken_chunks_are_refused() {
        for input in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "3 \r\n",
            "3\n",
            "3\r\nabcd",
            "3\r\nabc\n",
            "0x3\r\n",
            "00000000000000003\r\n",
            "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0\r\naaaaaaaaaaaaaaaaaaaaaaaa",
            "1;\0\r\n",
            "0\r\n\n",
        ] {
            let bytes = input.as_bytes();
            assert!(decode(bytes, bytes.len()).is_err(), "{input:?}");
        }
        let huge = b"ffffffffffffffff\r\n";
        assert_eq!(decode(huge, huge.len()).unwrap().1, Fed::TooLarge(u64::MAX));
        assert_eq!(decode(b"3\r\nabc\r\n8\r\n", 5).unwrap().1, Fed::TooLarge(11));
        assert_eq!(decode(b"3\r\nabc", 6).unwrap().1, Fed::More);
    }

    #[test]
    fn no_bytes_make_the_parsers_panic() {
        let seeds: [&[u8]; 3] = [
            b"POST http://h/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
            b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n",
            b"\r\nGET / HTTP/1.0\r\nA:\tb\r\n\r\n",
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        for round in 0..60_000 {
            let mut bytes = seeds[round % seeds.len()].to_vec();
            for _ in 0..next() % 4 {
                let at = next() % bytes.len();
                match next() % 3 {
                    0 => bytes[at] = next() as u8,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b"\r\n :;,\0\xff0"[next() % 9]),
                }
            }
            if let Ok(Some(end)) = head_end(&bytes, 0) {
                let _ = head(&bytes[..end], 64);
            }
            let _ = head(&bytes, 64);
            let start = next() % bytes.len();
            let mut out = Vec::new();
            let _ = Chunks::new(8).feed(&bytes[start..], 100, &mut out);
            assert!(out.len() <= 100);
        }
    }
}
