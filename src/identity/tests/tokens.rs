//! JWTs: whose are believed, and every way in which one is not (RFC 8725).

use super::*;

fn with(member: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[member] = value;
    claims
}

fn without(member: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(member);
    claims
}

#[test]
fn a_token_of_every_accepted_algorithm_is_believed() {
    for signer in [
        Signer::rsa("key", Algorithm::RS256),
        Signer::rsa("key", Algorithm::PS256),
        Signer::ec("key", Algorithm::ES256),
        Signer::ed("key"),
    ] {
        let callers = trusting(&[&signer]);

        let caller = present(&callers, &signer.token(&claims())).unwrap();

        assert_eq!((&*caller.id, caller.tenant), ("app", TenantId(0)));
        assert!(may(&callers, &caller, "list_payments"));
        assert!(!may(&callers, &caller, "list_accounts"));
    }
}

#[test]
fn a_caller_may_what_both_its_token_and_its_tenant_grant() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let mut claims = with("tenant", json!("narrow"));
    claims["scope"] = json!("paas.core.*");

    let caller = present(&callers, &signer.token(&claims)).unwrap();

    assert!(may(&callers, &caller, "list_payments"));
    assert!(!may(&callers, &caller, "list_accounts"), "its tenant may not");
}

#[test]
fn the_signature_must_be_the_key_s_own() {
    let (signer, stranger) = (Signer::ed("key"), Signer::ed("key"));
    let callers = trusting(&[&signer]);
    let token = signer.token(&claims());
    let (message, _) = token.rsplit_once('.').unwrap();
    let forged = stranger.token(&claims());
    let moved = format!("{message}.{}", forged.rsplit_once('.').unwrap().1);
    let altered = signer.token(&with("tenant", json!("narrow")));
    let altered = format!("{}.{}", altered.rsplit_once('.').unwrap().0, token.rsplit_once('.').unwrap().1);

    for bad in [&forged, &moved, &altered, &format!("{message}.")] {
        assert_eq!(refused(&callers, bad), "The token's signature is not valid.");
    }
}

#[test]
fn an_algorithm_other_than_the_key_s_is_refused() {
    let (rsa, ec) = (Signer::rsa("rsa", Algorithm::RS256), Signer::ec("ec", Algorithm::ES256));
    let callers = trusting(&[&rsa, &ec]);
    let claims = claims().to_string();

    for header in [r#"{"alg": "ES256", "kid": "rsa"}"#, r#"{"alg": "PS256", "kid": "rsa"}"#, r#"{"alg": "EdDSA", "kid": "ec"}"#] {
        assert_eq!(refused(&callers, &rsa.sign(header, &claims)), "The token's key is not for its algorithm.", "{header}");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let rsa = Signer::rsa("key", Algorithm::RS256);
    let callers = trusting(&[&rsa]);
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    header.kid = Some("key".to_owned());
    let secret = jsonwebtoken::EncodingKey::from_secret(rsa.pem().as_bytes());

    let token = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();

    assert_eq!(refused(&callers, &token), "The token's algorithm is not accepted.");
}

#[test]
fn an_unsigned_token_is_refused() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);

    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let token = signer.sign(&json!({"alg": alg, "kid": "key"}).to_string(), &claims().to_string());
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(refused(&callers, &unsigned), "The token's algorithm is not accepted.", "{alg}");
    }
    assert_eq!(refused(&callers, &signer.sign(r#"{"kid": "key"}"#, "{}")), "The token's algorithm is not accepted.");
}

#[test]
fn an_algorithm_that_configuration_does_not_accept_is_refused_even_if_a_key_is_for_it() {
    let signer = Signer::ed("key");
    let narrow = config::Issuer { algorithms: vec![Algorithm::ES256], ..issuer() };
    let mut ring = KeyRing::default();
    ring.replace(
        IssuerId::of(&narrow),
        Some(Arc::new(Vetted::from_jwks(&jwks(&[signer.jwk()]), &[Algorithm::EdDSA]).unwrap().keys)),
    );
    let config = Config { issuers: vec![narrow], ..two_tenants() };
    let callers = from(&config, &ring);

    assert_eq!(refused(&callers, &signer.token(&claims())), "The token's algorithm is not accepted.");
}

#[test]
fn issuer_and_audience_are_exact_and_required() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);

    for iss in [json!("https://id.test/"), json!("https://ID.test"), json!("")] {
        assert_eq!(refused(&callers, &signer.token(&with("iss", iss))), "The token's issuer is not known.");
    }
    for claims in [without("iss"), with("iss", json!([ISSUER])), with("iss", json!(1))] {
        assert_eq!(refused(&callers, &signer.token(&claims)), "The token has no `iss`.");
    }
    for claims in [without("aud"), with("aud", json!("passport")), with("aud", json!(1)), with("aud", json!([]))] {
        assert_eq!(refused(&callers, &signer.token(&claims)), "The token is for another audience.");
    }
    assert!(present(&callers, &signer.token(&with("aud", json!(["other", "passport-gateway"])))).is_ok());
}

