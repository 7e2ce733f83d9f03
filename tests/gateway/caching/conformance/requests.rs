//! What callers say: directives, conditions, ranges.

use super::*;

const KEPT: &str = "Cache-Control: max-age=30\nETag: \"1\"\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT";

#[tokio::test]
async fn what_a_caller_does_not_want_it_does_not_get() {
    let mut conformance = Conformance::new().await;
    let kept = || Case::answered(KEPT).after(10);

    let unwanted = [
        "Cache-Control: no-cache",
        "Cache-Control: no-store",
        "Cache-Control: max-age=0",
        "Cache-Control: max-age=9",
        "Cache-Control: max-age=5, max-stale=100",
        "Cache-Control: min-fresh=21",
        "Cache-Control: max-age=nonsense",
        "Pragma: no-cache",
    ];
    conformance.expect(Next::Miss, unwanted.map(|field| kept().again_with(&[field]))).await;
    let stale = ["Cache-Control: max-stale=9", "Cache-Control: max-stale=0", "Cache-Control: max-stale=-1", "Accept: */*"];
    conformance.expect(Next::Miss, stale.map(|field| Case::answered(KEPT).after(40).again_with(&[field]))).await;
    let strict = Case::answered("Cache-Control: max-age=30, must-revalidate").after(31);
    conformance.expect(Next::Miss, [strict.again_with(&["Cache-Control: max-stale"])]).await;
}

#[tokio::test]
async fn what_a_caller_accepts_it_gets() {
    let mut conformance = Conformance::new().await;

    let accepted = ["Cache-Control: max-age=10", "Cache-Control: min-fresh=20", "Cache-Control: only-if-cached", "Pragma: odd"];
    conformance.expect(Next::Hit, accepted.map(|field| Case::answered(KEPT).after(10).again_with(&[field]))).await;
    let stale = ["Cache-Control: max-stale", "Cache-Control: max-stale=10"];
    conformance.expect(Next::Hit, stale.map(|field| Case::answered(KEPT).after(40).again_with(&[field]))).await;
}

#[tokio::test]
async fn who_wants_only_what_is_stored_gets_a_504_and_passport_is_not_asked() {
    let mut conformance = Conformance::new().await;

    let refused = conformance.world.client().await.with("Cache-Control: only-if-cached").get("/v1/accounts").await;

    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (504, "not-cached"));
    assert_eq!(told(&refused), "detail=only-if-cached");
    assert!(!conformance.upstream.is_asked());
}

#[tokio::test]
async fn conditions_are_answered_from_what_is_stored() {
    let mut conformance = Conformance::new().await;
    tokio::join!(conformance.world.get("/v1/accounts"), conformance.upstream.answer(answer("200 OK", &lines(KEPT), "[1]")));
    let earlier = "If-Modified-Since: Wed, 31 Dec 2025 23:59:59 GMT";
    let same = "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT";

    for (fields, status) in [
        (&["If-None-Match: \"1\""][..], 304),
        (&["If-None-Match: W/\"1\""], 304),
        (&["If-None-Match: \"0\", \"1\""], 304),
        (&["If-None-Match: \"0\"", "If-None-Match: \"1\""], 304),
        (&["If-None-Match: *"], 304),
        (&["If-None-Match: \"0\""], 200),
        (&["If-None-Match: 1"], 200),
        (&[same], 304),
        (&[earlier], 200),
        (&["If-Modified-Since: yesterday"], 200),
        (&["If-None-Match: \"0\"", same], 200),
        (&["If-None-Match: \"1\"", earlier], 304),
        (&["If-Match: \"0\""], 200),
        (&["Range: bytes=0-1"], 200),
        (&["Range: bytes=0-1", "If-Range: \"1\""], 200),
    ] {
        let mut client = conformance.world.client().await;
        for field in fields {
            client = client.with(*field);
        }
        let got = client.get("/v1/accounts").await;
        assert_eq!((got.status.as_u16(), told(&got).split(';').next()), (status, Some("hit")), "{fields:?}");
        let repeated = ["cache-control", "date", "etag", "age"].map(|name| got.fields.contains_key(name));
        assert_eq!(repeated, [true; 4], "{fields:?}");
        assert_eq!((got.body.is_empty(), got.fields.contains_key("content-type")), (status == 304, false), "{fields:?}");
    }
    assert!(!conformance.upstream.is_asked());
}

#[tokio::test]
async fn conditions_and_ranges_of_callers_do_not_go_up_and_the_gateways_own_do() {
    let mut conformance = Conformance::new().await;
    let fields =
        ["If-None-Match: \"9\"", "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT", "Range: bytes=0-1", "If-Range: \"9\""];
    let mut client = fields.iter().fold(conformance.world.client().await, |client, field| client.with(*field));

    let (_, cold) = tokio::join!(client.get("/v1/accounts"), conformance.upstream.answer(answer("200 OK", &lines(KEPT), "[1]")));
    conformance.advance(Duration::from_secs(31));
    let renewing = async {
        let call = conformance.upstream.call().await;
        let conditions = [call.field("if-none-match").to_owned(), call.field("if-modified-since").to_owned()];
        call.answer("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nX-Renewed: 1\r\nCache-Control: max-age=20\r\n\r\n").await;
        conditions
    };
    let (renewed, conditions) = tokio::join!(conformance.world.get("/v1/accounts"), renewing);
    let hit = conformance.world.get("/v1/accounts").await;

    for name in ["if-none-match:", "if-modified-since:", "if-range:", "\r\nrange:"] {
        assert!(!cold.to_lowercase().contains(name), "{cold}");
    }
    assert_eq!(conditions[0], "\"1\"");
    assert_eq!((renewed.status, renewed.text().as_str()), (StatusCode::OK, "[1]"));
    assert_eq!((told(&renewed), renewed.field("x-renewed")), ("fwd=stale; fwd-status=304; stored; ttl=20", "1"));
    assert_eq!((told(&hit), hit.field("x-renewed"), hit.field("cache-control")), ("hit; ttl=20", "1", "max-age=20"));
    assert_eq!(conformance.world.metric(&used("list_accounts", "revalidated")).await, 1.0);
}

/// Fields as they go over the wire.
fn lines(fields: &str) -> String {
    fields.lines().map(|line| format!("{line}\r\n")).collect()
}
