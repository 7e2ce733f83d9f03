//! Certificates of callers, as the handshake sees them.

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::*;
use crate::support::process::Process;
use crate::support::{Passport, clock};

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

#[tokio::test]
async fn the_log_knows_a_client_by_its_id_and_nothing_else_of_its_certificate() {
    let authority = Authority::new("authority");
    let files = Files::of(&authority.issue(&[NAME]), Some(&authority));
    let passport = Passport::start(&clock()).await;
    let (_, tenant) = LOCAL.split_once("\n\n").unwrap();
    let process = Process::run(&format!(
        "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\ntelemetry.log = \"trace\"\n\
         passport = {{ environment = \"custom\", base_url = \"http://{}\" }}\n{}\
         [[clients]]\nid = \"orders-app\"\nsan = \"app.internal\"\ntenant = \"acme\"\n{tenant}",
        passport.address,
        files.asking(""),
    ))
    .await;
    let certificate = authority.issue(&["app.internal"]);

    for version in rustls::ALL_VERSIONS {
        let config = authority.client_of(Some(&certificate), &[version]);
        let answer = Client::over_tls(process.server, &config).await.unwrap().get("/v1/accounts").await;
        assert_eq!(answer.status, StatusCode::OK, "{version:?}: {}", answer.text());
    }

    let (_, told) = process.end().await;
    assert!(told.contains("orders-app"), "{told}");
    // As it is, and in the hexadecimal in which certificates print.
    for subject in ["hunter2", "68756e74657232", "app.internal"] {
        assert!(!told.contains(subject), "{subject} in:\n{told}");
    }
}
