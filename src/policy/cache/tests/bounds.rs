//! What is large, cut short or too many.

use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;
use crate::body::{Body, Cut};

fn streamed(frames: Vec<Result<Vec<u8>, Cut>>) -> Response {
    let frames = frames.into_iter().map(|frame| frame.map(|bytes| Frame::data(Bytes::from(bytes))));
    Response::new(Body::streamed(StreamBody::new(stream::iter(frames))))
}

fn small() -> Bench {
    Bench::with(|config| config.cache.max_bytes = 64 * 1024)
}

#[tokio::test(start_paused = true)]
async fn a_truncated_answer_is_refused_and_not_stored() {
    let mut bench = Bench::new();

    let reply = bench.miss(LIST, streamed(vec![Ok(b"ab".to_vec()), Err(Cut::Truncated)])).await;

    assert_eq!(*reply.refusal(), Refusal::UpstreamInvalidResponse);
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_shorter_than_announced_is_refused() {
    let mut bench = Bench::new();

    let reply = bench.miss(LIST, with(streamed(vec![Ok(b"ab".to_vec())]), "content-length", "3")).await;

    assert_eq!(*reply.refusal(), Refusal::UpstreamInvalidResponse);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_slow_is_a_timeout() {
    let mut bench = Bench::new();

    let reply = bench.miss(LIST, streamed(vec![Err(Cut::Timeout)])).await;

    assert_eq!(*reply.refusal(), Refusal::DeadlineExceeded(Sent::Something));
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_to_keep_streams_through_to_its_leader() {
    let mut bench = small();
    let large = bench.service.cache.largest_body() + 1;
    let (one, two) = (bench.get(LIST), bench.get(LIST));
    let call = bench.asked().await;
    bench.quiet().await;

    call.answer(streamed(vec![Ok(vec![1; large / 2]), Ok(vec![2; large - large / 2])]));
    bench.asked().await.answer(streamed(vec![Ok(vec![3; large])]));

    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!((one.body().len(), one.body()[0], one.body()[large - 1]), (large, 1, 2));
    assert_eq!((two.body().len(), two.body()[0]), (large, 3));
    assert_eq!((one.stored(), two.stored()), (false, false));
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_that_is_cut_reaches_its_leader_cut() {
    let mut bench = small();
    let large = bench.service.cache.largest_body() + 1;

    let reply = bench.miss(LIST, streamed(vec![Ok(vec![1; large]), Err(Cut::Truncated)])).await;

    assert!(matches!(reply.answer, Ok((StatusCode::OK, _, Err(Cut::Truncated)))));
}

#[tokio::test(start_paused = true)]
async fn the_cache_keeps_within_its_bytes() {
    let mut bench = small();

    for place in 0..400 {
        bench.miss(&format!("/v1/accounts?account_number={place}"), streamed(vec![Ok(vec![7; 700])])).await;
        let status = bench.service.cache.status();
        assert!(status.bytes <= status.max_bytes, "{status:?}");
    }

    let status = bench.service.cache.status();
    assert!(status.entries > 20, "{status:?}");
    let text = bench.metrics.render().unwrap();
    let evicted = format!(r#"passport_gateway_cache_evictions_total{{cause="size"}} {}"#, 400 - status.entries);
    assert!(text.contains(&evicted), "{text}");
    assert!(text.contains(&format!("passport_gateway_cache_entries {}", status.entries)), "{text}");
    assert!(text.contains(&format!("passport_gateway_cache_bytes {}", status.bytes)), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_scan_does_not_flush_what_is_in_use() {
    let mut bench = small();
    bench.miss(LIST, ok("in use")).await;
    for _ in 0..3 {
        bench.hit(LIST).await;
    }

    for place in 0..400 {
        bench.miss(&format!("/v1/accounts?account_number={place}"), ok("scanned")).await;
    }

    assert_eq!(bench.hit(LIST).await.body(), "in use");
}

#[tokio::test(start_paused = true)]
async fn one_huge_answer_does_not_evict_the_rest() {
    let mut bench = small();
    for place in 0..20 {
        bench.miss(&format!("/v1/accounts?account_number={place}"), ok("small")).await;
    }
    let before = bench.service.cache.status().entries;

    let huge = vec![1; bench.service.cache.largest_body()];
    assert!(bench.miss(LIST, streamed(vec![Ok(huge)])).await.stored());

    assert!(bench.service.cache.status().entries >= before, "{:?}", bench.service.cache.status());
}

#[tokio::test(start_paused = true)]
async fn a_replaced_entry_counts_once() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("old")).await;
    bench.clock.advance(TTL);
    bench.miss(LIST, ok("newer")).await;

    assert_eq!(bench.service.cache.status().entries, 1);
    let text = bench.metrics.render().unwrap();
    assert!(text.contains(r#"passport_gateway_cache_evictions_total{cause="replaced"} 1"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_status_counts_what_happened() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("all")).await;
    bench.hit(LIST).await;
    bench.hit(LIST).await;
    bench.goes_up_with(LIST, &[("cache-control", "no-store")]).await;

    let status = bench.service.cache.status();

    let counted: Vec<_> = status.results.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!((counted, status.entries), (vec![("hit", 2), ("miss", 1), ("bypass", 1)], 1));
    let shown = format!("{:?}", bench.service.cache);
    assert!(!shown.contains("accounts"), "{shown}");
    let counted = |counts: [(&'static str, u64); 4]| counts.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();

    bench.service.cache.purge(None, None);
    bench.service.cache.invalidate("acme", &["list_accounts"]);

    let status = bench.service.cache.status();
    assert_eq!(counted(status.evictions), [("purged", 1)]);
    assert_eq!(counted(status.invalidations), [("write", 1), ("purge", 1)]);
}
