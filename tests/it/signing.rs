//! The signing secret: what is taken, which mistakes are named, and that the value does not leak.

use proptest::prelude::*;
use usher_engine::signing::{SecretMistake, SignError, SigningSecret};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn takes_a_secret_however_it_was_pasted() {
    let pastes = [
        SECRET,
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "  whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n",
        "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
        "'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',",
        "“whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw”",
        "\u{feff}whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\u{200b}",
        "CLERK_WEBHOOK_SIGNING_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "export CLERK_WEBHOOK_SIGNING_SECRET=\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
        "Signing Secret: MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ];
    for paste in pastes {
        let secret =
            SigningSecret::parse(paste).unwrap_or_else(|mistake| panic!("{paste}: {mistake}"));
        assert_eq!(secret.expose(), SECRET, "{paste}");
    }
}

#[test]
fn takes_every_length_seen_in_the_wild() {
    let padded = "whsec_dGVzdF9zaWduaW5nX3NlY3JldF8zMl9jaGFyc19sb25n";
    let eighteen_bytes = "whsec_plJ3nmyCDGBKInavdOK15jsl";
    let with_padding = "whsec_c2l4dGVlbiBieXRlcyAhIQ==";
    for secret in [padded, eighteen_bytes, with_padding] {
        assert_eq!(
            SigningSecret::parse(secret).map(|parsed| parsed.expose().to_owned()),
            Ok(secret.to_owned())
        );
    }
}

#[test]
fn names_the_mistake() {
    let long = format!("whsec_{}", "QUJD".repeat(50));
    let cases: [(&str, SecretMistake); 32] = [
        ("", SecretMistake::Empty),
        (" \n\t ", SecretMistake::Empty),
        ("\"\"", SecretMistake::Empty),
        ("whsec_", SecretMistake::Empty),
        (" 'whsec_' ", SecretMistake::Empty),
        ("sk_test_abcdefghijklmnopqrstuvwxyz", SecretMistake::ClerkSecretKey),
        ("CLERK_SECRET_KEY=sk_live_abcdefghijklmnopqrstuvwxyz", SecretMistake::ClerkSecretKey),
        ("pk_test_ZXhhbXBsZS5jbGVyay5hY2NvdW50cy5kZXYk", SecretMistake::PublishableKey),
        ("NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_live_ZXhhbXBsZQ", SecretMistake::PublishableKey),
        ("ep_2g7np7Hrk0SN6kj5EDMLDaKNL0S", SecretMistake::EndpointId),
        ("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretMistake::AsymmetricKey),
        ("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", SecretMistake::AsymmetricKey),
        ("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", SecretMistake::PemKey),
        ("https://example.trycloudflare.com/in/abc", SecretMistake::Url),
        ("http://127.0.0.1:4870/in/abc", SecretMistake::Url),
        ("wss://api.relay.svix.com", SecretMistake::Url),
        ("msg_2g7np7Hrk0SN6kj5EDMLDaKNL0S", SecretMistake::OtherId),
        ("ins_2g7np7Hrk0SN6kj5EDMLDaKNL0S", SecretMistake::OtherId),
        ("user_2g7np7Hrk0SN6kj5EDMLDaKNL0S", SecretMistake::OtherId),
        ("••••••••••••••••", SecretMistake::Hidden),
        ("whsec_••••••••••••", SecretMistake::Hidden),
        ("whsec_****************", SecretMistake::Hidden),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            SecretMistake::SeveralSecrets,
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            SecretMistake::SeveralSecrets,
        ),
        ("whsec_MfKQ9r8GKYqrTwjU\nPD8ILPZIo2LaLaSw", SecretMistake::SpaceInside),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", SecretMistake::GarbledBase64),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaSwBr_-", SecretMistake::GarbledBase64),
        ("whsec_c2l4dGVlbiBieXRlcyAhIQ", SecretMistake::GarbledBase64),
        ("whsec_c2l4dGVlbiBieXRlcyAhIR==", SecretMistake::GarbledBase64),
        ("whsec_MfKQ9r8GKYqr", SecretMistake::TooShort { bytes: 9 }),
        ("password", SecretMistake::TooShort { bytes: 6 }),
        (&long, SecretMistake::TooLong { bytes: 150 }),
    ];
    for (paste, mistake) in cases {
        assert_eq!(SigningSecret::parse(paste).err(), Some(mistake), "{paste}");
        let sentence = mistake.to_string();
        assert!(sentence.ends_with('.') && !sentence.contains("WHERE"), "{sentence}");
        assert!(
            mistake == SecretMistake::SeveralSecrets || sentence.contains("Configure → Webhooks"),
            "{sentence}"
        );
    }
}

#[test]
fn debug_shows_four_characters_and_no_more() {
    let secret = SigningSecret::parse(SECRET).unwrap();
    assert_eq!(secret.hint(), "LaSw");
    assert_eq!(format!("{secret:?}"), "\"whsec_…LaSw\"");
    assert_eq!(format!("{:?}", Some(&secret)), "Some(\"whsec_…LaSw\")");
}

#[test]
fn signs_text_only() {
    let secret = SigningSecret::parse(SECRET).unwrap();
    let signature =
        secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
    assert_eq!(signature.as_deref(), Ok("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    assert_eq!(secret.sign("msg_1", 1, b"\xff"), Err(SignError::NotText));
}

proptest! {
    #[test]
    fn parsing_never_panics_and_what_it_takes_it_takes_again(paste in "\\PC*") {
        if let Ok(secret) = SigningSecret::parse(&paste) {
            prop_assert_eq!(SigningSecret::parse(secret.expose()), Ok(secret));
        }
    }

    #[test]
    fn every_key_of_a_fit_length_is_taken(key in proptest::collection::vec(any::<u8>(), 16..=128)) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let spelled = format!("whsec_{}", STANDARD.encode(&key));
        let secret = SigningSecret::parse(&spelled).unwrap();
        prop_assert_eq!(secret.expose(), spelled.as_str());
        let signature = secret.sign("msg_1", 1, b"body").unwrap();
        prop_assert!(signature.starts_with("v1,"));
    }
}
