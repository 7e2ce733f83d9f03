use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;

use tokio_util::task::TaskTracker;

use super::*;
use crate::body::Body;
use crate::metrics::Metrics;
use crate::peer::Peer;
use crate::secret::Secret;

const PORT: Peer = Peer { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), local: true, certificate: None };
const SOCKET: Peer = Peer { address: None, local: true, certificate: None };
const JSON: (&str, &str) = ("content-type", "application/json");
const HOST: (&str, &str) = ("host", "localhost:9902");
const LEVEL: &str = r#"{"level":"debug"}"#;
const BEARER: (&str, &str) = ("authorization", "Bearer s3cr3t");

struct Answer {
    status: StatusCode,
    fields: HeaderMap,
    problem: Value,
}

fn control(token: Option<&str>) -> Control {
    let held = ControlToken::default();
    held.replace(token.map(|token| Secret::new(token.to_owned())).as_ref());
    Control::new(controls(), Arc::new(held))
}

fn controls() -> Controls {
    let (clock, metrics) = (crate::testing::clock(), Arc::new(Metrics::new()));
    let config = crate::testing::config();
    let cache = ResponseCache::new(config.cache, &[], clock.clone(), &metrics, TaskTracker::new());
    Controls {
        audit: None,
        levels: None,
        reloads: None,
        cache: Arc::new(cache),
        snapshots: crate::testing::snapshots(config, clock),
        records: None,
    }
}

async fn asked(control: &Control, peer: Peer, line: &str, fields: &[(&str, &str)], body: Body) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).header("x-request-id", "one");
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (head, body) = request.body(body).unwrap().into_parts();
    let (answer, body) = control.call(Arrival { head, body, peer, flaw: None }).await.unwrap().into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    Answer { status: answer.status, fields: answer.headers, problem: serde_json::from_slice(&text).unwrap() }
}

async fn told(control: &Control, peer: Peer, line: &str, fields: &[(&str, &str)], body: &'static str) -> (u16, String) {
    let answer = asked(control, peer, line, fields, Body::from(Bytes::from_static(body.as_bytes()))).await;
    assert_eq!(answer.fields["content-type"], "application/problem+json");
    assert_eq!(answer.fields["cache-control"], "no-store");
    assert_eq!(
        (answer.problem["status"].as_u64(), &answer.problem["request_id"]),
        (Some(answer.status.as_u16().into()), &"one".into())
    );
    (answer.status.as_u16(), answer.problem["type"].as_str().unwrap().trim_start_matches(crate::problem::TYPE_PREFIX).to_owned())
}

/// As far as a route was reached: it has no logs to change here.
fn reached() -> (u16, String) {
    (503, "operation-unavailable".to_owned())
}

