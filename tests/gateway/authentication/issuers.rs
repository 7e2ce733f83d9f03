//! Where issuers' keys come from, and what they may sign with.

use jsonwebtoken::Algorithm;

use super::{assert_admitted, assert_invalid, bearing};
use crate::support::World;
use crate::support::issuer::{Issuer, claims, configuration};
use crate::support::signer::{Signer, jwks};

fn one_of_each() -> [Signer; 3] {
    [Signer::rsa("rsa", Algorithm::RS256), Signer::ec("ec", Algorithm::ES256), Signer::ed("ed")]
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_accepted_by_keys_at_a_url() {
    let signers = one_of_each();
    let issuer = Issuer::of(&signers.each_ref()).await;
    let world = World::with(&issuer.configuration()).await;

    for signer in &signers {
        assert_admitted(&world, &bearing(&signer.token(&claims()))).await;
    }
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_accepted_by_keys_in_a_file() {
    let signers = one_of_each();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, jwks(&signers.each_ref().map(Signer::jwk))).unwrap();
    let world = World::with(&configuration(&format!("jwks_file = {:?}", file.path()))).await;

    for signer in &signers {
        assert_admitted(&world, &bearing(&signer.token(&claims()))).await;
    }
}

#[tokio::test]
async fn a_public_key_in_a_file_is_enough() {
    let signer = Signer::ec("ec", Algorithm::ES256);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, signer.pem()).unwrap();
    let world = World::with(&configuration(&format!("algorithms = [\"ES256\"]\npublic_key = {:?}", file.path()))).await;

    assert_admitted(&world, &bearing(&signer.token(&claims()))).await;
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused_though_its_key_is_published() {
    let signers = one_of_each();
    let issuer = Issuer::of(&signers.each_ref()).await;
    let lines = issuer.configuration().replacen("jwks_url", "algorithms = [\"ES256\"]\njwks_url", 1);
    let world = World::with(&lines).await;
    let [rsa, ec, ed] = signers;

    assert_admitted(&world, &bearing(&ec.token(&claims()))).await;
    assert_invalid(&world, &bearing(&rsa.token(&claims()))).await;
    assert_invalid(&world, &bearing(&ed.token(&claims()))).await;
}

#[tokio::test]
async fn a_tenant_may_be_the_issuers_own() {
    let signer = Signer::ed("ed");
    let issuer = Issuer::of(&[&signer]).await;
    let lines = issuer.configuration().replacen("jwks_url", "tenant = \"acme\"\njwks_url", 1);
    let world = World::with(&lines).await;
    let mut claims = claims();
    claims["tenant"] = "globex".into();

    let answer = world.client().await.with(format!("Authorization: Bearer {}", signer.token(&claims))).get("/v1/payments").await;

    assert_eq!(answer.status, 200, "what the token claims as its tenant does not count: {}", answer.text());
}
