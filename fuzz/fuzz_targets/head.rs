//! Whatever a head holds, what it becomes is one of the catalogue's targets, and nothing forged or hop-by-hop is left.

#![no_main]

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use libfuzzer_sys::{Corpus, fuzz_target};
use passport_gateway::edge::sanitize::Sanitize;
use passport_gateway::exchange::Exchange;
use passport_gateway::fields::{is_forged, is_hop_by_hop};
use passport_gateway::gate::Gate;
use passport_gateway::stage::Request;
use passport_gateway_fuzz::{CONFIG, SNAPSHOT, Unbounded, arrival, head, wall};
use tokio::time::Instant;

fuzz_target!(|text: &[u8]| -> Corpus {
    let Some(head) = head(text) else { return Corpus::Reject };
    let exchange = Exchange::new(HeaderValue::from_static("fuzz"), Instant::now());
    let request = Request::observed(arrival(head), exchange);

    let Ok(request) = Sanitize::new(&CONFIG.server).admit(request) else { return Corpus::Keep };
    assert!(!request.head().headers.keys().any(|name| is_hop_by_hop(name) || is_forged(name)));
    let Ok(routed) = request.route(Arc::clone(&SNAPSHOT)) else { return Corpus::Keep };
    let Ok(authenticated) = routed.authenticate(wall(), &Unbounded) else { return Corpus::Keep };
    let Ok(authorized) = authenticated.authorize() else { return Corpus::Keep };
    let Ok(validated) = authorized.validate(Bytes::new(), Instant::now()) else { return Corpus::Keep };

    let target = validated.target();
    let template = validated.operation().upstream_path.as_str();
    assert_eq!(target.path().split('/').count(), template.split('/').count(), "{target} {template}");
    for (segment, shape) in target.path().split('/').zip(template.split('/')) {
        assert!(segment == shape || shape.starts_with('{'), "{target} {template}");
        assert!(!matches!(segment, "." | "..") && !segment.contains(['%', ';', '\\']), "{target}");
    }
    assert!(!target.path().to_ascii_lowercase().contains("/iam"));
    Corpus::Keep
});
