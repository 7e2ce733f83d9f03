//! The examples of RFC 7515 (JWS), RFC 7519 (JWT), RFC 7520 (cookbook) and RFC 8037 (Ed25519), verbatim.
//!
//! What is signed with a key that an issuer may publish is verified; shared secrets, `none`, P-521 and JSON serializations are not
//! for callers of a gateway, and are refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// RFC 7515, A.1, and RFC 7519, §3.1: HS256.
const JOE_HS256: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7515, A.2: RS256.
const JOE_RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
/// RFC 7515, A.2.1.
const JOE_RSA: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
/// RFC 7515, A.3: ES256.
const JOE_ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// RFC 7515, A.3.1.
const JOE_P256: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
/// RFC 7515, A.4: ES512.
const PAYLOAD_ES512: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
/// RFC 7515, A.4.1.
const PAYLOAD_P521: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
/// RFC 7515, A.5, and RFC 7519, §6.1: no signature.
const JOE_NONE: &str =
    "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
/// RFC 7520, §3.3.
const FRODO_RSA: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;
/// RFC 7520, §3.1.
const FRODO_P521: &str = r#"{"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt","y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1","crv":"P-521"}"#;
/// RFC 7520, §3.5.
const FRODO_SECRET: &str = r#"{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}"#;
/// RFC 7520, §4.1: RS256.
const FRODO_RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
/// RFC 7520, §4.2: PS384.
const FRODO_PS384: &str = "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
/// RFC 7520, §4.3: ES512.
const FRODO_ES512: &str = "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2";
/// RFC 7520, §4.4: HS256.
const FRODO_HS256: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
/// RFC 8037, A.2.
const EXAMPLE_ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// RFC 8037, A.4: `EdDSA`.
const EXAMPLE_EDDSA: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

use Algorithm::{ES256, EdDSA, PS384, RS256};

/// Every algorithm that configuration can accept.
const ALL: &[Algorithm] =
    &[RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, PS384, Algorithm::PS512, ES256, Algorithm::ES384, EdDSA];

/// The examples that are verified: what they are, key, algorithm, JWS.
const VERIFIED: [(&str, &str, Algorithm, &str); 5] = [
    ("RFC 7515, A.2", JOE_RSA, RS256, JOE_RS256),
    ("RFC 7515, A.3", JOE_P256, ES256, JOE_ES256),
    ("RFC 7520, 4.1", FRODO_RSA, RS256, FRODO_RS256),
    ("RFC 7520, 4.2", FRODO_RSA, PS384, FRODO_PS384),
    ("RFC 8037, A.4", EXAMPLE_ED25519, EdDSA, EXAMPLE_EDDSA),
];

fn set(key: &str) -> Vec<u8> {
    format!("{{\"keys\":[{key}]}}").into_bytes()
}

/// Whether the key verifies the JWS, and the very same with one bit of its signature turned.
fn verifies(key: &str, algorithm: Algorithm, jws: &str) -> (bool, bool) {
    let keys = Vetted::from_jwks(&set(key), ALL).unwrap().keys;
    let key_id = key.contains("\"kid\"").then_some("bilbo.baggins@hobbiton.example");
    let key = keys.find(key_id, algorithm).unwrap();
    let (message, signature) = jws.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut turned = signature.clone();
    turned[signature.len() / 2] ^= 1;
    (key.verifies(message.as_bytes(), &signature), key.verifies(message.as_bytes(), &turned))
}

/// Callers who believe `joe`, whose keys these are, at the time of the examples.
fn told_to_joe(key: &str, token: &str) -> &'static str {
    let joe = config::Issuer { issuer: "joe".to_owned(), algorithms: ALL.to_vec(), ..issuer() };
    let mut ring = KeyRing::default();
    if let Ok(vetted) = Vetted::from_jwks(&set(key), ALL) {
        ring.replace(IssuerId::of(&joe), Some(Arc::new(vetted.keys)));
    }
    let callers = from(&Config { issuers: vec![joe], ..two_tenants() }, &ring);
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_300_819_000);
    match callers.authenticate(&bearer(token), &REMOTE, wall, &Counted::default()) {
        Err(Unauthenticated::Refused(Refusal::InvalidCredential(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_examples_of_accepted_algorithms_are_verified() {
    for (example, key, algorithm, jws) in VERIFIED {
        assert_eq!(verifies(key, algorithm, jws), (true, false), "{example}");
    }
}

#[test]
fn an_example_is_verified_by_its_own_key_and_algorithm_only() {
    for (other, _, _, foreign) in VERIFIED {
        for (example, key, algorithm, jws) in VERIFIED.iter().filter(|(_, _, _, jws)| *jws != foreign) {
            assert!(!verifies(key, *algorithm, foreign).0, "{example} verifies {other}");
            assert!(verifies(key, *algorithm, jws).0);
        }
    }
}

#[test]
fn the_keys_of_the_other_examples_are_not_used() {
    for (example, key, reason) in [
        ("RFC 7515, A.4", PAYLOAD_P521, "its curve is not supported"),
        ("RFC 7520, 4.3", FRODO_P521, "its curve is not supported"),
        ("RFC 7520, 4.4", FRODO_SECRET, "it is a shared secret"),
    ] {
        assert_eq!(Vetted::from_jwks(&set(key), ALL).unwrap_err(), KeySetError::NoneUsable(reason), "{example}");
    }
}

#[test]
fn an_example_that_is_a_jwt_is_believed_but_for_its_audience() {
    // They name none. What is judged before the audience was in order: form, algorithm, issuer.
    for (example, key, token) in [("RFC 7515, A.2", JOE_RSA, JOE_RS256), ("RFC 7515, A.3", JOE_P256, JOE_ES256)] {
        assert_eq!(told_to_joe(key, token), "The token is for another audience.", "{example}");
    }
}

#[test]
fn examples_of_shared_secrets_and_of_no_signature_are_refused_whatever_key_is_published() {
    for (example, token) in [("RFC 7515, A.1; RFC 7519, 3.1", JOE_HS256), ("RFC 7515, A.5; RFC 7519, 6.1", JOE_NONE)] {
        for key in [JOE_RSA, JOE_P256, FRODO_SECRET] {
            assert_eq!(told_to_joe(key, token), "The token's algorithm is not accepted.", "{example}");
        }
    }
}

#[test]
fn examples_that_are_no_jwt_in_compact_form_are_refused() {
    let (protected, rest) = FRODO_RS256.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();

    for (example, token) in [
        ("RFC 7520, 4.1: prose", FRODO_RS256.to_owned()),
        ("RFC 7520, 4.3", FRODO_ES512.to_owned()),
        ("RFC 7520, 4.4", FRODO_HS256.to_owned()),
        ("RFC 7515, A.4", PAYLOAD_ES512.to_owned()),
        ("RFC 8037, A.4", EXAMPLE_EDDSA.to_owned()),
        ("detached content, as in RFC 7520, 4.5", format!("{protected}..{signature}")),
        (
            "flattened, as in RFC 7515, A.7",
            format!(r#"{{"payload":"{payload}","protected":"{protected}","signature":"{signature}"}}"#),
        ),
    ] {
        assert_eq!(told_to_joe(FRODO_RSA, &token), "The token is no JWT.", "{example}");
    }
}
