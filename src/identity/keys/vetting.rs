//! What a published key must be before any token is checked with it (RFC 7517 §4, RFC 7518 §6, RFC 8725 §3.5).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse, ThumbprintHash};

use super::Key;

/// RSA keys in bits: shorter ones are weak, longer ones a burden.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The smallest public exponent of an RSA key.
const SMALLEST_EXPONENT: u64 = 65_537;

/// The entries of one key: one for each algorithm that is accepted and that the key is for.
///
/// # Errors
///
/// What about the key makes it unusable.
pub(super) fn vet(jwk: &Jwk, accepted: &[Algorithm]) -> Result<Vec<Key>, &'static str> {
    let common = &jwk.common;
    if common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return Err("its `use` is not `sig`");
    }
    if common.key_operations.as_ref().is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
        return Err("its `key_ops` do not include `verify`");
    }
    let material = Material::of(&jwk.algorithm)?;
    let declared = match common.key_algorithm.map(Algorithm::try_from) {
        None => None,
        Some(Ok(algorithm)) if material.algorithms().contains(&algorithm) => Some(algorithm),
        Some(_) => return Err("its `alg` is not one for its type"),
    };
    let usable: Vec<_> = material
        .algorithms()
        .iter()
        .copied()
        .filter(|algorithm| accepted.contains(algorithm) && declared.is_none_or(|declared| declared == *algorithm))
        .collect();
    if usable.is_empty() {
        return Err("the configuration accepts none of its algorithms");
    }
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| MALFORMED)?;
    let entry = |algorithm| {
        let public = material.parse(algorithm).ok_or(MALFORMED)?;
        let id = common.key_id.as_deref().map(Box::from);
        Ok(Key { id, algorithm, thumbprint: thumbprint.as_str().into(), public })
    };
    usable.into_iter().map(entry).collect()
}

const MALFORMED: &str = "its parameters are no public key";

/// The numbers that a public key consists of.
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Material {
    fn of(parameters: &AlgorithmParameters) -> Result<Self, &'static str> {
        match parameters {
            AlgorithmParameters::RSA(rsa) => Self::rsa(decode(&rsa.n)?, decode(&rsa.e)?),
            AlgorithmParameters::EllipticCurve(curve) => {
                let (x, y) = (decode(&curve.x)?, decode(&curve.y)?);
                match curve.curve {
                    EllipticCurve::P256 => point(&x, &y, 32).map(Self::P256),
                    EllipticCurve::P384 => point(&x, &y, 48).map(Self::P384),
                    _ => Err("its curve is not supported"),
                }
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => decode(&pair.x).map(Self::Ed25519),
            AlgorithmParameters::OctetKeyPair(_) => Err("its curve is not supported"),
            // Whoever holds a shared secret could make the tokens that it verifies, and this one is published.
            AlgorithmParameters::OctetKey(_) => Err("it is a shared secret"),
            _ => Err("its type is not supported"),
        }
    }

    fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, &'static str> {
        let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            return Err("its modulus is not of 2048 to 8192 bits");
        }
        // With an exponent of 1 a signature would be its own message, an even one has no inverse, and small ones have been what made
        // flaws of implementations exploitable (FIPS 186-5 §A.1.1).
        let value = exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if exponent.len() > 4 || value < SMALLEST_EXPONENT || value % 2 == 0 {
            return Err("its exponent is not safe");
        }
        Ok(Self::Rsa { modulus, exponent })
    }

    fn algorithms(&self) -> &'static [Algorithm] {
        use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
        match self {
            Self::Rsa { .. } => &[RS256, RS384, RS512, PS256, PS384, PS512],
            Self::P256(_) => &[ES256],
            Self::P384(_) => &[ES384],
            Self::Ed25519(_) => &[EdDSA],
        }
    }

    /// The key as verification wants it; parsing also proves that a point is on its curve.
    fn parse(&self, algorithm: Algorithm) -> Option<ParsedPublicKey> {
        match self {
            Self::Rsa { modulus, exponent } => {
                RsaPublicKeyComponents { n: modulus, e: exponent }.to_parsed_public_key(rsa_parameters(algorithm)?).ok()
            }
            Self::P256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok(),
            Self::P384(point) => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).ok(),
            Self::Ed25519(point) => ParsedPublicKey::new(&ED25519, point).ok(),
        }
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

/// Some issuers pad numbers, though they must not (RFC 7518 §6.3.1.1); the number is the same.
fn without_leading_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A point in uncompressed form (SEC 1 §2.3.3); both coordinates have the full length (RFC 7518 §6.2.1.2).
fn point(x: &[u8], y: &[u8], length: usize) -> Result<Vec<u8>, &'static str> {
    if x.len() == length && y.len() == length { Ok([&[4], x, y].concat()) } else { Err(MALFORMED) }
}

fn decode(number: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(number).map_err(|_| MALFORMED)
}
