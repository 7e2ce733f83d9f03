//! Callers by client certificate: known by exactly one name, and never beside another identity.

use super::*;
use crate::config::{CertificateName, Client};
use crate::peer::Certificate;

fn client(id: &str, name: CertificateName, tenant: &str) -> Client {
    Client { id: id.to_owned(), name, tenant: TenantName::new(tenant), scopes: None }
}

fn dns(name: &str) -> CertificateName {
    CertificateName::Dns(name.to_owned())
}

fn workload(id: &str) -> CertificateName {
    CertificateName::Spiffe(id.to_owned())
}

/// `orders` by workload, `reports` and `other` by DNS name; and the local app.
fn callers() -> Callers {
    let clients = vec![
        client("orders", workload("spiffe://example/orders"), "acme"),
        client("reports", dns("reports.internal"), "narrow"),
        Client { scopes: Some(grants(&[SCOPE])), ..client("other", dns("other.internal"), "acme") },
    ];
    let local = Some(config::Local { tenant: TenantName::new("acme"), scopes: None });
    build(&Config { clients, local, ..two_tenants() }, &[])
}

fn showing(uris: &[&str], names: &[&str]) -> Peer {
    let ends = wall() + Duration::from_mins(5);
    let certificate = Certificate::new(uris.iter().copied(), names.iter().copied(), ends);
    Peer { certificate: Some(Arc::new(certificate)), address: Some([127, 0, 0, 1].into()), local: true }
}

fn ask(callers: &Callers, peer: &Peer, fields: &[(&str, &str)]) -> Result<Arc<Caller>, Unauthenticated> {
    callers.authenticate(&head(&[&[("host", "localhost")], fields].concat()), peer, wall(), &Counted::default())
}

fn unknown() -> Unauthenticated {
    Unauthenticated::Refused(Refusal::InvalidCredential("The client certificate is nobody's who is known here."))
}

#[test]
fn a_client_is_known_by_workload_or_dns_name_and_logged_by_its_id() {
    let callers = callers();

    for (peer, id, tenant) in [
        (showing(&["spiffe://example/orders"], &[]), "orders", 0),
        (showing(&[], &["Reports.Internal", "elsewhere.internal"]), "reports", 1),
        (showing(&["https://example"], &["other.internal"]), "other", 0),
    ] {
        let caller = ask(&callers, &peer, &[]).unwrap();
        assert_eq!((&*caller.id, caller.tenant), (id, TenantId(tenant)));
    }
}

#[test]
fn its_own_scopes_narrow_what_its_tenant_may() {
    let callers = callers();

    let wide = ask(&callers, &showing(&["spiffe://example/orders"], &[]), &[]).unwrap();
    let narrow = ask(&callers, &showing(&[], &["other.internal"]), &[]).unwrap();

    assert!(may(&callers, &wide, "list_accounts") && may(&callers, &narrow, "list_payments"));
    assert!(!may(&callers, &narrow, "list_accounts"));
}

#[test]
fn nothing_but_the_whole_name_names_a_client() {
    let callers = callers();

    for (uris, names) in [
        (&[][..], &[][..]),
        (&["spiffe://example/orders/more"], &[]),
        (&["spiffe://example/Orders"], &[]),
        (&["spiffe://example/orders", "spiffe://example/x"], &[]),
        (&[], &["*.internal"]),
        (&[], &["internal", "x.reports.internal", "reports.internal.evil.test"]),
        (&["reports.internal"], &["spiffe://example/orders"]),
    ] {
        assert_eq!(ask(&callers, &showing(uris, names), &[]).unwrap_err(), unknown(), "{uris:?} {names:?}");
    }
}

#[test]
fn two_identities_are_refused_whatever_the_other_is_worth() {
    let callers = callers();
    let known = showing(&[], &["reports.internal"]);
    let ambiguous = || Unauthenticated::Refused(Refusal::AmbiguousCredential);

    for field in
        [("authorization", "Bearer a.b.c"), ("authorization", "Basic eDp5"), ("x-api-key", "pgk_x"), ("authorization", "")]
    {
        assert_eq!(ask(&callers, &known, &[field]).unwrap_err(), ambiguous(), "{field:?}");
    }
    let mut in_query = head(&[]);
    in_query.uri = "/?access_token=a.b.c".parse().unwrap();
    assert_eq!(callers.authenticate(&in_query, &known, wall(), &Counted::default()).unwrap_err(), ambiguous());
    for names in [&["reports.internal", "other.internal"][..], &["other.internal"]] {
        let uris: &[_] = if names.len() == 1 { &["spiffe://example/orders"] } else { &[] };
        assert_eq!(ask(&callers, &showing(uris, names), &[]).unwrap_err(), ambiguous(), "{names:?}");
    }
}

#[test]
fn a_certificate_that_names_nobody_leaves_it_to_another_credential_but_not_to_the_local_app() {
    let signer = Signer::ed("key");
    let clients = vec![client("orders", dns("orders.internal"), "acme")];
    let local = Some(config::Local { tenant: TenantName::new("acme"), scopes: None });
    let issuers = vec![issuer()];
    let callers = build(&Config { issuers, clients, local, ..two_tenants() }, &[&[signer.jwk()]]);
    let mesh = showing(&["spiffe://mesh/app"], &[]);

    let token = format!("Bearer {}", signer.token(&claims()));

    assert_eq!(&*ask(&callers, &mesh, &[("authorization", &token)]).unwrap().id, "app");
    assert_eq!(ask(&callers, &mesh, &[]).unwrap_err(), unknown());
}

#[test]
fn where_no_client_is_known_a_certificate_says_nothing() {
    let local = Some(config::Local { tenant: TenantName::new("acme"), scopes: None });
    let callers = build(&Config { local, ..two_tenants() }, &[]);

    assert_eq!(&*ask(&callers, &showing(&["spiffe://mesh/app"], &[]), &[]).unwrap().id, "local");
    let nobody = build(&two_tenants(), &[]);
    let missing = Unauthenticated::Refused(Refusal::MissingCredential);
    assert_eq!(ask(&nobody, &showing(&["spiffe://mesh/app"], &[]), &[]).unwrap_err(), missing);
}

#[test]
fn a_certificate_that_has_ended_is_no_identity() {
    let callers = callers();
    let peer = showing(&[], &["reports.internal"]);
    let at = |wall| callers.authenticate(&head(&[]), &peer, wall, &Counted::default());

    assert!(at(wall() + Duration::from_mins(5)).is_ok());
    assert!(at(wall() + Duration::from_secs(301)).is_err());
}
