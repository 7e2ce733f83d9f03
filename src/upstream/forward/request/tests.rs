use aws_lc_rs::digest::{SHA256, digest};

use super::*;
use crate::config::{ApiKey, Config};
use crate::stage::Arrival;
use crate::tenant::TenantName;
use crate::testing::{self, arrival, validated};
use crate::upstream::testing::{destinations, outbound, snapshots};

const KEY: &str = "pgk_3f9c0a7be21d5846f9c03a7be21d5846";

/// The configuration of a caller with a key, who has a field to show that must not go up.
fn config() -> Config {
    let mut config = testing::config();
    config.api_keys.push(ApiKey {
        id: "app".to_owned(),
        sha256: digest(&SHA256, KEY.as_bytes()).as_ref().try_into().unwrap(),
        tenant: TenantName::new("acme"),
        scopes: vec!["paas.core.*".parse().unwrap()],
        expires: None,
    });
    config
}

/// What goes up for `arrival`, with the fields of the caller changed by `edit`.
fn built(mut arrival: Arrival, extra: &[HeaderName], edit: impl FnOnce(&mut HeaderMap)) -> Request<Full<Bytes>> {
    edit(&mut arrival.head.headers);
    let request = outbound(validated(&snapshots(config()), arrival));
    let destinations = destinations(&config());
    build(destinations.find(request.validated().operation().upstream).unwrap(), &request, &permitted(extra), None)
}

fn names(request: &Request<Full<Bytes>>) -> Vec<&str> {
    let mut names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn list() -> Arrival {
    arrival(Method::GET, "/v1/payments?status=SETTLED", "")
}

#[test]
fn of_the_caller_only_listed_fields_go_up() {
    let request = built(list(), &[], |fields| {
        let sent = [
            ("accept", "application/json"),
            ("accept-encoding", "gzip"),
            ("accept-language", "es-CO"),
            ("cookie", "session=1"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-length", "0"),
            ("forwarded", "for=192.0.2.1"),
            ("if-none-match", "\"1\""),
            ("range", "bytes=0-1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-other", "1"),
        ];
        fields.extend(sent.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))));
    });

    assert_eq!(names(&request), ["accept", "accept-language", "authorization", "host", "user-agent", "x-request-id"]);
    assert_eq!(request.headers()["authorization"], "Bearer upstream-token");
    assert_eq!(request.headers()["host"], "upstream.test");
    assert_eq!(request.headers()["x-request-id"], "test");
    assert!(request.headers()["user-agent"].to_str().unwrap().starts_with("passport-gateway/"));
    assert_eq!(request.uri(), "/v1/payments?status=SETTLED");
}

#[test]
fn the_callers_own_credential_stays_behind() {
    for (name, value) in [("authorization", format!("Bearer {KEY}")), ("x-api-key", KEY.to_owned())] {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());

        let request = built(list(), std::slice::from_ref(&name), |fields| _ = fields.insert(name.clone(), value));

        assert_eq!(names(&request), ["authorization", "host", "user-agent", "x-request-id"]);
        assert_eq!(request.headers()["authorization"], "Bearer upstream-token");
    }
}

#[test]
fn a_configured_field_goes_up_with_all_its_values_but_never_a_forbidden_one() {
    let branch = HeaderName::from_static("x-branch");
    let extra = [branch.clone(), header::COOKIE, header::AUTHORIZATION, header::CONNECTION, header::IF_NONE_MATCH];

    let request = built(list(), &extra, |fields| {
        fields.append(branch.clone(), HeaderValue::from_static("1"));
        fields.append(branch.clone(), HeaderValue::from_static("2"));
        fields.insert(header::COOKIE, HeaderValue::from_static("session=1"));
        fields.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
    });

    assert_eq!(request.headers().get_all(branch).iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(names(&request), ["authorization", "host", "user-agent", "x-branch", "x-request-id"]);
}

#[test]
fn a_valid_traceparent_goes_up_and_no_other() {
    let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let with = |value: &'static str| built(list(), &[], |fields| _ = fields.insert(TRACEPARENT, HeaderValue::from_static(value)));

    assert_eq!(with(valid).headers()[TRACEPARENT], valid);
    assert!(!with("00-x").headers().contains_key(TRACEPARENT));
}

#[test]
fn a_head_goes_up_as_a_get() {
    let request = built(arrival(Method::HEAD, "/v1/payments", ""), &[], |_| {});

    assert_eq!(request.method(), Method::GET);
}

#[test]
fn a_body_goes_up_with_its_type_and_its_own_length() {
    let body = r#"{"account_id":"6b6d9d3c-2f0c-4c0c-9a51-3f6f0d2f9b11","key":{"key_type":"ALPHA","key_value":"@acme1"}}"#;

    let request = built(arrival(Method::POST, "/v1/keys", body), &[], |fields| {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
    });

    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["content-length"], body.len().to_string().as_str());
}

#[test]
fn a_write_without_a_body_says_so() {
    let path = "/v1/keys/6b6d9d3c-2f0c-4c0c-9a51-3f6f0d2f9b11/suspend";

    let request = built(arrival(Method::PATCH, path, ""), &[], |_| {});

    assert_eq!(request.headers()["content-length"], "0");
    assert!(!request.headers().contains_key("content-type"));
}

#[test]
fn the_path_of_the_base_url_comes_before_the_target() {
    let mut config = config();
    for upstream in &mut config.passport.upstreams {
        upstream.base = Some("https://proxy.test:8443/passport/".parse().unwrap());
    }
    let request = outbound(validated(&snapshots(config.clone()), list()));
    let destinations = destinations(&config);

    let built = build(destinations.find(request.validated().operation().upstream).unwrap(), &request, &[], None);

    assert_eq!(built.uri(), "/passport/v1/payments?status=SETTLED");
    assert_eq!(built.headers()["host"], "proxy.test:8443");
}
