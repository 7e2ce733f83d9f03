//! Public keys in PEM, read as the JWK they would be published as, so that one vetting serves both.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;

/// The JWK of a public key; none if the text is not exactly that. A private key is none, even though it holds one.
pub(super) fn read(pem: &[u8]) -> Option<Jwk> {
    let text = std::str::from_utf8(pem).ok()?;
    if text.contains("PRIVATE KEY") {
        return None;
    }
    let key =
        DecodingKey::from_rsa_pem(pem).or_else(|_| DecodingKey::from_ec_pem(pem)).or_else(|_| DecodingKey::from_ed_pem(pem));
    Jwk::from_decoding_key(&key.ok()?, None).ok()
}
