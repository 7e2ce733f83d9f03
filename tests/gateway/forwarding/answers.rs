//! Answers come back as they are, less what concerned one connection or one receiver.

use super::{LOCAL, PAYMENT, Scripted, StatusCode, World, answer, ok};

#[tokio::test]
async fn status_body_and_harmless_fields_are_unchanged() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let lines = "Content-Type: text/plain; charset=x\r\nX-Trace-Id: a\r\nX-Trace-Id: b\r\nServer: other\r\nVary: Accept\r\n";

    let (got, _) = tokio::join!(world.get(PAYMENT), upstream.answer(answer("203 Whatever", lines, " {\"a\" :1.0 }\n")));

    assert_eq!(got.status, StatusCode::NON_AUTHORITATIVE_INFORMATION);
    assert_eq!(got.text(), " {\"a\" :1.0 }\n");
    assert_eq!(got.field("content-type"), "text/plain; charset=x");
    assert_eq!(got.fields.get_all("x-trace-id").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((got.field("server"), got.field("vary")), ("other", "Accept"));
}

#[tokio::test]
async fn passports_own_errors_are_unchanged() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;

    for status in ["400", "403", "404", "405", "409", "418", "422", "429", "500", "501"] {
        let body = format!(r#"{{"message":"{status}","http_code":{status},"trace_id":"x"}}"#);
        let (got, _) =
            tokio::join!(world.get(PAYMENT), upstream.answer(answer(status, "Content-Type: application/json\r\n", &body)));

        assert_eq!((got.status.as_str(), got.text()), (status, body));
        assert_eq!(got.problem(), "");
    }
}

#[tokio::test]
async fn an_error_of_a_list_is_unchanged_too() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let error = answer("500 Oops", "Content-Type: application/json\r\nX-Trace-Id: t\r\n", r#"{"message":"unexpected"}"#);

    let (got, _) = tokio::join!(world.get("/v1/accounts"), upstream.answer(error));

    assert_eq!((got.status, got.text().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"unexpected"}"#));
    assert_eq!(got.field("x-trace-id"), "t");
}

#[tokio::test]
async fn redirects_are_passed_on_and_not_followed() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let elsewhere = Scripted::start().await;

    for (target, status) in [(PAYMENT, "302"), ("/v1/accounts", "307"), ("/v1/customers", "308")] {
        let location = format!("http://{}/v1/else", elsewhere.address);
        let (got, _) = tokio::join!(world.get(target), upstream.answer(answer(status, &format!("Location: {location}\r\n"), "")));

        assert_eq!((got.status.as_str(), got.field("location")), (status, location.as_str()));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn cookies_never_cross() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let cookies = "Set-Cookie: a=1\r\nset-cookie: b=2\r\n";

    for target in [PAYMENT, "/v1/accounts"] {
        let (got, _) = tokio::join!(world.get(target), upstream.answer(answer("200 OK", cookies, "{}")));

        assert_eq!(got.status, StatusCode::OK);
        assert!(!got.fields.contains_key("set-cookie"), "{:?}", got.fields);
    }
}

#[tokio::test]
async fn fields_of_the_upstreams_connection_stay_there() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let lines = "Connection: X-Hop, keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nProxy-Connection: close\r\n\
                 TE: trailers\r\nTrailer: X-End\r\nUpgrade: h2c\r\nX-Hop: 1\r\nX-Kept: 1\r\n";

    for target in [PAYMENT, "/v1/accounts"] {
        let (got, _) = tokio::join!(world.get(target), upstream.answer(answer("200 OK", lines, "{}")));

        let hops = ["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "upgrade", "x-hop"];
        assert!(hops.iter().all(|name| !got.fields.contains_key(*name)), "{:?}", got.fields);
        assert_eq!(got.field("x-kept"), "1");
    }
}

#[tokio::test]
async fn head_is_answered_as_get_is_without_a_body() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await;

    for target in [PAYMENT, "/v1/accounts"] {
        let (got, head) = tokio::join!(client.request("HEAD", target, None), upstream.answer(ok(r#"{"a":1}"#)));

        assert!(head.starts_with("GET "), "{}", head);
        assert_eq!((got.status, got.field("content-length")), (StatusCode::OK, "7"));
    }
    let (got, _) = tokio::join!(client.get(PAYMENT), upstream.answer(ok("{}")));
    assert_eq!(got.text(), "{}", "no body was left on the connection");
}

#[tokio::test]
async fn an_answer_without_content_has_none() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await;
    let key = "/v1/keys/5a0d8c1e-0000-4000-8000-000000000001";

    let (got, _) = tokio::join!(client.request("DELETE", key, None), upstream.answer("HTTP/1.1 204 No Content\r\n\r\n"));
    let (next, _) = tokio::join!(client.get(PAYMENT), upstream.answer(ok("{}")));

    assert_eq!((got.status, got.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(next.text(), "{}");
}

#[tokio::test]
async fn hints_before_the_answer_are_not_the_answer() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let hinted = format!("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n{}", ok("{}"));

    let (got, _) = tokio::join!(world.get(PAYMENT), upstream.answer(hinted));

    assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, "{}"));
    assert!(!got.fields.contains_key("link"));
}

#[tokio::test]
async fn the_callers_own_request_id_comes_back_whatever_passport_says() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await.with("X-Request-Id: order-17");

    let (got, head) = tokio::join!(client.get(PAYMENT), upstream.answer(answer("200 OK", "X-Request-Id: theirs\r\n", "{}")));

    assert_eq!(got.fields.get_all("x-request-id").iter().collect::<Vec<_>>(), ["order-17"]);
    assert!(head.contains("x-request-id: order-17"), "{}", head);
}