#[tokio::test]
async fn only_whoever_shows_the_token_reaches_a_route() {
    let control = control(Some("s3cr3t"));
    let ask = async |credentials: &[(&str, &str)]| {
        let fields = [&[HOST, JSON], credentials].concat();
        told(&control, PORT, "POST /log-level", &fields, r#"{"level":"debug"}"#).await
    };

    assert_eq!(ask(&[BEARER]).await, reached());
    assert_eq!(ask(&[("authorization", "bearer s3cr3t")]).await, reached());
    for missing in [&[][..], &[BEARER, BEARER], &[("authorization", "Basic s3cr3t")], &[("authorization", "s3cr3t")]] {
        assert_eq!(ask(missing).await, (401, "missing-credential".to_owned()), "{missing:?}");
    }
    for wrong in ["Bearer s3cr3", "Bearer s3cr3t ", "Bearer S3cr3t", "Bearer ", "Bearer s3cr3ts3cr3t"] {
        assert_eq!(ask(&[("authorization", wrong)]).await, (401, "invalid-credential".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn a_stranger_does_not_learn_which_routes_there_are() {
    let control = control(Some("s3cr3t"));

    for line in ["POST /log-level", "GET /log-level", "POST /nothing"] {
        assert_eq!(told(&control, PORT, line, &[HOST, JSON], "{}").await.0, 401, "{line}");
    }
}

#[tokio::test]
async fn a_new_token_takes_the_place_of_the_old_one() {
    let control = control(Some("old"));
    control.token.replace(Some(&Secret::new("s3cr3t".to_owned())));
    let ask = async |token| told(&control, PORT, "POST /log-level", &[HOST, JSON, ("authorization", token)], "{}").await.0;

    assert_eq!(ask("Bearer old").await, 401);
    assert_eq!(ask("Bearer s3cr3t").await, 400);
}

#[tokio::test]
async fn no_browser_is_answered() {
    let control = control(None);
    let ask = async |peer, field| told(&control, peer, "POST /log-level", &[HOST, JSON, field], r#"{"level":"debug"}"#).await.0;

    for field in [
        ("origin", "http://evil.example"),
        ("origin", "http://localhost:9902"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
    ] {
        assert_eq!(ask(PORT, field).await, 403, "{field:?}");
        assert_eq!(ask(SOCKET, field).await, 403, "{field:?}");
    }
    let rebound = told(&control, PORT, "POST /log-level", &[("host", "evil.example"), JSON], r#"{"level":"debug"}"#).await.0;
    assert_eq!(rebound, 421);
}

#[tokio::test]
async fn only_a_post_changes_anything() {
    let control = control(None);

    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let answer = asked(&control, SOCKET, &format!("{method} /log-level"), &[JSON], Body::empty()).await;
        assert_eq!(
            (answer.status, &answer.fields["allow"]),
            (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse::<HeaderValue>().unwrap())
        );
    }
    assert_eq!(told(&control, SOCKET, "POST /nothing", &[JSON], "{}").await, (404, "unknown-operation".to_owned()));
}

#[tokio::test]
async fn a_body_is_one_json_object_and_nothing_that_a_form_could_send() {
    let control = control(None);
    let ask = async |fields: &[(&str, &str)], body| told(&control, SOCKET, "POST /log-level", fields, body).await;

    assert_eq!(ask(&[JSON], LEVEL).await, reached());
    assert_eq!(ask(&[("content-type", "Application/JSON; charset=utf-8")], LEVEL).await, reached());
    for fields in [
        &[][..],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/jsonx")],
        &[JSON, ("content-type", "text/plain")],
        &[JSON, ("content-encoding", "gzip")],
    ] {
        assert_eq!(ask(fields, LEVEL).await, (415, "unsupported-media-type".to_owned()), "{fields:?}");
    }
}

#[tokio::test]
async fn members_that_are_unknown_mistyped_or_given_twice_change_nothing() {
    let control = control(None);

    for body in [
        r#"{"level":"debug","level":"info"}"#,
        r#"{"level":"debug","lever":"info"}"#,
        r#"{"level":7}"#,
        r#"["debug"]"#,
        r#"{"level":"debug"} {}"#,
        r#"{"level":"debug""#,
        "{}",
        "",
    ] {
        let refused = told(&control, SOCKET, "POST /log-level", &[JSON], body).await;
        assert_eq!(refused, (400, "invalid-request".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_long_body_is_refused_and_a_late_one_is_not_waited_for() {
    tokio::time::pause();
    let control = control(None);
    let long = Body::from(Bytes::from(vec![b' '; 16 * 1024 + 1]));
    let never = Body::streamed(http_body_util::StreamBody::new(futures_util::stream::pending::<Result<_, crate::body::Cut>>()));

    let long = asked(&control, SOCKET, "POST /log-level", &[JSON], long).await;
    let late = asked(&control, SOCKET, "POST /log-level", &[JSON], never).await;

    assert_eq!((long.status, late.status), (StatusCode::PAYLOAD_TOO_LARGE, StatusCode::REQUEST_TIMEOUT));
}

#[tokio::test]
async fn a_purge_takes_names_that_there_are_and_says_how_much_it_forgot() {
    let control = control(None);
    let ask =
        async |body: &'static str| asked(&control, SOCKET, "POST /cache/purge", &[JSON], Body::from(Bytes::from(body))).await;

    for body in ["{}", r#"{"tenant":"acme"}"#, r#"{"operation":"list_accounts"}"#, r#"{"tenant":"acme","operation":"get_key"}"#] {
        let answer = ask(body).await;
        assert_eq!((answer.status, &answer.problem["purged"]), (StatusCode::OK, &0.into()), "{body}");
    }
    for body in [r#"{"tenant":"acne"}"#, r#"{"operation":"list_acounts"}"#, r#"{"tenants":"acme"}"#, r#"{"tenant":1}"#] {
        let answer = ask(body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
}
