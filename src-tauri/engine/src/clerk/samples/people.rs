//! The invented people of the test events: from a seed to names, ids and whole Clerk objects.

use serde_json::{Value, json};

use super::{HOUR_MS, set};

/// One invented person and the ids Clerk would give them.
pub(super) struct Person {
    seed: u64,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    other_last: &'static str,
    pub(super) email: String,
    pub(super) second_email: String,
    pub(super) user_id: String,
    pub(super) entry_id: String,
    pub(super) email_id: String,
    pub(super) second_id: String,
    pub(super) phone_id: String,
    pub(super) invitation_id: String,
    pub(super) username: String,
    pub(super) phone: String,
    pub(super) address: String,
    with_google: bool,
    google_id: String,
    google_number: String,
    age_ms: i64,
}

impl Person {
    pub(super) fn of(seed: u64) -> Self {
        let (first_names, last_names) = (words(FIRST), words(LAST));
        let mut pick = Permuted(seed % PEOPLE * STRIDE % PEOPLE);
        let mut dice = Dice(seed);
        let first = pick.one_of(&first_names);
        let last = pick.one_of(&last_names);
        let domain = pick.one_of(&["example.com", "example.net", "example.org"]);
        let number = if pick.0 == 0 { String::new() } else { pick.0.to_string() };
        let others: Vec<_> = last_names.iter().copied().filter(|name| *name != last).collect();
        let (first_ascii, last_ascii) = (ascii(first), ascii(last));
        Self {
            seed,
            first,
            last,
            other_last: dice.one_of(&others),
            email: format!("{first_ascii}.{last_ascii}{number}@{domain}"),
            second_email: format!("{last_ascii}.{first_ascii}{number}@{domain}"),
            user_id: dice.id("user"),
            entry_id: dice.id("wle"),
            email_id: dice.id("idn"),
            second_id: dice.id("idn"),
            phone_id: dice.id("idn"),
            invitation_id: dice.id("inv"),
            username: format!("{first_ascii}_{last_ascii}{number}"),
            phone: format!("+1555555{:04}", dice.below(10_000)),
            address: format!("203.0.113.{}", dice.below(254) + 1),
            with_google: dice.below(3) == 0,
            google_id: dice.id("idn"),
            google_number: format!("10{:019}", dice.below(10_000_000_000_000_000_000)),
            age_ms: 120_000 + i64::try_from(dice.below(40 * 24 * 3_600_000)).unwrap_or_default(),
        }
    }

    /// Another id of this person's, the same every time: that of their organization, session or card.
    pub(super) fn id(&self, prefix: &str) -> String {
        let name = prefix.bytes().fold(0_u64, |sum, byte| {
            sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte))
        });
        Dice(self.seed.rotate_left(32) ^ name).id(prefix)
    }

    /// One of the list, the same every time.
    pub(super) fn one_of<T: Copy + Default>(&self, list: &[T]) -> T {
        Dice(self.seed.wrapping_add(1)).one_of(list)
    }

    pub(super) fn earlier(&self, now_ms: i64) -> i64 {
        now_ms - self.age_ms
    }

    pub(super) fn user(&self, created_ms: i64, updated_ms: i64) -> Value {
        json!({
            "backup_code_enabled": false,
            "banned": false,
            "create_organization_enabled": true,
            "create_organizations_limit": null,
            "created_at": created_ms,
            "delete_self_enabled": true,
            "email_addresses": [self.email_address(&self.email_id, &self.email, created_ms)],
            "enterprise_accounts": [],
            "external_accounts": self.external_accounts(created_ms),
            "external_id": null,
            "first_name": self.first,
            "has_image": self.with_google,
            "id": self.user_id,
            "image_url": "https://img.example.com/avatar.png",
            "last_active_at": updated_ms,
            "last_name": self.last,
            "last_sign_in_at": null,
            "legal_accepted_at": null,
            "locale": "en",
            "locked": false,
            "lockout_expires_in_seconds": null,
            "mfa_disabled_at": null,
            "mfa_enabled_at": null,
            "object": "user",
            "passkeys": [],
            "password_enabled": !self.with_google,
            "phone_numbers": [],
            "primary_email_address_id": self.email_id,
            "primary_phone_number_id": null,
            "primary_web3_wallet_id": null,
            "private_metadata": {},
            "profile_image_url": "https://img.example.com/avatar.png",
            "public_metadata": {},
            "saml_accounts": [],
            "totp_enabled": false,
            "two_factor_enabled": false,
            "unsafe_metadata": {},
            "updated_at": updated_ms,
            "username": null,
            "verification_attempts_remaining": 100,
            "web3_wallets": [],
        })
    }

    pub(super) fn user_updated(&self, now_ms: i64) -> Value {
        let mut user = self.user(self.earlier(now_ms), now_ms);
        set(&mut user, "/last_name", json!(self.other_last));
        set(&mut user, "/last_sign_in_at", json!(now_ms - 45_000));
        set(&mut user, "/public_metadata", json!({ "plan": "pro" }));
        user
    }

    pub(super) fn email_address(&self, id: &str, email: &str, created_ms: i64) -> Value {
        let linked = self.with_google && id == self.email_id;
        let (kind, strategy) = if linked {
            ("verification_from_oauth", "from_oauth_google")
        } else {
            ("verification_otp", "email_code")
        };
        json!({
            "created_at": created_ms - 9_000,
            "email_address": email,
            "id": id,
            "linked_to": if linked { json!([{ "id": self.google_id, "type": "oauth_google" }]) } else { json!([]) },
            "matches_sso_connection": false,
            "object": "email_address",
            "reserved": false,
            "updated_at": created_ms,
            "verification": { "attempts": 1, "expire_at": created_ms + 591_000, "object": kind, "status": "verified", "strategy": strategy },
        })
    }

    fn external_accounts(&self, created_ms: i64) -> Value {
        if !self.with_google {
            return json!([]);
        }
        json!([{
            "approved_scopes": "email openid profile",
            "created_at": created_ms - 9_000,
            "email_address": self.email,
            "family_name": self.last,
            "given_name": self.first,
            "google_id": self.google_number,
            "id": self.google_id,
            "label": null,
            "object": "google_account",
            "picture": "https://img.example.com/google.png",
            "public_metadata": {},
            "updated_at": created_ms - 9_000,
            "username": "",
            "verification": null,
        }])
    }

    pub(super) fn phone_number(&self, created_ms: i64) -> Value {
        json!({
            "created_at": created_ms - 9_000,
            "default_second_factor": false,
            "id": self.phone_id,
            "linked_to": [],
            "object": "phone_number",
            "phone_number": self.phone,
            "reserved": false,
            "reserved_for_second_factor": false,
            "updated_at": created_ms,
            "verification": {
                "attempts": 1,
                "expire_at": created_ms + 591_000,
                "object": "verification_otp",
                "status": "verified",
                "strategy": "phone_code",
            },
        })
    }

    pub(super) fn entry(&self, status: &str, created_ms: i64, updated_ms: i64) -> Value {
        let invitation = if status == "invited" {
            json!({
                "created_at": updated_ms,
                "email_address": self.email,
                "expires_at": updated_ms + 30 * 24 * HOUR_MS,
                "id": self.invitation_id,
                "object": "invitation",
                "public_metadata": {},
                "revoked": false,
                "status": "pending",
                "updated_at": updated_ms,
                "url": "https://accounts.example.com/v1/tickets/accept?ticket=test",
            })
        } else {
            Value::Null
        };
        json!({
            "created_at": created_ms,
            "email_address": self.email,
            "id": self.entry_id,
            "invitation": invitation,
            "is_locked": false,
            "object": "waitlist_entry",
            "status": status,
            "updated_at": updated_ms,
        })
    }
}

