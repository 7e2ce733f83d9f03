//! Whatever fields come, in either direction: nothing forged, hop-by-hop or internal crosses, and one `Authorization`, ours, goes up.

use std::collections::BTreeSet;

use http::HeaderMap;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{LOCAL, PAYMENT, Scripted, StatusCode, World};

const CASES: usize = 300;
/// What the caller says in every field, so that it is seen if it goes up.
const MARK: &str = "evil";

/// Fields that mean something to somebody on the way.
const TELLING: [&str; 44] = [
    "Authorization",
    "Authorization_",
    "X-Api-Key",
    "X_Api_Key",
    "x_api-key",
    "Idempotency_Key",
    "X_Request_Id",
    "Content_Length",
    "Transfer_Encoding",
    "Host_",
    "X-Forwarded-For",
    "x-forwarded-host",
    "X-FORWARDED-PROTO",
    "X-Forwarded-User",
    "X_Forwarded_For",
    "X-Forwarded",
    "Forwarded",
    "X-Real-IP",
    "True-Client-IP",
    "X-Client-Cert",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X_HTTP_Method_Override",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Keep-Alive",
    "Trailer",
    "Upgrade",
    "TE",
    "Via",
    "Cookie",
    "Cookie2",
    "Set-Cookie",
    "Range",
    "If-Match",
    "If-None-Match",
    "Accept-Encoding",
    "Content-Encoding",
    "User-Agent",
    "X-Tenant",
    "X-Correlation-Id",
];
/// What may go up, and no more.
const GOES_UP: [&str; 8] =
    ["accept", "accept-language", "authorization", "host", "traceparent", "user-agent", "x-correlation-id", "x-request-id"];
/// What an upstream may say that is not for callers, though it is spelled well.
const ONLY_BETWEEN: [&str; 13] = [
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "TE",
    "Trailer",
    "Upgrade",
    "Set-Cookie",
    "X-Request-Id",
    "RateLimit",
    "RateLimit-Policy",
    "Idempotent-Replayed",
    "Alt-Svc",
];

/// A field of this chapter, or one that nobody has heard of.
fn name(telling: &'static [&'static str]) -> impl Strategy<Value = String> {
    let known = prop::sample::select(telling).prop_map(str::to_owned);
    prop_oneof![3 => known, 1 => "[a-zA-Z][a-zA-Z0-9_-]{0,11}".prop_map(|name| format!("X-{name}"))]
}

/// Some fields, and those of them, or others, that `Connection` names.
fn fields(telling: &'static [&'static str]) -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let named = prop::collection::vec(name(telling), 0..3);
    (prop::collection::vec(name(telling), 1..8), named).prop_flat_map(|(fields, others)| {
        let picked = prop::sample::subsequence(fields.clone(), 0..=fields.len().min(2));
        picked.prop_map(move |picked| (fields.clone(), [picked, others.clone()].concat()))
    })
}

fn lines(fields: &[String], named: &[String]) -> String {
    let connection = if named.is_empty() { String::new() } else { format!("Connection: {}\r\n", named.join(", ")) };
    fields.iter().map(|name| format!("{name}: {MARK}\r\n")).collect::<String>() + &connection
}

fn is_in(names: &[String], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

#[tokio::test]
async fn nothing_goes_up_but_what_may_and_one_authorization() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("passport.forward_headers = [\"x-correlation-id\"]\n{LOCAL}")).await;
    let (mut runner, strategy) = (TestRunner::deterministic(), fields(&TELLING));
    let mut went_up = 0;

    for _ in 0..CASES {
        let (fields, named) = strategy.new_tree(&mut runner).unwrap().current();
        let request = format!("GET {PAYMENT} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", lines(&fields, &named));
        let asked = async {
            let mut client = world.client().await;
            client.send(request.as_bytes()).await;
            client.answer(false).await.unwrap()
        };
        tokio::pin!(asked);
        let call = tokio::select! {
            refused = &mut asked => {
                assert!(matches!(refused.status.as_u16(), 400 | 401), "{request} {refused:?}");
                continue;
            }
            call = upstream.call() => call,
        };

        let head: Vec<_> = call.head.lines().skip(1).map(|line| line.split_once(": ").unwrap()).collect();
        for (name, value) in &head {
            assert!(GOES_UP.contains(&name.to_lowercase().as_str()), "{request} {}", call.head);
            assert!(!value.contains(MARK) || *name == "x-correlation-id" || *name == "x-request-id", "{request} {}", call.head);
            assert!(!is_in(&named, name) || !value.contains(MARK), "{request} {}", call.head);
        }
        let bearers: Vec<_> = head.iter().filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).collect();
        assert_eq!(bearers, [&("authorization", "Bearer scripted")], "{request}");
        call.answer(&super::ok("{}")).await;
        assert_eq!(asked.await.status, StatusCode::OK);
        went_up += 1;
    }

    assert!(went_up > CASES / 4, "{went_up}");
}

#[tokio::test]
async fn nothing_comes_down_that_is_the_connections_or_the_gateways_own() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let (mut runner, strategy) = (TestRunner::deterministic(), fields(&ONLY_BETWEEN));
    let mut client = world.client().await;
    let mut came_down = 0;

    for _ in 0..CASES {
        let (fields, named) = strategy.new_tree(&mut runner).unwrap().current();
        let answer = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 2\r\n\r\n{{}}", lines(&fields, &named));
        let (got, _) = tokio::join!(client.get(PAYMENT), upstream.answer(&answer));

        assert_eq!((got.status, got.text().as_str()), (StatusCode::OK, "{}"), "{answer}");
        let marked = marked(&got.fields);
        for field in fields.iter().map(|field| field.to_lowercase()) {
            let is_taken_off = is_in(&named, &field) || ONLY_BETWEEN.iter().any(|own| own.eq_ignore_ascii_case(&field));
            assert_eq!(marked.contains(&field), !is_taken_off, "{field}: {answer} {got:?}");
            came_down += usize::from(!is_taken_off);
        }
        assert!(!got.fields.contains_key("connection"), "{answer} {got:?}");
        assert_eq!(got.fields.get_all("x-request-id").iter().count(), 1);
    }

    assert!(came_down > CASES / 4, "{came_down}");
}

/// The fields in which the upstream's mark came down.
fn marked(fields: &HeaderMap) -> BTreeSet<String> {
    fields.iter().filter(|(_, value)| value.as_bytes() == MARK.as_bytes()).map(|(name, _)| name.to_string()).collect()
}
