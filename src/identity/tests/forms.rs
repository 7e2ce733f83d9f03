//! Spellings: a token has one, and what could be read in two ways is read in none (RFC 7515 §2, RFC 8259, RFC 8725 §3.7).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::*;

const HEADER: &str = r#"{"alg":"EdDSA","kid":"key"}"#;

/// A good token's claims as text, with these in front of them.
fn claims_after(members: &str) -> String {
    claims().to_string().replacen('{', &format!("{{{members}"), 1)
}

fn scene() -> (Signer, Callers) {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    (signer, callers)
}

#[test]
fn a_member_given_twice_is_refused_however_it_is_spelt() {
    let (signer, callers) = scene();

    for member in
        [r#""aud":"other","#, r#""\u0061ud":"other","#, r#""exp":1,"#, r#""\u0065\u0078\u0070":1,"#, r#""x":1,"\u0078":1,"#]
    {
        assert_eq!(refused(&callers, &signer.sign(HEADER, &claims_after(member))), "The token is no JWT.", "{member}");
    }
    for header in [
        r#"{"alg":"none","alg":"EdDSA","kid":"key"}"#,
        r#"{"alg":"EdDSA","\u0061lg":"none","kid":"key"}"#,
        r#"{"alg":"EdDSA","kid":"other","k\u0069d":"key"}"#,
    ] {
        assert_eq!(refused(&callers, &signer.sign(header, &claims().to_string())), "The token is no JWT.", "{header}");
    }
}

#[test]
fn what_is_no_plain_json_object_is_refused() {
    let (signer, callers) = scene();
    let good = claims().to_string();
    let nested = claims_after(&format!("\"x\":{}{},", "[".repeat(200), "]".repeat(200)));
    let surrogate = claims_after(r#""x":"\ud800","#);

    for claims in [&format!("\u{feff}{good}"), &format!("{good}{{}}"), &format!("{good},"), &nested, &surrogate, "null", "\"x\""]
    {
        assert_eq!(refused(&callers, &signer.sign(HEADER, claims)), "The token is no JWT.", "{claims}");
    }
    for header in [&format!("\u{feff}{HEADER}"), "null", "[]", r#"{"alg":"EdDSA","kid":null}"#, r"{'alg':'EdDSA'}"] {
        assert_eq!(refused(&callers, &signer.sign(header, &good)), "The token is no JWT.", "{header}");
    }
    let latin = [&b"{\"x\":\"\xe9\","[..], &good.as_bytes()[1..]].concat();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(latin));
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signer.signature(message.as_bytes())));
    assert_eq!(refused(&callers, &token), "The token is no JWT.", "not UTF-8");
}

#[test]
fn times_are_numbers_that_a_clock_can_show() {
    let (signer, callers) = scene();
    let now = seconds(wall());
    let with_exp = |exp: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("exp");
        signer.sign(HEADER, &claims.to_string().replacen('{', &format!("{{\"exp\":{exp},"), 1))
    };

    for exp in
        [&format!("\"{}\"", now + 300), "1e400", "-1e400", "1e300", "-1", "-0.5", "true", "null", "[]", "{}", "0x7fffffff", "NaN"]
    {
        assert!(present(&callers, &with_exp(exp)).is_err(), "{exp}");
    }
    assert!(present(&callers, &with_exp("0")).is_err());
    for exp in [format!("{now}.5"), format!("{}e0", now + 300), format!("{}.000000001", now + 1)] {
        assert!(present(&callers, &with_exp(&exp)).is_ok(), "{exp}");
    }
}

#[test]
fn base64url_has_one_spelling() {
    let (signer, callers) = scene();
    // A name long enough that bits are left over in the last character of each part.
    let header = r#"{"alg":"EdDSA","kid":"key","x":1}"#;
    let token = signer.sign(header, &claims_after(r#""name":">>>???","#));
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!() };
    let standard = STANDARD_NO_PAD.encode(URL_SAFE_NO_PAD.decode(claims).unwrap());
    assert_ne!(standard, claims);

    for spelling in [
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}=.{signature}"),
        format!("{header}.{claims}.{signature}=="),
        format!("{header}.{standard}.{signature}"),
        format!("{header}.{claims}.{signature} "),
        format!("{header}.{claims} .{signature}"),
        format!("{header}.{claims}\t.{signature}"),
        format!("{header}.{claims}.{}", last_bit_set(signature)),
    ] {
        assert_eq!(refused(&callers, &spelling), "The token is no JWT.", "{spelling}");
    }
    assert!(present(&callers, &token).is_ok());
}

