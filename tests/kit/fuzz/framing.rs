//! Heads and chunked bodies as the guard reads them. The input is what a client sends over one
//! connection.
//!
//! Held: it does not matter how the bytes were cut on their way; a head that is accepted leaves
//! nothing to interpretation, which a second reader (httparse) and a second reading of the head
//! written out again both confirm; and no body grows over its limit.

use usher_engine::listener::frame::{Body, Chunks, Fed, Head, Refusal, head, head_end};

const MAX_FIELDS: usize = 64;
const MAX_BODY: u64 = 4096;
const SPARE: usize = 256;

/// The target.
pub fn framing(data: &[u8]) {
    let _ = head(data, MAX_FIELDS);
    let _ = chunked(data);
    let mut rest = data;
    while let Some((framing, end)) = one_head(rest) {
        rest = &rest[end..];
        let body = match framing {
            Body::Length(length) => usize::try_from(length).ok().filter(|_| length <= MAX_BODY),
            Body::Chunked => chunked(rest),
        };
        match body.and_then(|length| rest.get(length..)) {
            Some(after) => rest = after,
            None => return,
        }
    }
}

/// Reads one head; how its body is delimited and where it begins, if it was accepted.
fn one_head(bytes: &[u8]) -> Option<(Body, usize)> {
    let whole = head_end(bytes, 0);
    for cut in cuts(bytes.len()) {
        let first = head_end(&bytes[..cut], 0);
        match first {
            Ok(None) => assert_eq!(head_end(bytes, cut), whole, "cut at {cut}"),
            found => assert_eq!(found, whole, "cut at {cut}"),
        }
    }
    let grown =
        (1..=bytes.len().min(2048)).find_map(|end| head_end(&bytes[..end], end - 1).transpose());
    if bytes.len() <= 2048 {
        assert_eq!(grown.transpose(), whole, "byte by byte");
    }
    let end = whole.ok()??;
    let bytes = &bytes[..end];
    let read = head(bytes, MAX_FIELDS);
    assert_eq!(head(bytes, MAX_FIELDS), read, "the same again");
    let read = read.map_err(is_refusal).ok()?;
    accepted(&read, bytes);
    if let Some(fewer) = read.fields.len().checked_sub(1) {
        assert_eq!(head(bytes, fewer).map_err(|refusal| refusal.status).err(), Some(431));
    }
    Some((read.body, end))
}

fn is_refusal(refusal: Refusal) {
    assert!((400..=505).contains(&refusal.status), "{refusal:?}");
    assert!(!refusal.why.contains(['"', '\\']) && refusal.why.ends_with('.'), "{refusal:?}");
}

fn accepted(read: &Head<'_>, bytes: &[u8]) {
    assert!(bytes.is_ascii() && bytes.ends_with(b"\r\n\r\n"));
    assert!(read.target.starts_with('/') || (read.target == "*" && read.method == "OPTIONS"));
    let unprinted = |text: &str| text.bytes().any(|byte| !matches!(byte, b'!'..=b'~'));
    assert!(!unprinted(read.method) && !unprinted(&read.target), "{read:?}");
    for (name, value) in &read.fields {
        assert!(!name.is_empty() && !unprinted(name) && !name.contains(':'), "{name:?}");
        assert!(value.trim() == *value && !value.contains(['\r', '\n', '\0']), "{value:?}");
    }
    let values = |name: &str| -> Vec<&str> {
        let named = read.fields.iter().filter(|field| field.0.eq_ignore_ascii_case(name));
        named.map(|field| field.1).collect()
    };
    let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
    match read.body {
        Body::Chunked => {
            assert!(lengths.is_empty() && codings.len() == 1, "{lengths:?} {codings:?}");
            assert!(codings[0].eq_ignore_ascii_case("chunked"));
        }
        Body::Length(length) => {
            assert!(codings.is_empty() && lengths.len() <= 1, "{lengths:?} {codings:?}");
            let said = lengths.first().map_or(0, |digits| {
                assert!(digits.bytes().all(|digit| digit.is_ascii_digit()), "{digits}");
                digits.parse().unwrap()
            });
            assert_eq!(length, said);
        }
    }
    let minor = second_reader(read, bytes);
    assert!(values("host").len() <= 1 && (minor == 0 || values("host").len() == 1));
    assert!(!read.wants_continue || minor == 1);
    assert!(read.close || minor == 1);

    let again = written(read, minor);
    let again = head(again.as_bytes(), MAX_FIELDS).expect("what was accepted is accepted again");
    assert_eq!(again, Head { authority: None, ..copy_of(read) });
}

