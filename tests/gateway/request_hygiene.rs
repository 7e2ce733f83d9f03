//! What of a caller's head goes up: what is listed, and nothing that was forged, hop-by-hop or ambiguous.

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::json;

use crate::support::{Answer, LOCAL, World, keyed};

/// A GET of the accounts with these lines, `Host` among them.
fn bare(lines: &str) -> String {
    format!("GET /v1/accounts HTTP/1.1\r\n{lines}\r\n")
}

fn get(lines: &str) -> String {
    bare(&format!("Host: localhost\r\n{lines}"))
}

/// Sends a request that must arrive; gives the names of the fields it arrived with.
async fn names_sent_up(world: &World, request: &str) -> Vec<String> {
    let answer = world.raw(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    world.sent_up().header_names
}

#[track_caller]
fn assert_malformed(answer: &Answer) {
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"));
}

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
async fn one_host_is_named_once() {
    let world = World::new().await;

    for lines in [
        "",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nHost: evil.example\r\n",
        "Host:\r\n",
        "Host: localhost, evil.example\r\n",
        "Host: user@localhost\r\n",
        "Host: localhost/path\r\n",
        "Host: local host\r\n",
        "Host: localhost:80:80\r\n",
        "Host: localhost:eighty\r\n",
    ] {
        let answer = world.raw(bare(lines)).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "malformed-request"), "{lines:?}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn an_absolute_target_is_the_path_it_holds() {
    let world = World::new().await;

    let answer = world.raw("GET http://localhost/v1/accounts?status=ACTIVE HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(world.sent_up().path, "/v1/accounts");
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_refused() {
    let world = World::with(&format!("server.hosts = [\"localhost\", \"gateway.internal\"]\n{LOCAL}")).await;

    assert_malformed(&world.raw(bare("Host: other.internal\r\n")).await);
    assert_malformed(&world.raw(bare("Host: gateway.internal.evil.example\r\n")).await);
    assert_eq!(world.raw(bare("Host: LOCALHOST:8080\r\n")).await.status, StatusCode::OK);
}

/// Framing that two servers could read as two different requests; what follows a first one must never be answered as a second.
#[tokio::test]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let world = World::new().await;
    let smuggled = "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let post = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: \r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Content-Length : 5\r\n",
        "X-Note: a\r\n Content-Length: 5\r\n",
        "X-Note: a\0b\r\nContent-Length: 0\r\n",
        "X Note: a\r\nContent-Length: 0\r\n",
    ] {
        let mut client = world.client().await;
        client.send(format!("{post}{lines}\r\n0\r\n\r\n{smuggled}").as_bytes()).await;

        let answer = client.answer(false).await;

        let status = answer.map(|answer| answer.status);
        assert!(status.is_none_or(|status| status == StatusCode::BAD_REQUEST), "{lines:?}: {status:?}");
        assert!(client.is_closed().await, "{lines:?}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn an_old_protocol_has_no_transfer_codings() {
    let world = World::new().await;
    let mut client = world.client().await;
    let head =
        "POST /v1/customers HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    client.send(format!("{head}\r\n2\r\n{{}}\r\n0\r\n\r\n").as_bytes()).await;

    let answer = client.answer(false).await;

    assert_eq!(answer.unwrap().status, StatusCode::BAD_REQUEST);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn the_same_length_said_twice_is_one_length_or_none() {
    let world = World::new().await;
    let mut client = world.client().await;
    client
        .send(
            b"POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                Content-Length: 2\r\n\r\n{}",
        )
        .await;

    let answer = client.answer(false).await.unwrap();

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_their_order() {
    let world = World::new().await;
    let mut client = world.client().await;
    let body = json!({"type": "PERSON"}).to_string();
    let post = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );

    client.send(format!("{}{post}{}", get(""), get("")).as_bytes()).await;

    let statuses = [client.answer(false).await, client.answer(false).await, client.answer(false).await];
    assert_eq!(statuses.map(|answer| answer.unwrap().status.as_u16()), [200, 400, 200]);
}

#[tokio::test]
async fn a_body_that_was_not_read_is_never_taken_for_a_request() {
    let world = World::with(&format!("server.max_body_bytes = \"1KiB\"\n{LOCAL}")).await;
    let mut client = world.client().await;
    let smuggled = "GET /v1/payments HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let head = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        smuggled.len()
    );

    client.send(format!("{head}{smuggled}").as_bytes()).await;

    assert_eq!(client.answer(false).await.unwrap().problem(), "body-too-large");
    client.send(get("").as_bytes()).await;

    // Closed, or gone on after the last byte of the body: nothing in between.
    let next = client.answer(false).await;
    assert!(next.is_none_or(|answer| answer.json()["accounts"].is_array()));
    assert!(world.arrived().iter().all(|request| request.path == "/v1/accounts"));
}

#[tokio::test]
async fn whoever_asks_first_whether_to_send_is_told() {
    let world = World::new().await;
    let mut client = world.client().await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                Expect: 100-continue\r\n\r\n";
    client.send(head.as_bytes()).await;

    let interim = client.answer(true).await.unwrap();
    client.send(b"{}").await;

    assert_eq!(interim.status, StatusCode::CONTINUE);
    assert_eq!(client.answer(false).await.unwrap().problem(), "invalid-request");
}

#[tokio::test]
async fn whoever_may_not_is_told_before_it_sends() {
    let (_, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    let head = "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                Expect: 100-continue\r\n\r\n";

    assert_eq!(world.raw(head).await.problem(), "missing-credential");
}

#[tokio::test]
async fn a_harmless_request_id_is_kept_sent_up_and_echoed() {
    let world = World::new().await;

    let answer = world.raw(get("X-Request-Id: order-17:a_b.c\r\n")).await;

    assert_eq!(answer.field("x-request-id"), "order-17:a_b.c");
    assert_eq!(world.sent_up().headers["x-request-id"], "order-17:a_b.c");
}

#[tokio::test]
async fn any_other_request_id_is_replaced() {
    for lines in
        ["", "X-Request-Id: a b\r\n", "X-Request-Id:\r\n", "X-Request-Id: a\r\nX-Request-Id: b\r\n", "X-Request-Id: {\"a\"}\r\n"]
    {
        let world = World::new().await;

        let answer = world.raw(get(lines)).await;

        let id = answer.field("x-request-id").to_owned();
        assert!(uuid::Uuid::try_parse(&id).is_ok_and(|id| id.get_version_num() == 7), "{lines:?}: {id}");
        assert_eq!(world.sent_up().headers["x-request-id"], id);
        assert_eq!(answer.fields.get_all("x-request-id").iter().count(), 1);
    }
}

#[tokio::test]
async fn a_refusal_has_its_request_id_in_field_and_body() {
    let world = World::new().await;

    for request in [get("X-Request-Id: abc\r\nConnection: host\r\n"), bare("X-Request-Id: abc\r\n")] {
        let answer = world.raw(&request).await;

        assert_malformed(&answer);
        assert_eq!(answer.field("x-request-id"), "abc");
        assert_eq!(answer.json()["request_id"], "abc");
    }
}

#[tokio::test]
async fn the_trace_goes_on() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let world = World::new().await;

    world.raw(get(&format!("traceparent: {trace}\r\n"))).await;

    let up = world.sent_up();
    let sent = up.headers.get("traceparent").map_or("", String::as_str);
    assert!(sent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && sent.len() == trace.len(), "{sent}");
}

#[tokio::test]
async fn what_is_no_trace_ends_here() {
    for trace in [
        "nonsense",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        let world = World::new().await;

        let names = names_sent_up(&world, &get(&format!("traceparent: {trace}\r\n"))).await;

        let sent = world.sent_up().headers.get("traceparent").cloned().unwrap_or_default();
        assert!(!sent.contains(trace), "{names:?} {sent}");
    }
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