#[test]
fn one_issuer_s_key_signs_no_other_s_token() {
    let (ours, theirs) = (Signer::ed("key"), Signer::ed("key"));
    let other = config::Issuer { issuer: "https://other.test".to_owned(), ..issuer() };
    let config = Config { issuers: vec![issuer(), other], ..two_tenants() };
    let callers = build(&config, &[&[ours.jwk()], &[theirs.jwk()]]);

    assert!(present(&callers, &ours.token(&claims())).is_ok());
    assert!(present(&callers, &theirs.token(&with("iss", json!("https://other.test")))).is_ok());
    assert_eq!(refused(&callers, &theirs.token(&claims())), "The token's signature is not valid.");
}

#[test]
fn a_token_holds_from_nbf_to_exp_give_or_take_a_minute() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let now = seconds(wall());
    let refused = |claims: Value| refused(&callers, &signer.token(&claims));

    assert_eq!(refused(with("exp", json!(now - 60))), "The token has expired.");
    assert_eq!(refused(with("nbf", json!(now + 61))), "The token is not valid yet.");
    assert_eq!(refused(without("exp")), "The token has no `exp`.");
    assert!(present(&callers, &signer.token(&with("exp", json!(now - 59)))).is_ok());
    assert!(present(&callers, &signer.token(&with("nbf", json!(now + 60)))).is_ok());
}

#[test]
fn times_that_are_no_numbers_are_refused() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let later = seconds(wall()) + 300;

    for claims in
        [with("exp", json!(later.to_string())), with("exp", json!(null)), with("nbf", json!("0")), with("iat", json!([]))]
    {
        assert_eq!(refused(&callers, &signer.token(&claims)), "A time in the token is not valid.", "{claims}");
    }
}

#[test]
fn a_token_that_insists_on_an_extension_is_refused() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);

    for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]", "null", r#""x""#] {
        let header = format!(r#"{{"alg": "EdDSA", "kid": "key", "crit": {crit}}}"#);
        let token = signer.sign(&header, &claims().to_string());
        assert_eq!(refused(&callers, &token), "The token needs an extension that is not supported.", "{crit}");
    }
}

#[test]
fn a_header_brings_no_key_along_and_its_type_is_not_believed() {
    let (signer, stranger) = (Signer::ed("key"), Signer::ed("key"));
    let callers = trusting(&[&signer]);
    let header =
        json!({"alg": "EdDSA", "kid": "key", "typ": "at+jwt", "jwk": stranger.jwk(), "jku": "https://evil.test"}).to_string();

    assert!(present(&callers, &signer.sign(&header, &claims().to_string())).is_ok());
    assert_eq!(refused(&callers, &stranger.sign(&header, &claims().to_string())), "The token's signature is not valid.");
}

