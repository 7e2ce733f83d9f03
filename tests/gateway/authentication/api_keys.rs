//! API keys: found by their whole digest, until they end.

use std::time::Duration;

use super::{asking, assert_admitted, assert_invalid};
use crate::support::{World, keyed};

#[tokio::test]
async fn a_key_is_accepted_in_either_field() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;

    assert_admitted(&world, &asking(&format!("X-Api-Key: {key}\r\n"))).await;
    assert_admitted(&world, &asking(&format!("Authorization: Bearer {key}\r\n"))).await;
}

#[tokio::test]
async fn nothing_but_the_whole_key_is_the_key() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    let (other, _) = passport_gateway::identity::new_key();
    let digest = lines.split('"').find(|text| text.len() == 64).unwrap();

    for wrong in [
        key[..key.len() - 1].to_owned(),
        format!("{key}A"),
        key.to_uppercase(),
        key.replacen("pgk_", "", 1),
        other,
        digest.to_owned(),
        format!("pgk_{digest}"),
        format!("{key},{key}"),
    ] {
        assert_invalid(&world, &asking(&format!("X-Api-Key: {wrong}\r\n"))).await;
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    // A minute after the beginning of every world.
    let lines = lines.replacen("tenant =", "expires = \"2027-01-15T08:01:00Z\"\ntenant =", 1);
    let world = World::with(&lines).await;
    let request = asking(&format!("X-Api-Key: {key}\r\n"));
    world.clock.advance(Duration::from_secs(59));
    assert_admitted(&world, &request).await;

    world.clock.advance(Duration::from_secs(1));

    assert_invalid(&world, &request).await;
}
