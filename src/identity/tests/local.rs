//! The local caller: this machine's own app, and nobody who makes a browser pretend to be it.

use super::*;

const LOOPBACK: Peer =
    Peer { address: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), local: true, certificate: None };
const SOCKET: Peer = Peer { address: None, local: true, certificate: None };

fn local(peer: &Peer, fields: &[(&str, &str)]) -> Result<Arc<Caller>, Unauthenticated> {
    let local = config::Local { tenant: TenantName::new("narrow"), scopes: None };
    let callers = build(&Config { local: Some(local), ..two_tenants() }, &[]);
    callers.authenticate(&head(fields), peer, wall(), &Counted::default())
}

#[test]
fn a_request_without_identity_is_the_local_app_s() {
    for host in ["localhost", "LocalHost:8080", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080"] {
        let caller = local(&LOOPBACK, &[("host", host)]).unwrap();
        assert_eq!((&*caller.id, caller.tenant), ("local", TenantId(1)), "{host}");
    }
}

#[test]
fn without_a_local_caller_or_a_local_listener_a_credential_is_required() {
    let missing = || Unauthenticated::Refused(Refusal::MissingCredential);
    let none = build(&two_tenants(), &[]);

    let unconfigured = none.authenticate(&head(&[("host", "localhost")]), &LOOPBACK, wall(), &Counted::default());

    assert_eq!(unconfigured.unwrap_err(), missing());
    assert_eq!(local(&REMOTE, &[("host", "localhost")]).unwrap_err(), missing());
}

#[test]
fn a_name_that_is_not_loopback_is_refused() {
    let reason = "A local request must name a loopback host.";
    let refusal = || Unauthenticated::Refused(Refusal::InvalidCredential(reason));

    for host in
        ["rebound.evil.test", "localhost.evil.test", "192.0.2.1", "0.0.0.0", "127.0.0.1.evil.test", "x@localhost", "[::2]", ""]
    {
        assert_eq!(local(&LOOPBACK, &[("host", host)]).unwrap_err(), refusal(), "{host}");
    }
    assert_eq!(local(&LOOPBACK, &[]).unwrap_err(), refusal());
    assert_eq!(local(&LOOPBACK, &[("host", "localhost"), ("host", "localhost")]).unwrap_err(), refusal());
}

#[test]
fn an_absolute_target_must_name_loopback_too() {
    let local = config::Local { tenant: TenantName::new("acme"), scopes: None };
    let callers = build(&Config { local: Some(local), ..two_tenants() }, &[]);
    let mut head = head(&[("host", "localhost")]);
    head.uri = "http://evil.test/v1/payments".parse().unwrap();

    assert!(callers.authenticate(&head, &LOOPBACK, wall(), &Counted::default()).is_err());
}

#[test]
fn a_unix_socket_has_no_name_to_rebind() {
    for fields in [&[][..], &[("host", "gateway")], &[("host", "localhost")]] {
        assert!(local(&SOCKET, fields).is_ok(), "{fields:?}");
    }
}

#[test]
fn a_web_page_s_request_is_refused() {
    let host = ("host", "localhost");
    for field in [
        ("origin", "http://localhost"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", ""),
    ] {
        for peer in [&LOOPBACK, &SOCKET] {
            let refused = local(peer, &[host, field]).unwrap_err();
            assert!(matches!(refused, Unauthenticated::Refused(Refusal::InvalidCredential(_))), "{field:?}");
        }
    }
    for site in ["none", "same-origin"] {
        assert!(local(&LOOPBACK, &[host, ("sec-fetch-site", site)]).is_ok());
    }
}

#[test]
fn an_explicit_identity_that_is_not_valid_does_not_fall_back_to_the_local_one() {
    for field in [("authorization", "Bearer x"), ("authorization", "Basic eDp5"), ("x-api-key", "pgk_x")] {
        assert!(local(&LOOPBACK, &[("host", "localhost"), field]).is_err(), "{field:?}");
    }
}

#[test]
fn its_own_scopes_narrow_what_its_tenant_may() {
    let local = config::Local { tenant: TenantName::new("acme"), scopes: Some(grants(&[SCOPE])) };
    let callers = build(&Config { local: Some(local), ..two_tenants() }, &[]);

    let caller = callers.authenticate(&head(&[]), &SOCKET, wall(), &Counted::default()).unwrap();

    assert!(may(&callers, &caller, "list_payments"));
    assert!(!may(&callers, &caller, "list_accounts"));
}
