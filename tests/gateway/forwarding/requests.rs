//! Requests go up as the gateway makes them: from what was validated, and from a closed list of the caller's fields.

use super::{LOCAL, PAYMENT, Scripted, StatusCode, World, answer, ok};

#[tokio::test]
async fn nothing_of_the_caller_goes_up_that_is_only_between_it_and_the_gateway() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let fields = [
        "If-None-Match: \"x\"",
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        "If-Match: \"x\"",
        "If-Range: \"x\"",
        "Range: bytes=0-1",
        "Cookie: a=b",
        "Accept-Encoding: gzip",
        "Cache-Control: no-cache",
        "Pragma: no-cache",
        "User-Agent: curl/8",
        "Referer: http://localhost/",
        "X-Forwarded-For: 10.0.0.1",
        "Forwarded: for=10.0.0.1",
        "X-Real-IP: 10.0.0.1",
        "X-Custom: 1",
        "Connection: X-Hop",
        "X-Hop: 1",
        "TE: trailers",
        "Upgrade: h2c",
        "Via: 1.1 other",
    ];

    for target in [PAYMENT, "/v1/accounts"] {
        let mut client = fields.iter().fold(world.client().await, |client, field| client.with(*field));
        let (got, head) = tokio::join!(client.get(target), upstream.answer(ok("{}")));

        assert_eq!(got.status, StatusCode::OK, "{}", got.text());
        let mut names: Vec<_> = head.lines().skip(1).map(|line| line.split(':').next().unwrap().to_lowercase()).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "host", "user-agent", "x-request-id"]);
        assert!(head.contains("passport-gateway"), "{}", head);
    }
}

#[tokio::test]
async fn what_a_caller_may_ask_for_and_trace_goes_up() {
    let mut upstream = Scripted::start().await;
    let lines = format!("passport.forward_headers = [\"x-correlation-id\"]\n{LOCAL}");
    let world = World::before(&upstream, &lines).await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut client = world.client().await;
    for field in ["Accept: application/json", "Accept-Language: es-CO", "X-Correlation-Id: c1", &format!("Traceparent: {trace}")]
    {
        client = client.with(field);
    }

    let (_, call) = tokio::join!(client.get(PAYMENT), async {
        let call = upstream.call().await;
        let fields = ["accept", "accept-language", "x-correlation-id", "traceparent"].map(|name| call.field(name).to_owned());
        call.answer(&ok("{}")).await;
        fields
    });

    assert_eq!(call, ["application/json", "es-CO", "c1", trace]);
}

#[tokio::test]
async fn a_query_goes_up_in_one_form() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let targets = [
        "/v1/customers?page_params.page_size=2&identification_number=900%20123%2f4",
        "/v1/customers?identification_number=900+123%2F4&page%5Fparams.page_size=%32",
        "/v1/customers?&identification_number=900%20123/4&&page_params.page_size=2&",
    ];

    let mut lines = Vec::new();
    for target in targets {
        let mut client = world.client().await.with("Cache-Control: no-store");
        let (got, head) = tokio::join!(client.get(target), upstream.answer(ok("{}")));
        assert_eq!(got.status, StatusCode::OK, "{}", got.text());
        lines.push(head.lines().next().unwrap().to_owned());
    }

    let expected = "GET /v1/customers?identification_number=900%20123%2F4&page_params.page_size=2 HTTP/1.1";
    assert_eq!(lines, [expected; 3]);
}

#[tokio::test]
async fn an_upstreams_own_prefix_stands_before_every_path() {
    let mut upstream = Scripted::start().await;
    let world = World::with(&format!("passport.base_url = \"http://{}/co/v9/\"\n{LOCAL}", upstream.address)).await;

    for (target, expected) in [
        (PAYMENT.to_owned(), format!("GET /co/v9{PAYMENT} HTTP/1.1")),
        ("/v1/accounts?status=A".to_owned(), "GET /co/v9/v1/accounts?status=A HTTP/1.1".to_owned()),
    ] {
        let (_, head) = tokio::join!(world.get(&target), upstream.answer(ok("{}")));
        assert_eq!(head.lines().next().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_connection_is_used_again_until_passport_says_close() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 1\n{LOCAL}")).await;
    let mut client = world.client().await;
    let close = answer("200 OK", "Connection: close\r\n", "{}");

    for bytes in [ok("{}"), ok("{}"), close] {
        let (got, _) = tokio::join!(client.get(PAYMENT), upstream.answer(bytes));
        assert_eq!(got.status, StatusCode::OK);
    }
    let before = upstream.connections();
    let (got, _) = tokio::join!(client.get(PAYMENT), upstream.answer(ok("{}")));

    assert_eq!(got.status, StatusCode::OK);
    // One for the token, one for the three requests; and one after it was closed.
    assert_eq!((before, upstream.connections()), (2, 3));
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut client = world.client().await;
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.send(format!("{}{}{}", request(PAYMENT), request("/v1/nothing"), request("/v1/accounts")).as_bytes()).await;

    upstream.answer(ok(r#""first""#)).await;
    let first = client.answer(false).await.unwrap();
    let second = client.answer(false).await.unwrap();
    upstream.answer(ok(r#""third""#)).await;
    let third = client.answer(false).await.unwrap();

    assert_eq!(
        (first.text().as_str(), second.status, third.text().as_str()),
        (r#""first""#, StatusCode::NOT_FOUND, r#""third""#)
    );
}
