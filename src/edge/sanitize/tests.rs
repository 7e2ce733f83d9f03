//! What the edge refuses, and what it takes off.

use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::fields::HOP_BY_HOP;

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn host_of(hosts: &[&str], version: Version, target: &str, head: &[(&'static str, &str)]) -> Result<(), Refusal> {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    Hosts::new(&hosts).check(version, &target.parse().unwrap(), &fields(head))
}

#[test]
fn one_host_is_required_and_two_are_refused() {
    assert!(host_of(&[], Version::HTTP_11, "/", &[("host", "gateway:8080")]).is_ok());
    assert!(host_of(&[], Version::HTTP_11, "/", &[]).is_err());
    assert!(host_of(&[], Version::HTTP_10, "/", &[]).is_ok());
    assert!(host_of(&[], Version::HTTP_11, "/", &[("host", "a"), ("host", "a")]).is_err());
    assert!(host_of(&[], Version::HTTP_11, "/", &[("host", "user@gateway")]).is_err());
    assert!(host_of(&[], Version::HTTP_11, "/", &[("host", "gateway:http")]).is_err());
    assert!(host_of(&[], Version::HTTP_11, "/", &[("host", "[::1]:8080")]).is_ok());
}

#[test]
fn an_absolute_target_must_name_the_host() {
    assert!(host_of(&[], Version::HTTP_11, "http://gateway/v1", &[("host", "gateway")]).is_ok());
    assert!(host_of(&[], Version::HTTP_11, "http://other/v1", &[("host", "gateway")]).is_err());
    assert!(host_of(&[], Version::HTTP_10, "http://user@gateway/v1", &[]).is_err());
    assert!(host_of(&[], Version::HTTP_11, "ftp://gateway/v1", &[("host", "gateway")]).is_err());
}

#[test]
fn a_list_of_hosts_is_exact_but_for_case_and_port() {
    let one = ["gateway.internal"];
    assert!(host_of(&one, Version::HTTP_11, "/", &[("host", "Gateway.Internal:8080")]).is_ok());
    assert!(host_of(&one, Version::HTTP_11, "/", &[("host", "gateway.internal.evil.example")]).is_err());
    assert!(host_of(&one, Version::HTTP_10, "/", &[]).is_err());
    assert!(host_of(&["[::1]"], Version::HTTP_11, "/", &[("host", "[::1]:8080")]).is_ok());
}

#[test]
fn a_body_has_one_framing() {
    let both = fields(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
    let coded = fields(&[("transfer-encoding", "chunked")]);

    assert!(matches!(check_framing(Version::HTTP_11, &both), Err(Refusal::MalformedRequest(_))));
    assert!(matches!(check_framing(Version::HTTP_10, &coded), Err(Refusal::MalformedRequest(_))));
    assert!(check_framing(Version::HTTP_11, &coded).is_ok());
}

#[test]
fn chunked_is_the_only_transfer_coding() {
    for codings in [&["gzip, chunked"][..], &["chunked, chunked"], &["chunked", "chunked"], &["chunked;a=b"], &["identity"]] {
        let coded: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
        assert!(check_framing(Version::HTTP_11, &fields(&coded)).is_err(), "{codings:?}");
    }
    assert!(check_framing(Version::HTTP_11, &fields(&[("transfer-encoding", "Chunked")])).is_ok());
}

#[test]
fn sizes_have_problems_of_their_own() {
    let x = "x".repeat(LONGEST_TARGET);
    let mut wide = fields(&[("x-wide", &"x".repeat(2000))]);

    for long in [format!("/?q={x}"), format!("/{x}"), format!("http://{x}/"), format!("http://{}/{}", &x[..4096], &x[..4096])] {
        assert_eq!(check_target(&long.parse().unwrap()), Err(Refusal::TargetTooLong));
    }
    assert_eq!(check_target(&x[1..].parse().unwrap()), Ok(()), "as long as can be");
    assert_eq!(check_size(&Uri::from_static("/"), Seen::of(&mut wide).bytes, 1024), Err(Refusal::HeadersTooLarge));
}

#[test]
fn connection_may_not_name_what_the_gateway_relies_on() {
    for relied in RELIED_ON {
        let named = fields(&[("connection", &format!("close, {}", relied.to_uppercase()))]);
        assert!(check_connection(&named).is_err(), "{relied}");
    }
    assert!(check_connection(&fields(&[("connection", "keep-alive, x-mine")])).is_ok());
}

#[test]
fn connection_may_not_hide_what_tells_a_web_page_from_the_local_app() {
    for telling in ["origin", "sec-fetch-site"] {
        assert!(check_connection(&fields(&[("connection", telling)])).is_err(), "{telling}");
    }
}

#[test]
fn a_connection_field_that_cannot_be_read_is_refused() {
    let mut unreadable = HeaderMap::new();
    unreadable.insert("connection", http::HeaderValue::from_bytes(b"authorization, \xff").unwrap());

    assert!(check_connection(&unreadable).is_err());
}

#[test]
fn credentials_are_marked_so_that_they_never_print() {
    let mut head = fields(&[("authorization", "Bearer hunter2"), ("x-api-key", "hunter2"), ("cookie", "hunter2")]);

    Seen::of(&mut head);

    assert!(!format!("{head:?}").contains("hunter2"), "{head:?}");
}

#[test]
fn hop_by_hop_named_and_forged_fields_are_dropped() {
    let mut head = fields(&[
        ("connection", "x-mine"),
        ("x-mine", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-original-url", "/v1/payments"),
        ("x-http-method-override", "DELETE"),
        ("x_request_id", "twin"),
        ("accept", "application/json"),
    ]);

    clean(&mut head);

    assert_eq!(head, fields(&[("accept", "application/json")]));
}

proptest! {
    #[test]
    fn no_hop_by_hop_field_survives_in_any_company(others in prop::collection::vec("[a-z][a-z-]{0,12}", 0..8), hop in 0_usize..9) {
        let mut head = HeaderMap::new();
        for name in &others {
            head.append(name.parse::<HeaderName>().unwrap(), "1".parse().unwrap());
        }
        head.append(HOP_BY_HOP[hop].clone(), "x".parse().unwrap());

        prop_assert!(Seen::of(&mut head).has_forbidden);
        clean(&mut head);

        prop_assert!(HOP_BY_HOP.iter().all(|name| !head.contains_key(name)));
    }
}