/// How many people there are: 48 first names, 48 last names, 3 domains, 10,000 numbers.
const PEOPLE: u64 = 48 * 48 * 3 * 10_000;

/// Spreads neighbouring seeds over the people, one to one: it shares no divisor with [`PEOPLE`].
const STRIDE: u64 = 15_485_863;

/// A number taken apart into choices, one to one.
struct Permuted(u64);

impl Permuted {
    fn one_of<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let (chosen, rest) = choose(list, self.0);
        self.0 = rest;
        chosen
    }
}

/// `SplitMix64`: small, seeded and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.roll() % count
    }

    fn one_of<T: Copy + Default>(&mut self, list: &[T]) -> T {
        choose(list, self.roll()).0
    }

    /// `prefix_` and 27 characters, as Clerk makes them; the leading 3 is what ids of these years
    /// begin with.
    fn id(&mut self, prefix: &str) -> String {
        let letters: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
        let tail: String = (0..26).map(|_| self.one_of(&letters)).collect();
        format!("{prefix}_3{tail}")
    }
}

fn choose<T: Copy + Default>(list: &[T], number: u64) -> (T, u64) {
    let count = u64::try_from(list.len()).unwrap_or(u64::MAX).max(1);
    let at = usize::try_from(number % count).unwrap_or_default();
    (list.get(at).copied().unwrap_or_default(), number / count)
}

fn words(list: &'static str) -> Vec<&'static str> {
    list.split(' ').collect()
}

fn ascii(name: &str) -> String {
    let plain = |c| match c {
        'a'..='z' => Some(c),
        'á' | 'ä' => Some('a'),
        'ç' => Some('c'),
        'é' | 'ë' => Some('e'),
        'í' | 'ï' | 'ı' => Some('i'),
        'ł' => Some('l'),
        'ń' => Some('n'),
        'ö' | 'ø' => Some('o'),
        _ => None,
    };
    name.to_lowercase().chars().filter_map(plain).collect()
}

const FIRST: &str = "Ada Amara Anaïs Arjun Aylin Bao Björn Carmen Chidi Dana Diego Elif Émile Farah Freya Giulia Hana \
    Hugo Ines Ivo Jonas Kaito Kwame Leila Łukasz Maja María Mateo Mei Milan Nadia Noor Olu Oscar Priya \
    Ravi Rosa Samira Sean Sofía Søren Tariq Thandi Tomás Uma Wren Yusuf Zoë";

const LAST: &str = "Abebe Almeida Andersson Banerjee Bauer Berg Castillo Chen Çelik Silva Dubois Eze Fischer Fraser \
    García Haddad Holm Ito Jansen Joshi Kaya Kowalska Kruger Larsen Lindqvist Lopes Mbeki Mensah Moreau \
    Nakamura Nguyen Novák O'Brien Okafor Osei Park Petrova Quispe Rahman Rossi Sato Schäfer Singh Tanaka \
    Vargas Weber Yılmaz Zielińska";
