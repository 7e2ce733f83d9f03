//! The admin listener: read only, and nothing private.

use http::StatusCode;
use passport_gateway::sandbox::{Fault, Kind};

use super::{LOCAL, World};
use crate::support::Client;
use crate::support::process::{program, told};

#[tokio::test]
async fn the_status_tells_how_everything_is_doing() {
    let lines = LOCAL.replace("[tenants.acme]", "[tenants.acme]\nrate_limit = { requests = 5, per = \"1s\", burst = 9 }");
    let world = World::with(&lines).await;
    world.get("/v1/accounts").await;
    world.get("/v1/accounts").await;
    world.clock.advance(std::time::Duration::from_mins(1));

    let answer = world.admin("/status").await;

    assert_eq!(answer.field("content-type"), "application/json");
    let status = answer.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["uptime_seconds"], 60);
    assert_eq!(status["ready"], true);
    assert_eq!(status["tenants"][0]["name"], "acme");
    assert_eq!(status["credentials"][0]["token"]["age_seconds"], 60);
    assert_eq!(status["credentials"][0]["token"]["expires_in_seconds"], 86_340);
    assert_eq!((&status["limits"][0]["requests"], &status["limits"][0]["burst"]), (&5.into(), &9.into()));
    let cache = &status["cache"];
    assert_eq!((&cache["entries"], &cache["max_bytes"], &cache["hit_ratio"]), (&1.into(), &(64 << 20).into(), &0.5.into()));
    assert_eq!((&cache["requests"]["hit"], &cache["requests"]["miss"], &cache["flights"]), (&1.into(), &1.into(), &0.into()));
    assert!(cache["bytes"].as_u64().unwrap() > 0 && cache["replicas"].is_null(), "{cache}");
    assert_eq!((&cache["evictions"]["size"], &cache["invalidations"]["write"]), (&0.into(), &0.into()));
    let upstreams: Vec<_> =
        status["upstreams"].as_array().unwrap().iter().map(|upstream| upstream["name"].as_str().unwrap()).collect();
    assert_eq!(upstreams, ["paas", "paas_dash", "legacy"]);
    assert_eq!(status["upstreams"][0]["breaker"], "closed");
    assert!(status["last_reload"].is_null());
    for secret in ["sandbox-secret", "sandbox-client", "access_token"] {
        assert!(!answer.text().contains(secret), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_credential_that_fails_says_why() {
    let world = World::with(&LOCAL.replace("sandbox-secret", "wrong")).await;
    world.until_minted(1).await;

    let status = world.admin("/status").await.json();

    assert!(status["credentials"][0]["token"].is_null());
    assert!(status["credentials"][0]["failure"].as_str().unwrap().contains("401"), "{status}");
}

#[tokio::test]
async fn readiness_names_each_condition() {
    let world = World::new().await;
    world.until_minted(1).await;

    let (ready, verbose) = (world.admin("/readyz").await, world.admin("/readyz?verbose").await);

    assert_eq!((ready.status, ready.text().as_str()), (StatusCode::OK, "ready\n"));
    assert_eq!(verbose.status, StatusCode::OK);
    assert!(verbose.text().contains("[+] serving") && verbose.text().contains("[+] credential acme"), "{}", verbose.text());
    assert_eq!(world.admin("/livez").await.text(), "ok\n");
}

#[tokio::test]
async fn it_can_be_wanted_that_all_credentials_work() {
    let lines = format!("lifecycle.readiness = \"all\"\n{LOCAL}");
    let world = World::with(&lines.replace("sandbox-secret", "wrong")).await;
    world.until_minted(1).await;

    let ready = world.admin("/readyz?verbose").await;

    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ready.text().contains("[-] credential acme"), "{}", ready.text());
    assert_eq!(world.admin("/livez").await.status, StatusCode::OK);
}

#[tokio::test]
async fn once_ready_it_stays_so_whatever_passport_does() {
    let world = World::new().await;
    world.until_minted(1).await;
    world.passport.play("outage").unwrap();
    world.clock.advance(std::time::Duration::from_hours(48));
    world.get("/v1/accounts").await;

    assert_eq!(world.admin("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn it_is_not_ready_before_the_first_attempt_has_ended_or_five_seconds_have_passed() {
    let upstream = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("passport.base_url = \"http://{}\"", upstream.local_addr().unwrap());
    let world = World::with(&format!("{base}\n{LOCAL}")).await;

    assert_eq!(world.admin("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    world.clock.advance(std::time::Duration::from_secs(5));
    assert_eq!(world.admin("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_can_be_changed_there() {
    let world = World::new().await;
    let mut client = Client::connect(world.admin).await;

    for target in ["/metrics", "/status", "/readyz", "/livez", "/"] {
        let refused = client.post(target, "{}").await;
        assert_eq!((refused.status, refused.field("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"), "{target}");
    }
    assert_eq!(client.get("/reload").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/metrics").await.status, StatusCode::NOT_FOUND, "nor is it where callers connect");
}

#[tokio::test]
async fn other_sites_pages_cannot_read_it() {
    let world = World::new().await;
    let ask = async |lines: &str| {
        let mut client = Client::connect(world.admin).await;
        client.send(format!("GET /status HTTP/1.1\r\n{lines}\r\n").as_bytes()).await;
        client.answer(false).await.unwrap().status
    };

    assert_eq!(ask("Host: localhost\r\n").await, StatusCode::OK);
    assert!(ask("Host: evil.example\r\n").await.is_client_error(), "DNS rebinding");
    assert!(ask("Host: localhost\r\nOrigin: http://evil.example\r\n").await.is_client_error());
    assert!(ask("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n").await.is_client_error());
}

#[tokio::test]
async fn the_page_shows_the_same_and_loads_nothing_from_elsewhere() {
    let world = World::new().await;

    let page = world.admin("/").await;

    assert_eq!(page.status, StatusCode::OK);
    assert!(page.field("content-type").starts_with("text/html"), "{}", page.field("content-type"));
    let text = page.text().replace("http://www.w3.org/2000/svg", "");
    assert!(!text.contains("http://") && !text.contains("https://"), "no address of another host");
    assert!(!page.field("content-security-policy").is_empty());
}

#[tokio::test]
async fn the_health_check_is_the_readiness() {
    let world = World::with(&format!("lifecycle.pre_drain = \"60s\"\n{LOCAL}")).await;
    world.until_minted(1).await;
    let url = format!("http://{}/readyz", world.admin);

    let healthy = program(&["healthcheck", "--url", &url]).await;
    world.signal(passport_gateway::server::Signal::Terminate);
    crate::support::until::until("it is not ready", async || !world.admin("/readyz").await.status.is_success()).await;
    let draining = program(&["healthcheck", "--url", &url]).await;
    world.signal(passport_gateway::server::Signal::Now);
    world.ended().await;
    let gone = program(&["healthcheck", "--url", &url]).await;

    assert_eq!(told(&healthy).0, 0, "{healthy:?}");
    assert_eq!((told(&draining).0, told(&gone).0), (1, 1));
    assert!(told(&draining).2.contains("503"), "{draining:?}");
}

#[tokio::test]
async fn an_open_breaker_is_shown() {
    let world = World::with(&format!("breaker.minimum = 1\nretry.attempts = 0\n{LOCAL}")).await;
    world.passport.inject(Fault::new("GET /v1/accounts", Kind::BadGateway { retry_after: None })).unwrap();
    world.get("/v1/accounts").await;

    assert_eq!(world.admin("/status").await.json()["upstreams"][0]["breaker"], "open");
}