/// What another reader makes of the same bytes; the minor version.
fn second_reader(read: &Head<'_>, bytes: &[u8]) -> u8 {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(bytes);
    assert_eq!(parsed, Ok(httparse::Status::Complete(bytes.len())), "httparse of {read:?}");
    assert_eq!(request.method, Some(read.method));
    let path = request.path.unwrap();
    let path = match read.authority {
        None => path.to_owned(),
        Some(authority) => {
            let (_, after) = path.split_once("://").unwrap();
            let path = after.strip_prefix(authority).unwrap();
            if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
        }
    };
    assert_eq!(path, read.target);
    let theirs: Vec<_> = request.headers.iter().map(|field| (field.name, field.value)).collect();
    let ours: Vec<_> = read.fields.iter().map(|field| (field.0, field.1.as_bytes())).collect();
    assert_eq!(theirs, ours);
    request.version.unwrap()
}

fn written(head: &Head<'_>, minor: u8) -> String {
    let fields = head.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let fields: String = fields.collect();
    format!("{} {} HTTP/1.{minor}\r\n{fields}\r\n", head.method, head.target)
}

fn copy_of<'a>(head: &Head<'a>) -> Head<'a> {
    let Head { method, authority, body, close, wants_continue, .. } = *head;
    let (target, fields) = (head.target.clone(), head.fields.clone());
    Head { method, target, authority, fields, body, close, wants_continue }
}

type Decoded = Result<(usize, Fed, Vec<u8>), Refusal>;

/// Undoes a chunked body; its length as sent, if it is complete.
fn chunked(bytes: &[u8]) -> Option<usize> {
    let whole = decoded([bytes].into_iter(), MAX_BODY);
    for cut in cuts(bytes.len()) {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(decoded([first, second].into_iter(), MAX_BODY), whole, "cut at {cut}");
    }
    for size in [1, 3] {
        assert_eq!(decoded(bytes.chunks(size), MAX_BODY), whole, "in pieces of {size}");
    }
    let (used, fed, body) = whole.map_err(is_refusal).ok()?;
    match fed {
        Fed::More => assert_eq!(used, bytes.len()),
        Fed::TooLarge(total) => assert!(total > MAX_BODY),
        Fed::Done => {
            let sent = &bytes[..used];
            assert_eq!(second_decoder(sent).as_ref(), Some(&body), "{}", sent.escape_ascii());
            let length = body.len() as u64;
            assert_eq!(decoded([sent].into_iter(), length), Ok((used, Fed::Done, body.clone())));
            if let Some(less) = length.checked_sub(1) {
                let over = decoded([sent].into_iter(), less).map(|(_, fed, _)| fed);
                assert!(matches!(over, Ok(Fed::TooLarge(_))), "{over:?}");
            }
            let again = encoded(&body);
            let end = again.len();
            assert_eq!(decoded([&again[..]].into_iter(), MAX_BODY), Ok((end, Fed::Done, body)));
            return Some(used);
        }
    }
    None
}

fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>, max: u64) -> Decoded {
    let mut chunks = Chunks::new(SPARE);
    let mut body = Vec::new();
    let mut used = 0;
    for piece in pieces {
        let result = chunks.feed(piece, max, &mut body);
        assert!(body.len() as u64 <= max, "{} bytes", body.len());
        let (taken, fed) = result?;
        used += taken;
        if fed != Fed::More {
            return Ok((used, fed, body));
        }
        assert_eq!(taken, piece.len());
    }
    Ok((used, Fed::More, body))
}

/// The same by httparse's reading of the sizes; `None` if anything is wrong or missing.
fn second_decoder(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(bytes)
        else {
            return None;
        };
        bytes = &bytes[start..];
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes[size..].strip_prefix(b"\r\n")?;
    }
    while !bytes.starts_with(b"\r\n") {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        bytes = &bytes[end + 2..];
    }
    (bytes == b"\r\n").then_some(body)
}

fn encoded(body: &[u8]) -> Vec<u8> {
    let chunks = body
        .chunks(7)
        .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    [chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
}

/// Every place to cut a short input, and some of a long one.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..=length).step_by(length / 128 + 1)
}
