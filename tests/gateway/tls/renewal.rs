//! Renewed files are picked up without a restart, and bad ones change nothing.

use crate::support::until::until;

use super::*;

const RELOADS: &str = "passport_gateway_server_certificate_reloads_total";

impl Scene {
    /// Lets the gateway look at its files until what it shows is this.
    async fn until_shown(&self, certificate: &Leaf) {
        until("the new certificate is shown", async || {
            self.world.clock.advance(Duration::from_secs(2));
            shown(self.world.server, &self.authority.client(None)).await == certificate.der()
        })
        .await;
    }

    /// Changes the files, and lets the gateway look at them until it has found some that cannot be used.
    async fn until_refused(&self, change: impl FnOnce()) {
        let before = self.refused().await;
        change();
        until("the files are refused", async || {
            self.world.clock.advance(Duration::from_secs(2));
            self.refused().await > before
        })
        .await;
    }

    async fn refused(&self) -> f64 {
        self.world.metric(&format!("{RELOADS}{{result=\"invalid\"}}")).await
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_who_connects_next() {
    let scene = Scene::plain().await;
    let mut before = scene.client(None).await;
    let renewed = scene.authority.issue(&[NAME]);

    scene.files.write(&renewed);
    scene.until_shown(&renewed).await;

    assert_eq!(before.get("/v1/accounts").await.status, StatusCode::OK, "who was connected already stays so");
    assert_eq!(scene.client(None).await.get("/v1/accounts").await.status, StatusCode::OK);
    let counted = format!("{RELOADS}{{result=\"ok\"}}");
    until("it is counted", async || scene.world.metric(&counted).await == 1.0).await;
}

#[tokio::test]
async fn what_cannot_be_used_changes_nothing_until_it_is_mended() {
    let scene = Scene::plain().await;
    let first = shown(scene.world.server, &scene.authority.client(None)).await;
    let other = scene.authority.issue(&[NAME]);
    let expired = scene.authority.issue_with(&[NAME], |it| it.not_after = rcgen::date_time_ymd(2020, 1, 1));

    scene.until_refused(|| std::fs::write(scene.files.path("tls.crt"), &other.certificate).unwrap()).await;
    scene.until_refused(|| scene.files.write(&expired)).await;
    scene.until_refused(|| std::fs::write(scene.files.path("tls.crt"), "nonsense").unwrap()).await;
    scene.until_refused(|| std::fs::remove_file(scene.files.path("tls.key")).unwrap()).await;

    assert_eq!(shown(scene.world.server, &scene.authority.client(None)).await, first);
    scene.files.write(&other);
    scene.until_shown(&other).await;
}

#[tokio::test]
async fn a_withdrawn_authority_is_no_longer_believed() {
    let scene = Scene::asking("").await;
    let next = Authority::new("next");
    let (old, new) = (scene.authority.issue(&["app.internal"]), next.issue(&["app.internal"]));
    assert!(is_served(scene.world.server, &scene.authority.client(Some(&old))).await);
    assert!(!is_served(scene.world.server, &scene.authority.client(Some(&new))).await);

    std::fs::write(scene.files.path("ca.crt"), next.pem()).unwrap();
    until("the new authority is believed", async || {
        scene.world.clock.advance(Duration::from_secs(2));
        is_served(scene.world.server, &scene.authority.client(Some(&new))).await
    })
    .await;

    assert!(!is_served(scene.world.server, &scene.authority.client(Some(&old))).await);
}

#[tokio::test]
async fn the_end_of_the_certificate_is_a_metric() {
    let scene = Scene::plain().await;
    let renewed = scene.authority.issue_with(&[NAME], |it| it.not_after = rcgen::date_time_ymd(2031, 1, 1));

    scene.files.write(&renewed);
    scene.until_shown(&renewed).await;

    let end = rcgen::date_time_ymd(2031, 1, 1).unix_timestamp();
    #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch are exact in a double")]
    scene.world.until_metric("passport_gateway_server_certificate_expiry_timestamp_seconds", end as f64).await;
}
