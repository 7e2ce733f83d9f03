use futures_util::FutureExt;

use super::*;
use crate::body::Body;
use crate::testing::config;
use crate::upstream::testing::{Script, destinations, outbound, read, status, text, write};

/// A layer with one permit for each upstream.
fn layer() -> ConcurrencyLayer {
    ConcurrencyLayer::new(Arc::new(InFlight::new(&destinations(&config()), 1)))
}

#[expect(clippy::unnecessary_wraps, reason = "scripts are made of results")]
fn streaming() -> Result<Response, Refusal> {
    Ok(Response::new(Body::from(bytes::Bytes::from_static(b"body"))))
}

#[tokio::test]
async fn a_permit_is_held_to_the_end_of_the_body() {
    let layer = layer();
    let first = layer.layer(Script::new([streaming()])).call(outbound(read())).await.unwrap();
    let second = layer.layer(Script::new([status(200), status(200)]));

    assert_eq!(second.call(outbound(read())).await.unwrap_err(), Refusal::Overloaded);
    text(first.into_body()).await.unwrap();

    assert!(second.call(outbound(read())).await.is_ok());
    assert!(second.call(outbound(read())).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_nobody_reads_gives_its_permit_back() {
    let layer = layer();
    let service = layer.layer(Script::new([streaming(), streaming()]));

    drop(service.call(outbound(read())).await.unwrap());

    assert!(service.call(outbound(read())).await.is_ok());
}

#[tokio::test]
async fn an_abandoned_request_gives_its_permit_back() {
    let layer = layer();
    let hanging = layer.layer(Script::new([]));
    let mut request = Box::pin(hanging.call(outbound(read())));
    assert!(request.as_mut().now_or_never().is_none());
    assert_eq!(hanging.call(outbound(read())).await.unwrap_err(), Refusal::Overloaded);

    drop(request);

    assert!(layer.layer(Script::new([status(200)])).call(outbound(read())).await.is_ok());
}

#[tokio::test]
async fn upstreams_have_permits_of_their_own_and_workers_share_them() {
    let layer = layer();
    let held = layer.layer(Script::new([streaming()])).call(outbound(read())).await.unwrap();

    let other_upstream = layer.layer(Script::new([status(200)])).call(outbound(write())).await;
    let other_worker = layer.clone().layer(Script::new([status(200)])).call(outbound(read())).await;

    assert!(other_upstream.is_ok());
    assert_eq!(other_worker.unwrap_err(), Refusal::Overloaded);
    drop(held);
}
