//! What is kept of an answer, and what who asks again is told.

use http_body_util::StreamBody;

use super::*;

#[tokio::test]
async fn an_answer_is_repeated_with_what_belongs_to_it_and_nothing_else() {
    let mut bench = Bench::new();
    let answered = http::Response::builder()
        .status(201)
        .header("content-type", "application/json")
        .header("location", "/v1/payments/1")
        .header("set-cookie", "session=1")
        .header("ratelimit", "9")
        .header("date", "Sat, 21 Nov 2026 13:00:00 GMT")
        .body(Body::from(bytes::Bytes::from_static(b"{}")))
        .unwrap();
    bench.paid("k", Ok(answered)).await.unwrap();

    let mut again = arrival(Method::POST, PAY, PAYMENT);
    again.head.headers.insert("idempotency-key", HeaderValue::from_static("k"));
    let repeated = bench.service.call(validated(&bench.snapshots, again)).await.unwrap();

    let mut names: Vec<_> = repeated.headers().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "idempotent-replayed", "location"]);
    assert_eq!((repeated.status().as_u16(), bench.counted("replayed"), bench.counted("forwarded")), (201, 1, 1));
}

#[tokio::test]
async fn who_asks_meanwhile_is_told_to_come_again() {
    let mut bench = Bench::new();
    let first = bench.pay("k");
    let call = bench.call().await;

    let second = bench.repeated("k").await;
    call.reply.send(answer(200, "paid")).unwrap();

    assert_eq!(second, Err(Refusal::IdempotencyInFlight));
    assert_eq!(first.await.unwrap(), Ok((200, false, "paid".to_owned())));
    assert_eq!(bench.repeated("k").await, Ok((200, true, "paid".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn who_asks_meanwhile_may_wait_for_the_answer() {
    let mut bench = Bench::with(|settings| settings.wait = std::time::Duration::from_secs(5));
    let first = bench.pay("k");
    let call = bench.call().await;
    let waiting: Vec<_> = (0..1000).map(|_| bench.pay("k")).collect();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(bench.calls.is_empty() && waiting.iter().all(|waiting| !waiting.is_finished()));

    call.reply.send(answer(200, "paid")).unwrap();

    assert_eq!(first.await.unwrap(), Ok((200, false, "paid".to_owned())));
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), Ok((200, true, "paid".to_owned())));
    }
    assert!(bench.calls.is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_has_an_end() {
    let mut bench = Bench::with(|settings| settings.wait = std::time::Duration::from_secs(2));
    let _first = bench.pay("k");
    let _call = bench.call().await;
    let began = Instant::now();

    assert_eq!(bench.repeated("k").await, Err(Refusal::IdempotencyInFlight));
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn of_what_nobody_knows_a_repetition_is_told_how_to_look_it_up() {
    let mut bench = Bench::new();
    let lost = bench.paid("k", Err(Refusal::UpstreamUnreachable(Sent::Something))).await;

    let told = bench.repeated("k").await;

    assert_eq!(lost, Err(Refusal::UpstreamUnreachable(Sent::Something)));
    let Err(Refusal::OutcomeUnknown(unknown)) = told else { panic!("{told:?}") };
    assert_eq!((&*unknown.operation, &*unknown.request_id, unknown.happened), ("confirm_breb_payment", "test", false));
    assert_eq!(unknown.since, "1970-01-01T00:00:00Z");
    assert_eq!(unknown.look_up.as_deref(), Some("GET /v1/payments?created_at_after.seconds=0&created_at_before.seconds=300"));
}

#[tokio::test]
async fn an_answer_that_is_cut_leaves_the_outcome_unknown_and_is_no_answer() {
    for (cut, refusal) in
        [(Cut::Truncated, Refusal::UpstreamInvalidResponse), (Cut::Timeout, Refusal::DeadlineExceeded(Sent::Something))]
    {
        let mut bench = Bench::new();
        let frames = [Ok(http_body::Frame::data(bytes::Bytes::from_static(b"{\"id\""))), Err(cut)];
        let body = Body::streamed(StreamBody::new(futures_util::stream::iter(frames)));

        let reply = bench.paid("k", Ok(Response::new(body))).await;

        assert_eq!(reply, Err(refusal));
        assert!(is_unknown(&bench.repeated("k").await));
    }
}

/// An answer of a million bytes that ends, or is cut.
#[expect(clippy::unnecessary_wraps, reason = "it is what a call comes to")]
fn long(whole: bool) -> Result<Response, Refusal> {
    let piece = bytes::Bytes::from(vec![b'a'; 100_000]);
    let pieces = (0..10).map(move |_| Ok(http_body::Frame::data(piece.clone())));
    let end = (!whole).then_some(Err(Cut::Truncated));
    Ok(Response::new(Body::streamed(StreamBody::new(futures_util::stream::iter(pieces.chain(end))))))
}

#[tokio::test]
async fn an_answer_too_long_to_keep_comes_through_and_is_known_to_have_been() {
    let mut bench = Bench::new();

    let (status, replayed, body) = bench.paid("k", long(true)).await.unwrap();

    assert_eq!((status, replayed, body.len()), (200, false, 1_000_000));
    let told = bench.repeated("k").await;
    let Err(Refusal::OutcomeUnknown(known)) = told else { panic!("{told:?}") };
    assert_eq!((known.status, known.happened), (Some(200), true));
}

#[tokio::test]
async fn a_long_answer_that_is_cut_leaves_the_outcome_unknown() {
    let mut bench = Bench::new();

    let (_, _, body) = bench.paid("k", long(false)).await.unwrap();

    assert_eq!(body, "Truncated");
    assert!(matches!(bench.repeated("k").await, Err(Refusal::OutcomeUnknown(unknown)) if !unknown.happened));
}

#[tokio::test]
async fn a_long_answer_is_read_to_its_end_though_its_caller_left() {
    let mut bench = Bench::new();
    let mut paying = arrival(Method::POST, PAY, PAYMENT);
    paying.head.headers.insert("idempotency-key", HeaderValue::from_static("k"));
    let request = validated(&bench.snapshots, paying);
    let service = Arc::clone(&bench.service);
    let response = TaskTracker::new().spawn(async move { service.call(request).await });
    bench.call().await.reply.send(long(true)).unwrap();

    drop(response.await.unwrap().unwrap());
    bench.tasks.close();
    bench.tasks.wait().await;

    assert!(matches!(bench.repeated("k").await, Err(Refusal::OutcomeUnknown(known)) if known.status == Some(200)));
}
