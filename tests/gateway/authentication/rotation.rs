//! Issuers' keys over time: rotated, out of reach, or never there.

use std::time::Duration;

use http::StatusCode;

use super::{assert_admitted, assert_invalid, bearing};
use crate::support::issuer::{Issuer, claims, with};
use crate::support::signer::Signer;
use crate::support::{BEGINNING, World};

/// Has a token of a known key admitted; gives how often keys were fetched by then. That may be twice: whoever comes while the
/// first fetch ends can miss its end, and asks anew.
async fn settled(world: &World, issuer: &Issuer, known: &Signer) -> usize {
    assert_admitted(world, &lasting(known)).await;
    issuer.fetches()
}

/// A token that outlives the tests' days.
fn lasting(signer: &Signer) -> String {
    bearing(&signer.token(&with(claims(), "exp", BEGINNING + 10 * 86_400)))
}

#[tokio::test]
async fn an_unknown_key_waits_for_one_refetch_that_all_share() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let issuer = Issuer::of(&[&old]).await;
    let world = World::with(&issuer.configuration()).await;
    let before = settled(&world, &issuer, &old).await;
    world.clock.advance(Duration::from_secs(31));
    issuer.publish(&[&old, &new]);
    issuer.hold(true);

    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut client = world.client().await;
        client.send(lasting(&new).as_bytes()).await;
        waiting.push(client);
    }
    issuer.fetched(before + 1).await;
    issuer.hold(false);

    for mut client in waiting {
        let answer = client.answer(false).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    assert_eq!(issuer.fetches(), before + 1);
}

#[tokio::test]
async fn known_keys_are_used_while_an_unknown_one_is_asked_for() {
    let (known, stranger) = (Signer::ed("known"), Signer::ed("stranger"));
    let issuer = Issuer::of(&[&known]).await;
    let world = World::with(&issuer.configuration()).await;
    let before = settled(&world, &issuer, &known).await;
    world.clock.advance(Duration::from_secs(31));
    issuer.hold(true);
    let mut waiting = world.client().await;
    waiting.send(lasting(&stranger).as_bytes()).await;
    issuer.fetched(before + 1).await;

    assert_admitted(&world, &lasting(&known)).await;
}

#[tokio::test]
async fn unknown_keys_ask_the_issuer_at_most_every_half_minute() {
    let known = Signer::ed("known");
    let issuer = Issuer::of(&[&known]).await;
    let world = World::with(&issuer.configuration()).await;
    let before = settled(&world, &issuer, &known).await;
    world.clock.advance(Duration::from_secs(31));
    for stranger in ["a", "b", "c"] {
        assert_invalid(&world, &lasting(&Signer::ed(stranger))).await;
    }
    assert_eq!(issuer.fetches(), before + 1);

    world.clock.advance(Duration::from_secs(30));
    assert_invalid(&world, &lasting(&Signer::ed("d"))).await;

    assert_eq!(issuer.fetches(), before + 2);
}

#[tokio::test]
async fn keys_are_renewed_in_the_background() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let issuer = Issuer::of(&[&old]).await;
    let world = World::with(&issuer.configuration()).await;
    let before = settled(&world, &issuer, &old).await;
    issuer.publish(&[&new]);

    world.clock.advance(Duration::from_mins(10));
    issuer.fetched(before + 1).await;

    // Either the renewal is in force already, or this joins it.
    assert_admitted(&world, &lasting(&new)).await;
    assert_invalid(&world, &lasting(&old)).await;
}

#[tokio::test]
async fn known_keys_keep_working_while_the_issuer_is_down() {
    let (known, unknown) = (Signer::ed("known"), Signer::ed("unknown"));
    let issuer = Issuer::of(&[&known]).await;
    let world = World::with(&issuer.configuration()).await;
    let before = settled(&world, &issuer, &known).await;
    issuer.go_down();
    world.clock.advance(Duration::from_mins(11));
    issuer.fetched(before + 1).await;

    assert_invalid(&world, &lasting(&unknown)).await;
    assert_admitted(&world, &lasting(&known)).await;
    assert_admitted(&world, &bearing(&known.token(&with(claims(), "exp", BEGINNING + 900)))).await;
}

#[tokio::test]
async fn known_keys_do_not_outlive_a_day_of_silence() {
    let (known, unknown) = (Signer::ed("known"), Signer::ed("unknown"));
    let issuer = Issuer::of(&[&known]).await;
    let world = World::with(&issuer.configuration()).await;
    assert_admitted(&world, &lasting(&known)).await;
    issuer.go_down();
    world.clock.advance(Duration::from_hours(25));
    // The answer to an unknown key comes when the attempt to renew them has ended.
    world.raw(lasting(&unknown)).await;

    let answer = world.raw(lasting(&known)).await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "jwks-unavailable"));
}

#[tokio::test]
async fn while_keys_were_never_fetched_nobody_is_called_a_liar() {
    let signer = Signer::ed("ed");
    let issuer = Issuer::down().await;
    let world = World::with(&issuer.configuration()).await;

    for _ in 0..25 {
        let answer = world.raw(lasting(&signer)).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "jwks-unavailable"));
        assert_eq!(answer.field("www-authenticate"), "");
    }
}

#[tokio::test]
async fn keys_that_come_late_are_used_at_once() {
    let signer = Signer::ed("ed");
    let issuer = Issuer::down().await;
    let world = World::with(&issuer.configuration()).await;
    assert_eq!(world.raw(lasting(&signer)).await.problem(), "jwks-unavailable");
    issuer.publish(&[&signer]);

    world.clock.advance(Duration::from_secs(31));

    assert_admitted(&world, &lasting(&signer)).await;
}

#[tokio::test]
async fn a_token_that_fails_without_its_key_makes_nobody_fetch() {
    let signer = Signer::ed("ed");
    let issuer = Issuer::of(&[&signer]).await;
    let world = World::with(&issuer.configuration()).await;
    let before = settled(&world, &issuer, &signer).await;
    world.clock.advance(Duration::from_secs(31));
    let stranger = Signer::ed("stranger");

    for bad in [with(claims(), "aud", "other"), with(claims(), "exp", BEGINNING - 100), with(claims(), "iss", "https://evil")] {
        assert_invalid(&world, &bearing(&stranger.token(&bad))).await;
    }

    assert_eq!(issuer.fetches(), before);
}
