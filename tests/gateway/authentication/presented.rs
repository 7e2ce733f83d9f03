//! How an identity is presented: once, in a form we know, or not at all.

use http::StatusCode;

use super::{asking, assert_admitted, assert_invalid};
use crate::support::{World, keyed};

#[tokio::test]
async fn no_credential_is_challenged_without_an_error() {
    let (_, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;

    let answer = world.raw(asking("")).await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::UNAUTHORIZED, "missing-credential"));
    assert_eq!(answer.field("www-authenticate"), r#"Bearer realm="passport-gateway""#);
    assert_eq!(answer.field("cache-control"), "no-store");
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn another_scheme_is_challenged_without_an_error_and_is_never_taken_for_the_local_app() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&format!("{lines}\n[local]\ntenant = \"acme\"\n")).await;

    for value in ["", " ", " Bearer", " Bearer ", " Basic YTpi", " Digest username=a", " DPoP a.b.c", &format!(" {key}")] {
        let answer = world.raw(asking(&format!("Authorization:{value}\r\n"))).await;

        let told = (answer.status, answer.problem(), answer.field("www-authenticate"));
        let challenge = r#"Bearer realm="passport-gateway""#;
        assert_eq!(told, (StatusCode::UNAUTHORIZED, "missing-credential".to_owned(), challenge), "{value:?}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn several_identities_are_ambiguous_even_where_they_are_the_same() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    let (bearer, own) = (format!("Authorization: Bearer {key}\r\n"), format!("X-Api-Key: {key}\r\n"));

    for lines in [format!("{bearer}{own}"), bearer.repeat(2), own.repeat(2), format!("{bearer}authorization: Bearer x\r\n")] {
        let answer = world.raw(asking(&lines)).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "ambiguous-credential"), "{lines}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_credential_beside_the_local_app_counts_alone() {
    let (key, lines) = keyed(r#""paas.core.qrcodes.list.get""#);
    let world = World::with(&format!("{lines}\n[local]\ntenant = \"acme\"\n")).await;

    let answer = world.raw(asking(&format!("X-Api-Key: {key}\r\n"))).await;

    assert_eq!(answer.problem(), "insufficient-scope", "the key may less than the app, and is not topped up");
}

#[tokio::test]
async fn a_bad_credential_is_never_taken_for_the_local_app() {
    let (_, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&format!("{lines}\n[local]\ntenant = \"acme\"\n")).await;

    for lines in [
        "Authorization: Bearer nonsense\r\n",
        "X-Api-Key:\r\n",
        "X-Api-Key: nonsense\r\n",
        "X-Api-Key: pgk_nonsense\r\n",
        "Authorization: Bearer \u{e9}\r\n",
    ] {
        assert_invalid(&world, &asking(lines)).await;
    }
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;

    for scheme in ["Bearer", "bearer", "BEARER", "Bearer  "] {
        assert_admitted(&world, &asking(&format!("Authorization: {scheme} {key}\r\n"))).await;
    }
}

#[tokio::test]
async fn a_credential_in_the_query_is_none() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;

    let answer = world.get(&format!("/v1/accounts?access_token={key}")).await;

    assert_eq!(answer.problem(), "missing-credential");
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn an_unknown_operation_is_told_to_anyone() {
    let (_, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;

    let answer = world.get("/v1/nothing").await;

    assert_eq!(answer.problem(), "unknown-operation");
}

#[tokio::test]
async fn a_peer_that_fails_too_often_waits() {
    let (key, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    let bad = asking("X-Api-Key: pgk_guessed\r\n");
    for _ in 0..20 {
        assert_invalid(&world, &bad).await;
    }

    let answer = world.raw(&bad).await;

    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too-many-failures"));
    assert_eq!(answer.field("retry-after"), "1");
    assert_admitted(&world, &asking(&format!("X-Api-Key: {key}\r\n"))).await;
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_invalid(&world, &bad).await;
}

#[tokio::test]
async fn missing_and_ambiguous_credentials_are_no_failed_guesses() {
    let (_, lines) = keyed(r#""paas.core.*""#);
    let world = World::with(&lines).await;
    for _ in 0..25 {
        world.raw(asking("")).await;
        world.raw(asking("Authorization: Basic YTpi\r\n")).await;
    }

    assert_invalid(&world, &asking("X-Api-Key: pgk_guessed\r\n")).await;
}
