//! Header fields: a closed list goes up, and one credential that is ours.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::json;

use super::{assert_malformed, get, names_sent_up};
use crate::support::{LOCAL, World, keyed};

#[tokio::test]
async fn only_what_is_listed_goes_up() {
    let world = World::new().await;
    let mut client = world.client().await;
    for line in [
        "Accept: application/json",
        "Accept-Language: es-CO",
        "Accept-Encoding: gzip",
        "Cookie: session=1",
        "Referer: https://app.internal/secret",
        "User-Agent: orders/1.0",
        "Content-Type: application/json",
        "If-None-Match: \"x\"",
        "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT",
        "Range: bytes=0-1",
        "Cache-Control: no-cache",
        "Pragma: no-cache",
        "Via: 1.1 proxy",
        "X-Anything: at-all",
        "DNT: 1",
    ] {
        client = client.with(line);
    }

    let answer = client.get("/v1/accounts").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let up = world.sent_up();
    let names: BTreeSet<&str> = up.header_names.iter().map(String::as_str).collect();
    let listed = ["accept", "accept-language", "authorization", "host", "user-agent", "x-request-id"];
    assert_eq!(names, listed.into_iter().collect(), "{:?}", up.header_names);
    assert_eq!(up.header_names.len(), names.len(), "none goes up twice");
    assert_eq!((&*up.headers["accept"], &*up.headers["accept-language"]), ("application/json", "es-CO"));
    assert!(up.headers["user-agent"].starts_with("passport-gateway"), "{}", up.headers["user-agent"]);
}

#[tokio::test]
async fn a_configured_field_goes_up_too() {
    let world = World::with(&format!("passport.forward_headers = [\"x-correlation-id\"]\n{LOCAL}")).await;

    let names = names_sent_up(&world, &get("X-Correlation-Id: 7\r\nX-Other: 8\r\n")).await;

    assert!(names.contains(&"x-correlation-id".to_owned()) && !names.contains(&"x-other".to_owned()), "{names:?}");
}

#[tokio::test]
async fn exactly_one_authorization_goes_up_and_it_is_not_the_callers() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    for field in ["Authorization: Bearer", "X-Api-Key:"] {
        let world = World::with(&lines).await;

        let names = names_sent_up(&world, &get(&format!("{field} {key}\r\n"))).await;

        assert_eq!(names.iter().filter(|name| *name == "authorization").count(), 1);
        assert!(!names.contains(&"x-api-key".to_owned()));
        let up = world.sent_up();
        assert_eq!((up.bearer, up.client_id.as_deref()), ("valid", Some("sandbox-client")), "Passport knows the bearer as ours");
    }
}

#[tokio::test]
async fn hop_by_hop_fields_end_here() {
    let world = World::new().await;
    let lines = "Connection: keep-alive, X-Private, Te\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X-Sum\r\n\
                 Upgrade: websocket\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic YTpi\r\nProxy-Authenticate: x\r\n";

    let names = names_sent_up(&world, &get(lines)).await;

    for name in ["connection", "x-private", "keep-alive", "te", "trailer", "upgrade", "transfer-encoding"] {
        assert!(!names.contains(&name.to_owned()), "{name}");
    }
    assert!(!names.iter().any(|name| name.starts_with("proxy-")), "{names:?}");
}

#[tokio::test]
async fn a_listed_field_that_is_named_hop_by_hop_does_not_go_up() {
    let world = World::with(&format!("passport.forward_headers = [\"x-correlation-id\"]\n{LOCAL}")).await;

    let names =
        names_sent_up(&world, &get("Connection: X-Correlation-Id, accept\r\nX-Correlation-Id: 7\r\nAccept: a/b\r\n")).await;

    assert!(!names.contains(&"x-correlation-id".to_owned()) && !names.contains(&"accept".to_owned()), "{names:?}");
}

#[tokio::test]
async fn forged_fields_do_not_go_up_even_where_they_are_listed() {
    let forged = [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-client-cert",
        "x-real-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ];
    let world = World::new().await;
    let lines: String = forged.iter().map(|name| format!("{name}: 10.0.0.1\r\n")).collect();

    let names = names_sent_up(&world, &get(&format!("{lines}x_forwarded_for: 1\r\nAuth_orization: 1\r\n"))).await;

    for name in forged.into_iter().chain(["x_forwarded_for", "auth_orization"]) {
        assert!(!names.contains(&name.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_method_that_is_overridden_in_a_field_is_not() {
    let world = World::new().await;
    let lines = "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\nX-Original-URL: /v1/payments\r\n";

    world.raw(get(lines)).await;

    let up = world.sent_up();
    assert_eq!((up.method.as_str(), up.path.as_str()), ("GET", "/v1/accounts"));
}

#[tokio::test]
async fn connection_must_not_name_what_the_gateway_relies_on() {
    let world = World::new().await;

    for name in [
        "authorization",
        "Authorization",
        "AUTHORIZATION",
        "idempotency-key",
        "host",
        "cache-control",
        "content-length",
        "x-api-key",
        "keep-alive, authorization",
        "close,authorization",
        " ,\tHost ,",
    ] {
        assert_malformed(&world.raw(get(&format!("Connection: {name}\r\n"))).await);
    }
    assert_malformed(&world.raw(get("Connection: close\r\nConnection: authorization\r\n")).await);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn an_idempotency_key_is_refused_while_it_cannot_be_honoured() {
    let world = World::new().await;
    let customer = json!({
        "type": "BUSINESS", "business_name": "A", "email": "a@b.co", "mobile_phone_number": "573402977997",
        "identification_type": "NIT", "identification_number": "901234567",
    });

    let answer = world.client().await.with("Idempotency-Key: 17").post("/v1/customers", &customer.to_string()).await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "idempotency-unavailable"));
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_repeated_line_of_an_allowed_field_goes_up_as_it_came() {
    let world = World::new().await;

    world.raw(get("Accept: application/json\r\nAccept: text/plain\r\n")).await;

    assert_eq!(world.sent_up().headers["accept"], "application/json, text/plain");
}
