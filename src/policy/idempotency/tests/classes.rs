//! What each answer and each refusal makes of the key.

use super::*;

/// What a second request with the same key meets.
#[derive(Debug, PartialEq, Eq)]
enum Second {
    Replayed,
    Forwarded,
    Unknown,
}

async fn second(target: &'static str, body: &'static str, answer: Result<Response, Refusal>) -> Second {
    let mut bench = Bench::new();
    let first = bench.send(arrival(Method::POST, target, body), Some("k"));
    bench.call().await.reply.send(answer).unwrap();
    let _ = first.await.unwrap();
    let again = bench.send(arrival(Method::POST, target, body), Some("k"));
    tokio::select! {
        call = bench.calls.recv() => {
            drop(call);
            Second::Forwarded
        }
        reply = again => match reply.unwrap() {
            Ok((_, true, _)) => Second::Replayed,
            reply if is_unknown(&reply) => Second::Unknown,
            reply => panic!("{reply:?}"),
        },
    }
}

#[tokio::test]
async fn a_payments_answers_are_kept_free_the_key_or_leave_it_unknown() {
    for (expected, statuses) in [
        (Second::Replayed, &[200, 201, 202, 204, 400, 403, 404, 409, 422, 451][..]),
        (Second::Forwarded, &[429]),
        (Second::Unknown, &[303, 408, 425, 500, 502, 503, 504, 599]),
    ] {
        for status in statuses {
            assert_eq!(second(PAY, PAYMENT, answer(*status, "")).await, expected, "{status}");
        }
    }
}

#[tokio::test]
async fn another_writes_errors_are_kept() {
    for (expected, statuses) in [
        (Second::Replayed, &[200, 204, 400, 404, 500, 503][..]),
        (Second::Forwarded, &[429]),
        (Second::Unknown, &[307, 408, 425]),
    ] {
        for status in statuses {
            assert_eq!(second("/v1/customers", CUSTOMER, answer(*status, "")).await, expected, "{status}");
        }
    }
}

#[tokio::test]
async fn a_refusal_frees_the_key_only_if_nothing_was_sent() {
    let wait = std::time::Duration::from_secs(1);
    for refusal in [
        Refusal::UpstreamUnreachable(Sent::Nothing),
        Refusal::DeadlineExceeded(Sent::Nothing),
        Refusal::UpstreamTokenUnavailable(wait),
        Refusal::UpstreamQuotaExhausted(wait),
        Refusal::UpstreamUnavailable(wait),
        Refusal::Overloaded,
        Refusal::UpstreamCredentialRejected,
    ] {
        assert_eq!(second(PAY, PAYMENT, Err(refusal.clone())).await, Second::Forwarded, "{refusal:?}");
    }
    for refusal in [
        Refusal::UpstreamUnreachable(Sent::Something),
        Refusal::DeadlineExceeded(Sent::Something),
        Refusal::UpstreamInvalidResponse,
        Refusal::Internal,
    ] {
        assert_eq!(second(PAY, PAYMENT, Err(refusal.clone())).await, Second::Unknown, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_payments_error_is_passed_on_once() {
    let mut bench = Bench::new();

    assert_eq!(bench.paid("k", answer(500, "unexpected error")).await, Ok((500, false, "unexpected error".to_owned())));

    assert!(is_unknown(&bench.repeated("k").await));
}

#[tokio::test]
async fn a_task_that_panics_or_is_cut_off_leaves_the_outcome_unknown() {
    let mut bench = Bench::new();
    let panics = bench.pay("panics");
    drop(bench.call().await.reply);
    let is_cut = bench.pay("cut");
    let _call = bench.call().await;

    assert!(panics.await.unwrap_err().is_panic());
    is_cut.abort();
    assert!(is_cut.await.unwrap_err().is_cancelled());

    assert!(is_unknown(&bench.repeated("panics").await));
    assert!(is_unknown(&bench.repeated("cut").await));
}

#[tokio::test]
async fn while_no_record_can_be_kept_money_is_refused_and_the_rest_as_the_operator_likes() {
    for (when_unavailable, forwarded) in [(WhenUnavailable::Refuse, false), (WhenUnavailable::Forward, true)] {
        let mut bench = Bench::with(|settings| settings.when_unavailable = when_unavailable);
        bench.store.disk().fate = Box::new(|| Some(crate::store::records::testing::Failure::Before));

        assert_eq!(bench.repeated("k").await, Err(Refusal::IdempotencyUnavailable));

        let customer = bench.send(arrival(Method::POST, "/v1/customers", CUSTOMER), Some("k"));
        if forwarded {
            bench.call().await.reply.send(answer(200, "made")).unwrap();
            assert_eq!(customer.await.unwrap(), Ok((200, false, "made".to_owned())));
        } else {
            assert_eq!(customer.await.unwrap(), Err(Refusal::IdempotencyUnavailable));
        }
    }
}
