//! Requests at the layer: most wait for nothing, a few for new keys, and none without bounds.

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_token_of_a_known_key_waits_for_nothing() {
    let signer = Signer::ed("key");
    let house = House::knowing(&[&signer]).await;

    assert!(house.call(&token(&signer)).now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn tokens_of_a_new_key_share_one_refetch_and_are_let_in() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let house = House::knowing(&[&old]).await;
    let token = token(&new);

    let (answers, ()) = tokio::join!(join_all((0..10).map(|_| house.call(&token))), house.publish(&[&old, &new]));

    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(house.refreshes("ok"), 2, "at start, and once for ten requests");
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_told_as_a_wait_for_others() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let house = House::knowing(&[&old]).await;
    let (layer, request) = (house.layer(), house.request(&token(&new)));
    let exchange = request.exchange().clone();

    let provider = async {
        let (_, asked) = house.asked().await;
        house.clock.advance(Duration::from_millis(300));
        asked.send(Ok(set(&[&new]))).unwrap();
    };
    let (answer, ()) = tokio::join!(layer.call(request), provider);

    assert!(answer.is_ok());
    assert_eq!(exchange.waited(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_stays_unknown_is_refused_and_asked_for_again_only_after_a_while() {
    let (known, stranger) = (Signer::ed("known"), Signer::ed("stranger"));
    let house = House::knowing(&[&known]).await;
    let token = token(&stranger);
    let refused = |answer: Result<Response, Refusal>| matches!(answer, Err(Refusal::InvalidCredential(_)));

    let (answer, ()) = tokio::join!(house.call(&token), house.publish(&[&known]));
    assert!(refused(answer));

    house.clock.advance(Duration::from_secs(29));
    assert!(refused(house.call(&token).now_or_never().unwrap()));
    assert_eq!(house.refreshes("ok"), 2);

    house.clock.advance(Duration::from_secs(1));
    let (answer, ()) = tokio::join!(house.call(&token), house.publish(&[&known]));
    assert!(refused(answer));
    assert_eq!(house.refreshes("ok"), 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_a_second() {
    let (known, stranger) = (Signer::ed("known"), Signer::ed("stranger"));
    let house = House::knowing(&[&known]).await;
    let began = tokio::time::Instant::now();

    let (answer, _never) = tokio::join!(house.call(&token(&stranger)), house.asked());

    assert!(matches!(answer, Err(Refusal::InvalidCredential(_))));
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn at_most_sixty_four_wait_and_places_are_given_back() {
    let (known, new) = (Signer::ed("known"), Signer::ed("new"));
    let house = House::knowing(&[&known]).await;
    let layer = house.layer();
    let token = token(&new);
    let mut waiting: Vec<_> = (0..64).map(|_| Box::pin(layer.call(house.request(&token)))).collect();
    for wait in &mut waiting {
        assert!(wait.as_mut().now_or_never().is_none());
    }

    let one_more = house.call(&token).now_or_never().unwrap();
    assert!(matches!(one_more, Err(Refusal::InvalidCredential(_))));

    drop(waiting.pop());
    let (answers, answer, ()) = tokio::join!(join_all(waiting), house.call(&token), house.publish(&[&new]));
    assert!(answers.iter().all(Result::is_ok));
    assert!(answer.is_ok(), "the place of the one who left was free");
}

#[tokio::test(start_paused = true)]
async fn a_request_before_the_first_keys_waits_for_them() {
    let signer = Signer::ed("key");
    let house = House::trusting(KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()));
    let (_, asked) = house.asked().await;

    let publish = async { asked.send(Ok(set(&[&signer]))).unwrap() };
    let (answer, ()) = tokio::join!(house.call(&token(&signer)), publish);

    assert!(answer.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_ever_the_caller_is_not_to_blame() {
    let signer = Signer::ed("key");
    let house = House::trusting(KeySource::JwksUrl("https://id.test/jwks.json".parse().unwrap()));
    house.answer(unreachable()).await;
    let token = token(&signer);

    let (answer, _) = tokio::join!(house.call(&token), house.answer(unreachable()));
    assert_eq!(answer.unwrap_err(), Refusal::JwksUnavailable);
    for _ in 0..50 {
        assert_eq!(house.call(&token).await.unwrap_err(), Refusal::JwksUnavailable, "it never counts as a failure");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_fails_too_often_is_refused_unless_its_token_is_known() {
    let (signer, stranger) = (Signer::ed("key"), Signer::ed("key"));
    let house = House::knowing(&[&signer]).await;
    let good = token(&signer);
    assert!(house.call(&good).await.is_ok());

    for _ in 0..20 {
        assert!(matches!(house.call(&token(&stranger)).await, Err(Refusal::InvalidCredential(_))));
    }

    assert!(matches!(house.call(&token(&stranger)).await, Err(Refusal::TooManyFailures(_))));
    assert!(house.call(&good).await.is_ok());
    house.clock.advance(Duration::from_secs(1));
    assert!(matches!(house.call(&token(&stranger)).await, Err(Refusal::InvalidCredential(_))));
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_count_as_failures() {
    let (known, stranger) = (Signer::ed("known"), Signer::ed("stranger"));
    let house = House::knowing(&[&known]).await;
    let token = token(&stranger);

    let (_, ()) = tokio::join!(house.call(&token), house.publish(&[&known]));
    for _ in 0..19 {
        assert!(matches!(house.call(&token).await, Err(Refusal::InvalidCredential(_))));
    }

    assert!(matches!(house.call(&token).await, Err(Refusal::TooManyFailures(_))));
}

#[tokio::test(start_paused = true)]
async fn a_missing_credential_is_refused_and_counts_as_nothing() {
    let house = House::knowing(&[&Signer::ed("key")]).await;
    let layer = house.layer();

    for _ in 0..50 {
        let mut arrival = testing::arrival(Method::GET, "/v1/payments", "");
        arrival.peer.local = false;
        let refused = layer.call(testing::routed(&house.snapshots, arrival)).await;
        assert_eq!(refused.unwrap_err(), Refusal::MissingCredential);
    }
}
