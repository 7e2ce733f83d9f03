//! Where Passport's hosts are in the chosen environment; a URL of another environment is refused.

use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;

use crate::catalogue::{self, Catalogue};
use crate::config::raw::{Place, Table, Value};
use crate::config::settings::Upstream;

/// The upstreams of the catalogue, in its order, with their URLs.
pub(super) fn upstreams(section: &Table<'_>, environment: &str, catalogue: &Catalogue) -> Vec<Upstream> {
    let url = |value: &Value<'_>| url(value, environment, catalogue);
    let everywhere = section.read("base_url", url);
    let token_url = section.read("token_url", url);
    let names: Vec<&str> = catalogue.upstreams().iter().map(|upstream| &*upstream.name).collect();
    let single = section.section("upstreams", &names);
    let bases: Vec<(Option<Uri>, Option<Uri>)> = catalogue
        .upstreams()
        .iter()
        .map(|upstream| {
            let own = single.read(&upstream.name, |value| own(value, &url)).unwrap_or_default();
            (own.0.or_else(|| everywhere.clone()).or_else(|| documented(upstream, environment)), own.1)
        })
        .collect();
    let (endpoint, path) = catalogue.token_endpoint();
    let token_url = token_url.or_else(|| below(bases[endpoint.index()].0.as_ref()?, path));
    let upstreams: Vec<Upstream> = catalogue
        .upstreams()
        .iter()
        .zip(bases)
        .map(|(upstream, (base, own))| Upstream {
            name: Arc::clone(&upstream.name),
            base,
            token_url: own.or_else(|| token_url.clone()),
        })
        .collect();
    check(section, &upstreams, catalogue);
    upstreams
}

/// Advises about a URL whose traffic others can read.
pub(super) fn advise_of_clear_text(value: &Value<'_>, url: &Uri, danger: &str) {
    if url.scheme_str() == Some("http") && !is_loopback(url) {
        value.advise(format!("is plain HTTP beyond this machine: {danger}"), "use https");
    }
}

/// One upstream's URL, or `{ url, token_url }`.
fn own<'a>(value: &Value<'a>, url: &impl Fn(&Value<'a>) -> Option<Uri>) -> Option<(Option<Uri>, Option<Uri>)> {
    if value.is_text() {
        return Some((url(value), None));
    }
    let table = Table::open(value, &["url", "token_url"])?;
    Some((table.read("url", url), table.read("token_url", url)))
}

fn url(value: &Value<'_>, environment: &str, catalogue: &Catalogue) -> Option<Uri> {
    let url = value.url()?;
    let others = match environment {
        "sandbox" => ("production", hosts(catalogue, |upstream| upstream.production.as_deref())),
        "production" => ("the sandbox", hosts(catalogue, |upstream| upstream.sandbox.as_deref())),
        _ => ("", Vec::new()),
    };
    if url.host().is_some_and(|host| others.1.iter().any(|other| other.eq_ignore_ascii_case(host))) {
        let message = format!("is a host of {}, but `passport.environment` is {environment}", others.0);
        return value.fault(message, "correct the one or the other: environments are never mixed");
    }
    advise_of_clear_text(value, &url, "tokens and personal data travel in the clear");
    Some(url)
}

fn hosts(catalogue: &Catalogue, base: impl Fn(&catalogue::Upstream) -> Option<&str>) -> Vec<String> {
    let host = |upstream| base(upstream)?.parse::<Uri>().ok()?.host().map(str::to_owned);
    catalogue.upstreams().iter().filter_map(host).collect()
}

fn documented(upstream: &catalogue::Upstream, environment: &str) -> Option<Uri> {
    let base = match environment {
        "sandbox" => upstream.sandbox.as_deref(),
        "production" => upstream.production.as_deref(),
        _ => None,
    };
    base?.parse().ok()
}

fn below(base: &Uri, path: &str) -> Option<Uri> {
    format!("{}{path}", base.to_string().trim_end_matches('/')).parse().ok()
}

/// Refuses what cannot work at all, and says which operations are unavailable.
fn check(section: &Table<'_>, upstreams: &[Upstream], catalogue: &Catalogue) {
    let place = section.place("environment");
    if upstreams.iter().all(|upstream| upstream.base.is_none()) {
        let remedy = "set `passport.base_url`, or `passport.upstreams` and `passport.token_url`";
        section.record(place.error("has no documented hosts, and none is configured", remedy));
        return;
    }
    if upstreams.iter().any(|upstream| upstream.base.is_some() && upstream.token_url.is_none()) {
        section.record(
            section.place("token_url").error("is missing: nothing says where tokens are made", "set `passport.token_url`"),
        );
    }
    for (at, upstream) in upstreams.iter().enumerate().filter(|(_, upstream)| upstream.base.is_none()) {
        disabled(section, &place, at, &upstream.name, catalogue);
    }
}

fn disabled(section: &Table<'_>, place: &Place, upstream: usize, name: &str, catalogue: &Catalogue) {
    let operations = catalogue.operations().map(|(_, operation)| operation);
    let names: Vec<&str> = operations
        .filter(|operation| operation.enabled && operation.upstream.index() == upstream)
        .map(|operation| &*operation.name)
        .collect();
    if !names.is_empty() {
        let message = format!("upstream `{name}` has no URL here, so these operations are unavailable: {}", names.join(", "));
        section.record(place.warning(message, format!("set `passport.upstreams.{name}` if you know its URL")));
    }
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
