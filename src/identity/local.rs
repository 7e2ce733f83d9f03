//! The sidecar's own app, which is known by sharing the machine and sends no identity.
//!
//! A web page can make a browser on the same machine call a loopback address; it cannot help naming itself in `Origin`,
//! `Sec-Fetch-Site` or, after DNS rebinding, in `Host`. Such requests are not the app's.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderName, HeaderValue};

use super::tenants::Tenants;
use super::{Caller, invalid};
use crate::catalogue::Catalogue;
use crate::config;
use crate::peer::Peer;
use crate::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The local caller of one snapshot.
#[derive(Debug)]
pub(super) struct Local(Arc<Caller>);

impl Local {
    pub(super) fn build(local: &config::Local, catalogue: &Catalogue, tenants: &Tenants) -> Self {
        let tenant = tenants.configured(&local.tenant);
        let granted = local.scopes.as_ref().map_or_else(|| tenant.allowed().clone(), |scopes| catalogue.granted(scopes));
        Self(Arc::new(tenant.caller("local", &granted)))
    }

    /// The local caller, if the request can only be its own.
    pub(super) fn authenticate(&self, head: &Parts, peer: &Peer) -> Result<Arc<Caller>, Refusal> {
        if !peer.local {
            return Err(Refusal::MissingCredential);
        }
        if head.headers.contains_key(ORIGIN) || !head.headers.get_all(SEC_FETCH_SITE).iter().all(is_own_site) {
            return Err(invalid("A web page's request is not the local app's."));
        }
        // On a Unix socket there is no name to rebind, and clients fill `Host` with whatever they like.
        if peer.address.is_some() && !names_loopback(head) {
            return Err(invalid("A local request must name a loopback host."));
        }
        Ok(Arc::clone(&self.0))
    }
}

fn is_own_site(value: &HeaderValue) -> bool {
    matches!(value.as_bytes(), b"none" | b"same-origin")
}

/// Whether the request names this machine, in `Host` and, if it is in absolute form, in its target too.
fn names_loopback(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let host = host.to_str().ok().and_then(|host| host.parse().ok());
    host.is_some_and(|host| is_loopback(&host)) && head.uri.authority().is_none_or(is_loopback)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>();
    !authority.as_str().contains('@')
        && (host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback()))
}
