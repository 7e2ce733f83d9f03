//! API keys: known by digest, each with a tenant, scopes and perhaps an end.

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn api_key(id: &str, tenant: &str, expires: Option<SystemTime>) -> (String, config::ApiKey) {
    let (key, _) = new_key();
    let sha256 = *Digest::of(&key).as_bytes();
    let scopes = grants(&["paas.core.*"]);
    (key, config::ApiKey { id: id.to_owned(), sha256, tenant: TenantName::new(tenant), scopes, expires })
}

fn with_keys(keys: Vec<config::ApiKey>) -> Callers {
    build(&Config { api_keys: keys, ..two_tenants() }, &[])
}

#[test]
fn a_key_is_taken_as_bearer_or_in_its_own_field() {
    let (key, configured) = api_key("reports", "acme", None);
    let callers = with_keys(vec![configured]);

    for head in [bearer(&key), head(&[("x-api-key", &key)])] {
        let caller = callers.authenticate(&head, &REMOTE, wall(), &Counted::default()).unwrap();
        assert_eq!((&*caller.id, caller.tenant), ("reports", TenantId(0)));
    }
}

#[test]
fn each_of_several_keys_is_its_own_caller_within_its_tenant() {
    let (first, one) = api_key("one", "narrow", None);
    let (second, two) = api_key("two", "narrow", None);
    let callers = with_keys(vec![one, two]);

    let both = [&first, &second].map(|key| present(&callers, key).unwrap());

    assert_eq!(both.each_ref().map(|caller| &*caller.id), ["one", "two"]);
    assert!(may(&callers, &both[0], "list_payments"));
    assert!(!may(&callers, &both[0], "list_accounts"), "its tenant may not");
}

#[test]
fn a_key_ends_when_it_is_said_to() {
    let (key, configured) = api_key("short", "acme", Some(wall() + DAY));
    let callers = with_keys(vec![configured]);
    let at = |wall| callers.authenticate(&bearer(&key), &REMOTE, wall, &Counted::default());

    assert!(at(wall() + DAY - Duration::from_secs(1)).is_ok());
    assert!(at(wall() + DAY).is_err());
}

#[test]
fn an_unknown_key_is_refused_and_counted() {
    let (key, configured) = api_key("reports", "acme", None);
    let callers = with_keys(vec![configured]);
    let attempts = Counted::default();
    let (stranger, truncated) = (new_key().0, &key[..key.len() - 1]);

    for bad in [&stranger, truncated, "pgk_"] {
        let refused = callers.authenticate(&bearer(bad), &REMOTE, wall(), &attempts).unwrap_err();
        let reason = "The API key is unknown or has ended.";
        assert_eq!(refused, Unauthenticated::Refused(Refusal::InvalidCredential(reason)));
    }
    assert_eq!(attempts.failed.get(), 3);
}

#[test]
fn a_good_key_is_served_though_its_peer_failed_too_often() {
    let (key, configured) = api_key("reports", "acme", None);
    let callers = with_keys(vec![configured]);
    let exhausted = Counted { exhausted: true, ..Counted::default() };

    assert!(callers.authenticate(&bearer(&key), &REMOTE, wall(), &exhausted).is_ok());
    let stranger = callers.authenticate(&bearer(&new_key().0), &REMOTE, wall(), &exhausted);
    assert!(matches!(stranger, Err(Unauthenticated::Refused(Refusal::TooManyFailures(_)))));
}