/// The same bytes to whoever overlooks the bits that are left over.
fn last_bit_set(part: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.iter().position(|character| *character == last.as_bytes()[0]).unwrap();
    format!("{rest}{}", char::from(ALPHABET[value | 1]))
}

#[test]
fn other_serializations_are_no_tokens() {
    let (signer, callers) = scene();
    let token = signer.token(&claims());
    let part = |place| token.split('.').nth(place).unwrap();

    for other in [
        format!("{token}.{token}"),
        format!("{token}.x.y"),
        format!(r#"{{"payload":"{}","protected":"{}","signature":"{}"}}"#, part(1), part(0), part(2)),
        format!("{}..{}", part(0), part(2)),
        format!(".{}.{}", part(1), part(2)),
    ] {
        assert_eq!(refused(&callers, &other), "The token is no JWT.", "{other}");
    }
}

#[test]
fn a_token_of_another_kind_is_no_access_token() {
    let (signer, callers) = scene();
    let of_type = |typ: Value| signer.sign(&json!({"alg": "EdDSA", "kid": "key", "typ": typ}).to_string(), &claims().to_string());

    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "APPLICATION/AT+JWT", "application/jwt", "JOSE"] {
        assert!(present(&callers, &of_type(json!(typ))).is_ok(), "{typ}");
    }
    for typ in ["dpop+jwt", "logout+jwt", "secevent+jwt", "id+jwt", "application/logout+jwt", "JWTs", "application/", "", "é"] {
        let reason = "The token is of another type than access tokens are.";
        assert_eq!(refused(&callers, &of_type(json!(typ))), reason, "{typ}");
    }
    for typ in [json!(1), json!(null), json!(["JWT"])] {
        assert!(present(&callers, &of_type(typ.clone())).is_err(), "{typ}");
    }
}

#[test]
fn nothing_in_a_header_says_where_keys_are() {
    let (signer, callers) = scene();
    let stranger = Signer::ed("key");

    for (name, value) in [
        ("jwk", stranger.jwk()),
        ("jku", json!("https://evil.test/jwks.json")),
        ("x5u", json!("https://evil.test/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("dGh1bWI")),
    ] {
        let header = json!({"alg": "EdDSA", "kid": "key", name: value}).to_string();
        assert!(present(&callers, &signer.sign(&header, &claims().to_string())).is_ok(), "{name}");
        assert_eq!(
            refused(&callers, &stranger.sign(&header, &claims().to_string())),
            "The token's signature is not valid.",
            "{name}"
        );
    }
}

#[test]
fn an_issuers_keys_are_for_its_own_tokens_only_remembered_or_not() {
    let (ours, theirs) = (Signer::ed("key"), Signer::ed("key"));
    let other = config::Issuer {
        issuer: "https://other.test".to_owned(),
        tenant: TenantFrom::Fixed(TenantName::new("narrow")),
        ..issuer()
    };
    let callers = build(&Config { issuers: vec![issuer(), other], ..two_tenants() }, &[&[ours.jwk()], &[theirs.jwk()]]);
    let mut claims_of_theirs = claims();
    claims_of_theirs["iss"] = json!("https://other.test");

    assert_eq!(present(&callers, &ours.token(&claims())).unwrap().tenant, TenantId(0));
    assert_eq!(present(&callers, &theirs.token(&claims_of_theirs)).unwrap().tenant, TenantId(1));
    for crossed in [ours.token(&claims_of_theirs), theirs.token(&claims())] {
        assert_eq!(refused(&callers, &crossed), "The token's signature is not valid.");
    }
}
