//! Where keys come from: a URL, the issuer's metadata, a file.

use std::io::Write;

use tempfile::NamedTempFile;

use super::*;

const METADATA: &str = "https://id.test/.well-known/openid-configuration";

fn discovery() -> House {
    House::trusting(KeySource::Discovery(METADATA.parse().unwrap()))
}

/// The reason for which these metadata are not taken.
async fn refused(metadata: &str) -> String {
    let house = discovery();
    house.answer(Ok(Bytes::copy_from_slice(metadata.as_bytes()))).await;
    house.status().last_error.unwrap().to_string()
}

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

#[tokio::test(start_paused = true)]
async fn metadata_name_the_key_set() {
    let signer = Signer::ed("key");
    let house = discovery();

    let (url, asked) = house.asked().await;
    assert_eq!(url, METADATA);
    let metadata = json!({"issuer": ISSUER, "jwks_uri": "https://keys.test/jwks", "scopes_supported": []});
    asked.send(Ok(metadata.to_string().into())).unwrap();

    assert_eq!(house.answer(Ok(set(&[&signer]))).await, "https://keys.test/jwks");
    assert!(house.call(&token(&signer)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn another_issuer_s_metadata_are_not_taken() {
    for issuer in ["https://id.test/", "https://other.test", "https://ID.test"] {
        let metadata = json!({"issuer": issuer, "jwks_uri": "https://id.test/jwks"}).to_string();
        assert_eq!(refused(&metadata).await, "the issuer's metadata are another issuer's", "{issuer}");
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_that_lead_nowhere_safe_are_not_taken() {
    for url in ["http://id.test/jwks", "/jwks", "id.test"] {
        let metadata = json!({"issuer": ISSUER, "jwks_uri": url}).to_string();
        assert!(refused(&metadata).await.contains("not as safe as their own URL"), "{url}");
    }
    for metadata in ["", "{}", "<html>", r#"{"issuer": "https://id.test"}"#] {
        assert!(refused(metadata).await.contains("name no issuer or no `jwks_uri`"), "{metadata}");
    }
}

#[tokio::test]
async fn a_key_set_in_a_file_is_read_again_on_schedule() {
    let (old, new) = (Signer::ed("old"), Signer::ed("new"));
    let path = file(&set(&[&old]));
    let house = House::trusting(KeySource::JwksFile(path.path().to_owned()));
    house.keys.attempted().await;
    assert!(house.call(&token(&old)).await.is_ok());

    std::fs::write(path.path(), set(&[&new])).unwrap();
    let ended = house.ended();
    house.clock.advance(REFRESH);
    house.until_past(ended).await;

    assert!(house.call(&token(&new)).await.is_ok());
}

#[tokio::test]
async fn a_public_key_in_a_file_checks_tokens_whatever_key_they_name() {
    let signer = Signer::ed("any");
    let path = file(signer.pem().as_bytes());

    let house = House::trusting(KeySource::PublicKey(path.path().to_owned()));
    house.keys.attempted().await;

    assert!(house.call(&token(&signer)).await.is_ok());
}

#[tokio::test]
async fn a_file_that_is_missing_or_too_long_is_told() {
    let long = file(&vec![b' '; (1 << 20) + 1]);
    for (path, told) in [
        (std::path::PathBuf::from("/nonexistent/jwks.json"), "the file cannot be read: entity not found"),
        (long.path().to_owned(), "the file cannot be read: file too large"),
    ] {
        let house = House::trusting(KeySource::JwksFile(path));
        house.keys.attempted().await;

        assert_eq!(house.status().last_error.as_deref(), Some(told));
        assert_eq!(house.refreshes("unreachable"), 1);
    }
}
