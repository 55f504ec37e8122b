//! Where a message may go: what a target's address says, and which IP addresses it may stand for.
//!
//! Pure. A target is a door into the person's own machine and networks, so the addresses that a name
//! stands for are all judged, and exactly one of those that were judged is connected to: a name that
//! changes its mind in between gains nothing. Deliberately absent: asking for the addresses of a name
//! (deliver.rs).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// Longest address of a target, in bytes.
const LONGEST: usize = 2_000;

/// What a target's address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// With TLS.
    pub secure: bool,
    /// A name, or an IP address without brackets; lower case.
    pub host: String,
    /// Port, also when it was not written.
    pub port: u16,
    /// Path and query, beginning with a slash.
    pub path: String,
}

impl Address {
    /// Reads what a person wrote.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err(
                "The address is empty. Write one such as http://localhost:3000/api/webhooks."
                    .to_owned(),
            );
        }
        if text.len() > LONGEST {
            return Err(format!("The address is longer than {LONGEST} bytes."));
        }
        if text.contains('#') {
            return Err("An address to forward to has no part after a #.".to_owned());
        }
        let uri: Uri = text.parse().map_err(|_| unreadable(text))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(unreadable(text)),
        };
        let authority = uri.authority().ok_or_else(|| unreadable(text))?;
        if authority.as_str().contains('@') {
            return Err(
                "A name and password do not belong into the address. Send them as an extra header instead, such as Authorization."
                    .to_owned(),
            );
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, digits)) if !digits.contains(']') => {
                let number =
                    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok());
                number.flatten().filter(|port| *port > 0).ok_or_else(|| {
                    format!("\"{digits}\" is not a port; write a number from 1 to 65535.")
                })?
            }
            _ if secure => 443,
            _ => 80,
        };
        if host.is_empty() {
            return Err(unreadable(text));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, host, port, path })
    }

    /// The IP address, when one is written.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// True for `localhost` and the names below it, which are this machine whatever a name server
    /// says (RFC 6761).
    pub fn is_localhost(&self) -> bool {
        self.host == "localhost" || self.host.ends_with(".localhost")
    }

    /// Host and port as they stand in a `Host` header; the port only when it is not the usual one.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.secure, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The address without its path, such as `http://localhost:3000`.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }

    /// True when it is an endpoint of the Usher that listens on `own_port` of this machine.
    pub fn is_own_endpoint(&self, own_port: u16) -> bool {
        let here = self.is_localhost()
            || self.ip().is_some_and(|ip| plain(ip).is_loopback() || ip.is_unspecified());
        here && self.port == own_port && self.path.starts_with("/in/")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)
    }
}

fn unreadable(text: &str) -> String {
    format!(
        "\"{text}\" is not an address to forward to. Write one such as http://localhost:3000/api/webhooks."
    )
}

/// What is said of a target that is Usher itself.
pub const LOOP: &str = "This is Usher's own endpoint: every message would be forwarded to where it came from. Give the address of your app, such as http://localhost:3000/api/webhooks.";

/// Why an IP address is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// Outside this machine and its networks, which was not allowed.
    Public,
    /// Never, whatever is allowed; with what it is.
    Never(&'static str),
}

impl Barred {
    /// The sentence for people.
    pub fn sentence(self, host: &str, ip: IpAddr) -> String {
        let named =
            if host.parse::<IpAddr>().is_ok() { host.to_owned() } else { format!("{host} ({ip})") };
        match self {
            Self::Public => format!(
                "{named} is outside this machine and its private networks. Allow public addresses for this target if you mean it; what is forwarded holds personal data."
            ),
            Self::Never(what) => {
                format!("{named} is {what}, to which Usher never forwards.")
            }
        }
    }
}

/// Whether this IP address may be connected to.
///
/// # Errors
/// Why not.
pub fn judge(ip: IpAddr, allow_public: bool) -> Result<(), Barred> {
    let private = match (plain(ip), carried(ip)) {
        (IpAddr::V4(ip), _) => judge_v4(ip)?,
        (IpAddr::V6(_), Some(carried)) => {
            judge_v4(carried)?;
            false
        }
        (IpAddr::V6(ip), None) => judge_v6(ip)?,
    };
    if private || allow_public { Ok(()) } else { Err(Barred::Public) }
}

const METADATA: Barred = Barred::Never("the metadata service of a cloud");
const LINK_LOCAL: Barred = Barred::Never("a link-local address");
const UNSPECIFIED: Barred = Barred::Never("no address of a machine");
const MULTICAST: Barred = Barred::Never("an address of many machines");
const TRANSITION: Barred = Barred::Never("an address of a transition mechanism");

/// True when it is private.
fn judge_v4(ip: Ipv4Addr) -> Result<bool, Barred> {
    match ip.octets() {
        [169, 254, 169, 254] | [100, 100, 100, 200] | [168, 63, 129, 16] | [192, 0, 0, 192] => {
            Err(METADATA)
        }
        [169, 254, ..] => Err(LINK_LOCAL),
        [0, ..] => Err(UNSPECIFIED),
        [224..=239, ..] | [255, 255, 255, 255] => Err(MULTICAST),
        [240..=255, ..] => Err(UNSPECIFIED),
        [127 | 10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Ok(true),
        _ => Ok(false),
    }
}

/// True when it is private.
fn judge_v6(ip: Ipv6Addr) -> Result<bool, Barred> {
    match ip.segments() {
        // AWS, which has several services there; Scaleway; Google.
        [0xfd00, 0xec2, ..]
        | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Err(METADATA),
        [0xfe80..=0xfebf, ..] => Err(LINK_LOCAL),
        [0xfec0..=0xfeff, ..] => Err(Barred::Never("a site-local address")),
        [0xff00..=0xffff, ..] => Err(MULTICAST),
        [0x64, 0xff9b, 1, ..] | [0x2001, 0, ..] => Err(TRANSITION),
        [0, 0, 0, 0, 0, 0, 0, 0] => Err(UNSPECIFIED),
        [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] => Ok(true),
        _ => Ok(false),
    }
}

/// An IPv4 address that is written as an IPv6 one (mapped) as what the system makes of it.
fn plain(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    v6.to_ipv4_mapped().map_or(ip, IpAddr::V4)
}

/// The IPv4 address that another machine would send this on to: compatible, translated, 6to4 or NAT64.
/// The packet leaves this machine, so what is private there is not so here.
fn carried(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else { return None };
    let (high, low) = match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return None,
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}
