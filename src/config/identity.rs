//! What makes a thing of the configuration itself: as long as that is unchanged, what was learned about it stays of use.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};

use super::settings::{Credential, Issuer, SecretSource};

/// The identity of something configured: equal if everything is that matters. Shows nothing of it, since it may hold secrets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(u128);

impl Identity {
    /// The identity of what has these parts, in this order.
    #[must_use]
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let mut digest = Context::new(&SHA256);
        for part in parts {
            // Lengths first, so that no two lists of parts look alike.
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finish();
        let half = digest.as_ref().first_chunk().expect("a digest of 32 bytes has 16");
        Self(u128::from_be_bytes(*half))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl Credential {
    /// What its tokens, and the answers got with them, belong to: all but the quota, which counts by name.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let Self { name, client_id, client_secret, token_request, account, quota: _, revoke_on_shutdown } = self;
        let kind = format!("{token_request:?} {revoke_on_shutdown}");
        let ([id_kind, id], [secret_kind, secret]) = (parts(client_id), parts(client_secret));
        Identity::of([name.as_str().as_bytes(), id_kind, id, secret_kind, secret, kind.as_bytes(), account.as_bytes()])
    }
}

impl Issuer {
    /// What its keys belong to.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let Self { issuer, audience: _, algorithms, keys, refresh, tenant: _ } = self;
        Identity::of([issuer.as_bytes(), format!("{algorithms:?} {keys:?} {refresh:?}").as_bytes()])
    }
}

/// The place of a secret, or a literal itself; what a file or variable holds is read anew for each use.
fn parts(source: &SecretSource) -> [&[u8]; 2] {
    match source {
        SecretSource::File(path) => [b"file", path.as_os_str().as_encoded_bytes()],
        SecretSource::Env(name) => [b"env", name.as_bytes()],
        SecretSource::Literal(secret) => [b"literal", secret.expose().as_bytes()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;
    use crate::secret::Secret;
    use crate::testing::credential;

    #[test]
    fn a_credential_is_itself_until_something_that_its_tokens_depend_on_changes() {
        let one = credential("acme");
        let rate = Rate {
            requests: std::num::NonZeroU32::MIN,
            per: std::time::Duration::from_secs(1),
            burst: std::num::NonZeroU32::MIN,
        };
        let limited = Credential {
            quota: Some(crate::config::Limit { rate, shadow: false, jitter: std::time::Duration::ZERO }),
            ..one.clone()
        };
        let changed = [
            credential("other"),
            Credential { client_secret: SecretSource::Literal(Secret::new("new".to_owned())), ..one.clone() },
            Credential { client_id: SecretSource::File("/id".into()), ..one.clone() },
            Credential { client_id: SecretSource::Env("/id".into()), ..one.clone() },
            Credential { account: "other".into(), ..one.clone() },
            Credential { revoke_on_shutdown: true, ..one.clone() },
        ];

        assert_eq!(one.identity(), limited.identity());
        for (place, changed) in changed.iter().enumerate() {
            assert!(changed.identity() != one.identity(), "{place}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert!(Identity::of([&b"ab"[..], b"c"]) != Identity::of([&b"a"[..], b"bc"]));
    }
}
