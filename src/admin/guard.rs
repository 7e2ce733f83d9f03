//! Keeps other people's web pages from reading the admin listener through a browser.

use std::net::IpAddr;

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Version, header};

use crate::peer::Peer;

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turned(pub(super) StatusCode, pub(super) &'static str);

/// Turns away what a browser sends on behalf of another site, directly or by rebinding a name to this machine.
///
/// A page may make its own name resolve to a loopback address; the browser then takes us for the page's own server, but still
/// says the name in `Host`. On a Unix socket there are no browsers.
pub(super) fn check(head: &Parts, peer: &Peer) -> Result<(), Turned> {
    if is_cross_site(&head.headers) {
        return Err(Turned(StatusCode::FORBIDDEN, "requests on behalf of other sites are not answered"));
    }
    let over_tcp = peer.address.is_some();
    if peer.local && over_tcp && !names_loopback(head) {
        return Err(Turned(StatusCode::MISDIRECTED_REQUEST, "a loopback listener answers to loopback names only"));
    }
    Ok(())
}

/// Our own page is read and refreshed without an `Origin`; some other site's script sends one, or its browser tells on it.
fn is_cross_site(fields: &HeaderMap) -> bool {
    let mut sites = fields.get_all("sec-fetch-site").iter();
    fields.contains_key(header::ORIGIN) || !sites.all(|site| site == "same-origin" || site == "none")
}

fn names_loopback(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(names_loopback_host),
        // Old probes send none; browsers always do.
        (None, _) => head.version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    host && head.uri.host().is_none_or(is_loopback)
}

/// A host with or without a port; user information, which an authority may hold, has no place here (RFC 9110, §7.2).
fn names_loopback_host(host: &str) -> bool {
    !host.contains('@') && host.parse::<Authority>().is_ok_and(|host| is_loopback(host.host()))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Peer = Peer { address: Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)), local: true, certificate: None };

    fn head(fields: &[(&str, &str)]) -> Parts {
        let request = fields.iter().fold(http::Request::get("/status"), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn checked(fields: &[(&str, &str)], peer: &Peer) -> Result<(), StatusCode> {
        check(&head(fields), peer).map_err(|turned| turned.0)
    }

    #[test]
    fn loopback_names_are_answered() {
        for host in ["localhost", "LocalHost:9901", "127.0.0.1:9901", "127.9.9.9", "[::1]:9901"] {
            assert_eq!(checked(&[("host", host)], &LOOPBACK), Ok(()), "{host}");
        }
    }

    #[test]
    fn a_name_rebound_to_this_machine_is_not_answered() {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9901", "10.0.0.1", "evil@localhost:x", ""]
        {
            assert_eq!(checked(&[("host", host)], &LOOPBACK), Err(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
    }

    #[test]
    fn two_hosts_or_a_foreign_target_are_not_answered() {
        let mut foreign = head(&[("host", "localhost")]);
        foreign.uri = "http://evil.example/status".parse().unwrap();

        assert!(checked(&[("host", "localhost"), ("host", "localhost")], &LOOPBACK).is_err());
        assert!(check(&foreign, &LOOPBACK).is_err());
    }

    #[test]
    fn only_an_old_probe_may_leave_the_host_out() {
        let mut old = head(&[]);
        old.version = Version::HTTP_10;

        assert_eq!(check(&old, &LOOPBACK), Ok(()));
        assert!(checked(&[], &LOOPBACK).is_err());
    }

    #[test]
    fn any_host_is_answered_beyond_loopback_and_on_a_unix_socket() {
        let elsewhere = Peer { local: false, ..LOOPBACK };
        let unix = Peer { address: None, local: true, certificate: None };

        assert_eq!(checked(&[("host", "gateway.internal:9901")], &elsewhere), Ok(()));
        assert_eq!(checked(&[("host", "anything")], &unix), Ok(()));
    }

    #[test]
    fn requests_of_other_sites_are_not_answered_anywhere() {
        let unix = Peer { address: None, local: true, certificate: None };
        let fields = [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")];

        for field in fields {
            assert_eq!(checked(&[("host", "localhost"), field], &LOOPBACK), Err(StatusCode::FORBIDDEN), "{field:?}");
            assert_eq!(checked(&[field], &unix), Err(StatusCode::FORBIDDEN), "{field:?}");
        }
    }

    #[test]
    fn our_own_page_and_a_typed_address_are_answered() {
        for site in ["same-origin", "none"] {
            assert_eq!(checked(&[("host", "localhost"), ("sec-fetch-site", site)], &LOOPBACK), Ok(()));
        }
    }
}
