//! Certificates of callers, as the handshake sees them.

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::*;

#[tokio::test]
async fn a_certificate_of_the_authority_is_taken_and_none_is_needed() {
    let scene = Scene::asking("").await;
    let certificate = scene.authority.issue(&["app.internal"]);

    for identity in [Some(&certificate), None] {
        assert!(is_served(scene.world.server, &scene.authority.client(identity)).await);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_turned_away() {
    let scene = Scene::asking("").await;
    let stranger = Authority::new("authority");
    let name = &["app.internal"];
    let beginning = time::OffsetDateTime::from(std::time::SystemTime::from(date_time_ymd(2027, 1, 15)));

    for (bad, why) in [
        (stranger.issue(name), "of another authority of the same name"),
        (scene.authority.issue_with(name, |it| it.not_after = beginning - time::Duration::days(1)), "over"),
        (scene.authority.issue_with(name, |it| it.not_before = beginning + time::Duration::days(1)), "not begun"),
        (
            scene.authority.issue_with(name, |it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            "for servers",
        ),
    ] {
        assert!(!is_served(scene.world.server, &scene.authority.client(Some(&bad))).await, "{why}");
    }
    scene.world.until_metric(&sample("client_certificate"), 4.0).await;
    assert!(scene.world.arrived().is_empty());
}

#[tokio::test]
async fn a_certificate_can_be_required() {
    let scene = Scene::asking(", require_client_certificate = true").await;
    let certificate = scene.authority.issue(&["app.internal"]);

    assert!(!is_served(scene.world.server, &scene.authority.client(None)).await);
    assert!(is_served(scene.world.server, &scene.authority.client(Some(&certificate))).await);
    scene.world.until_metric(&sample("client_certificate"), 1.0).await;
}

#[tokio::test]
async fn a_connection_lasts_no_longer_than_its_certificate() {
    let scene = Scene::asking("").await;
    let beginning = time::OffsetDateTime::from_unix_timestamp(crate::support::BEGINNING.cast_signed()).unwrap();
    let short = scene.authority.issue_with(&["app.internal"], |it| it.not_after = beginning + time::Duration::minutes(5));
    let mut client = scene.client(Some(&short)).await;
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    scene.world.clock.advance(Duration::from_secs(299));
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);

    scene.world.clock.advance(Duration::from_secs(1));

    assert!(client.is_closed().await);
}
