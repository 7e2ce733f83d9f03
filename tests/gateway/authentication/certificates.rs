//! Callers by client certificate: known by what is configured of it, and by nothing else that it says.

use http::StatusCode;

use super::asking;
use crate::support::issuer::{Issuer, claims};
use crate::support::pki::{Authority, Files, Leaf};
use crate::support::signer::Signer;
use crate::support::{Answer, Client, World};

const CLIENTS: &str = r#"
[[clients]]
id = "orders-app"
spiffe = "spiffe://example.internal/ns/pay/sa/orders"
tenant = "acme"

[[clients]]
san = "reports.internal"
tenant = "globex"
"#;

/// A gateway that knows clients, an issuer and the local app.
struct Scene {
    world: World,
    authority: Authority,
    signer: Signer,
    _issuer: Issuer,
}

impl Scene {
    async fn new() -> Self {
        let (authority, signer) = (Authority::new("authority"), Signer::ed("ed"));
        let files = Files::of(&authority.issue(&["gateway.internal"]), Some(&authority));
        let issuer = Issuer::of(&[&signer]).await;
        let local = "[local]\ntenant = \"acme\"\n";
        let world = World::with(&format!("{}{CLIENTS}{local}{}", files.asking(""), issuer.configuration())).await;
        Self { world, authority, signer, _issuer: issuer }
    }

    async fn ask(&self, identity: Option<&Leaf>, request: &str) -> Answer {
        let mut client = Client::over_tls(self.world.server, &self.authority.client(identity)).await.unwrap();
        client.send(request.as_bytes()).await;
        client.answer(false).await.unwrap()
    }

    async fn problem(&self, names: &[&str], lines: &str) -> (StatusCode, String) {
        let answer = self.ask(Some(&self.authority.issue(names)), &asking(lines)).await;
        (answer.status, answer.problem())
    }
}

const ORDERS: &str = "spiffe://example.internal/ns/pay/sa/orders";

#[tokio::test]
async fn a_workload_or_a_dns_name_is_an_identity() {
    let scene = Scene::new().await;

    for names in [&[ORDERS][..], &["Reports.internal", "more.internal"]] {
        assert_eq!(scene.problem(names, "").await, (StatusCode::OK, String::new()), "{names:?}");
    }
    let tenant = |tenant: &str| format!("tenant=\"{tenant}\"");
    let metrics = scene.world.admin("/metrics").await.text();
    assert!(metrics.contains(&tenant("acme")) && metrics.contains(&tenant("globex")), "{metrics}");
}

#[tokio::test]
async fn it_may_what_its_tenant_may() {
    let scene = Scene::new().await;
    let reports = scene.authority.issue(&["reports.internal"]);

    let answer = scene.ask(Some(&reports), "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::FORBIDDEN, "insufficient-scope"));
}

#[tokio::test]
async fn a_certificate_that_names_nobody_is_refused_and_is_not_the_local_apps() {
    let scene = Scene::new().await;
    let common_name = scene.authority.issue_with(&["other.internal"], |it| {
        it.distinguished_name.push(rcgen::DnType::CommonName, "reports.internal");
    });

    for names in
        [&["other.internal"][..], &["*.internal"], &[ORDERS, "spiffe://example.internal/x"], &["https://reports.internal/"]]
    {
        assert_eq!(scene.problem(names, "").await, (StatusCode::UNAUTHORIZED, "invalid-credential".to_owned()), "{names:?}");
    }
    let answer = scene.ask(Some(&common_name), &asking("")).await;
    assert_eq!(answer.problem(), "invalid-credential");
    assert_eq!(answer.field("www-authenticate"), r#"Bearer realm="passport-gateway", error="invalid_token""#);
    assert!(scene.world.arrived().is_empty());
    assert_eq!(scene.ask(None, &asking("")).await.status, StatusCode::OK, "without any, it is the local app's");
}

#[tokio::test]
async fn a_known_certificate_beside_another_credential_is_ambiguous() {
    let scene = Scene::new().await;
    let bearer = format!("Authorization: Bearer {}\r\n", scene.signer.token(&claims()));

    for lines in [&*bearer, "X-Api-Key: pgk_x\r\n", "Authorization: Basic YTpi\r\n"] {
        let refused = scene.problem(&[ORDERS], lines).await;
        assert_eq!(refused, (StatusCode::BAD_REQUEST, "ambiguous-credential".to_owned()), "{lines}");
    }
    let refused = scene.problem(&[ORDERS, "reports.internal"], "").await;
    assert_eq!(refused, (StatusCode::BAD_REQUEST, "ambiguous-credential".to_owned()), "two clients in one certificate");
    assert!(scene.world.arrived().is_empty());
}

#[tokio::test]
async fn in_a_mesh_the_token_says_who_calls() {
    let scene = Scene::new().await;
    let bearer = format!("Authorization: Bearer {}\r\n", scene.signer.token(&claims()));

    assert_eq!(scene.problem(&["spiffe://mesh/ns/x/sa/app"], &bearer).await, (StatusCode::OK, String::new()));
    let answer = scene.problem(&["spiffe://mesh/ns/x/sa/app"], "Authorization: Bearer a.b.c\r\n").await;
    assert_eq!(answer, (StatusCode::UNAUTHORIZED, "invalid-credential".to_owned()));
}