#[test]
fn what_is_no_jwt_is_refused() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let header = r#"{"alg": "EdDSA", "kid": "key"}"#;
    let twice = claims().to_string().replacen('{', r#"{"tenant":"narrow","#, 1);
    let deep = format!(r#"{{"iss": {}{}}}"#, "[".repeat(500), "]".repeat(500));
    let good = signer.token(&claims());

    for bad in [
        "opaque".to_owned(),
        "a.b".to_owned(),
        "..".to_owned(),
        format!("{good}.x"),
        format!("{good}="),
        good.replacen('.', " .", 1),
        signer.sign(header, &twice),
        signer.sign(header, &deep),
        signer.sign(header, "[]"),
        signer.sign(header, "{"),
        signer.sign(r#"{"alg": "EdDSA", "alg": "EdDSA", "kid": "key"}"#, &claims().to_string()),
        signer.sign(r#"{"alg": "EdDSA", "kid": 1}"#, &claims().to_string()),
        signer.sign("[]", &claims().to_string()),
    ] {
        assert_eq!(refused(&callers, &bad), "The token is no JWT.", "{bad}");
    }
}

#[test]
fn an_oversized_token_is_refused_unread() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let attempts = Counted::default();
    let token = signer.token(&with("padding", json!("x".repeat(16 * 1024))));

    let refused = callers.authenticate(&bearer(&token), &REMOTE, wall(), &attempts);

    assert_eq!(refused.unwrap_err(), Unauthenticated::Refused(Refusal::InvalidCredential("The credential is too long.")));
    assert_eq!(attempts.admitted.get(), 0);
}

#[test]
fn an_unknown_key_or_no_keys_at_all_ask_for_the_issuer_s_keys() {
    let (signer, new) = (Signer::ed("key"), Signer::ed("new"));
    let unknown = || Unauthenticated::UnknownKey(IssuerId::of(&issuer()));
    let known = trusting(&[&signer]);
    let none = build(&Config { issuers: vec![issuer()], ..two_tenants() }, &[]);

    assert_eq!(present(&known, &new.token(&claims())).unwrap_err(), unknown());
    assert_eq!(present(&none, &signer.token(&claims())).unwrap_err(), unknown());
    assert!(matches!(known.unknown_key(IssuerId::of(&issuer())), Refusal::InvalidCredential(_)));
    assert_eq!(none.unknown_key(IssuerId::of(&issuer())), Refusal::JwksUnavailable);
}

#[test]
fn a_token_that_no_key_could_save_asks_for_none() {
    let (signer, new) = (Signer::ed("key"), Signer::ed("new"));
    let callers = trusting(&[&signer]);

    assert_eq!(refused(&callers, &new.token(&with("exp", json!(1)))), "The token has expired.");
    assert_eq!(refused(&callers, &new.token(&with("aud", json!("other")))), "The token is for another audience.");
}

#[test]
fn a_token_without_key_id_is_checked_with_the_only_key_of_its_algorithm() {
    let (one, two) = (Signer::ed("one"), Signer::ed("two"));
    let token = one.sign(r#"{"alg": "EdDSA"}"#, &claims().to_string());

    assert!(present(&trusting(&[&one, &Signer::ec("ec", Algorithm::ES256)]), &token).is_ok());
    assert_eq!(refused(&trusting(&[&one, &two]), &token), "The token does not say which key signed it.");
}

#[test]
fn the_tenant_comes_from_the_configured_claim_or_is_fixed() {
    let signer = Signer::ed("key");
    let by_claim = trusting(&[&signer]);
    let fixed = config::Issuer { tenant: TenantFrom::Fixed(TenantName::new("narrow")), ..issuer() };
    let fixed = build(&Config { issuers: vec![fixed], ..two_tenants() }, &[&[signer.jwk()]]);

    let stranger = present(&by_claim, &signer.token(&with("tenant", json!("stranger")))).unwrap_err();
    assert_eq!(stranger, Unauthenticated::Refused(Refusal::UnknownTenant));
    for claims in [without("tenant"), with("tenant", json!(["acme"]))] {
        assert_eq!(refused(&by_claim, &signer.token(&claims)), "The token names no tenant.");
    }
    assert_eq!(present(&fixed, &signer.token(&claims())).unwrap().tenant, TenantId(1), "the claim counts for nothing");
}

#[test]
fn scopes_in_a_list_count_and_no_scopes_allow_nothing() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let mut listed = without("scope");
    listed["scp"] = json!([SCOPE]);

    assert!(may(&callers, &present(&callers, &signer.token(&listed)).unwrap(), "list_payments"));
    assert!(present(&callers, &signer.token(&without("scope"))).unwrap().allowed.is_empty());
    assert!(present(&callers, &signer.token(&with("scope", json!("*")))).unwrap().allowed.is_empty());
}

#[test]
fn a_caller_is_known_by_its_application_or_issuer_never_by_a_person_nor_at_length() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let id = |claims: &Value| present(&callers, &signer.token(claims)).unwrap().id.to_string();
    let mut authorized_party = without("client_id");
    authorized_party["azp"] = json!("portal");

    assert_eq!(id(&claims()), "app");
    assert_eq!(id(&authorized_party), "portal");
    assert_eq!(id(&without("client_id")), ISSUER);
    assert_eq!(id(&with("client_id", json!("é".repeat(500)))), "é".repeat(64));
}
