//! The metrics that tell a token's age and when it expires: of the one that expires first, where a credential has several.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::metrics::{Credential, Metrics};
use crate::tenant::CredentialName;

/// The lives of one credential's tokens.
#[derive(Clone, Debug)]
pub(super) struct Expiries {
    credential: CredentialName,
    lives: Arc<Mutex<Lives>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Lives {
    spans: Box<[Option<Span>]>,
    /// Not for a credential that is no longer configured: nobody is to be alarmed about its tokens.
    told: bool,
}

/// The life of one of them.
#[derive(Debug)]
pub(super) struct Expiry {
    all: Expiries,
    place: usize,
}

/// A life in Unix seconds; spans are ordered by their ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    expires: i64,
    minted: i64,
}

impl Expiries {
    /// The lives of so many tokens of a credential.
    pub(super) fn new(credential: &CredentialName, count: usize, metrics: &Arc<Metrics>) -> Self {
        let lives = Arc::new(Mutex::new(Lives { spans: vec![None; count].into(), told: true }));
        Self { credential: credential.clone(), lives, metrics: Arc::clone(metrics) }
    }

    /// The life of the token at this place.
    pub(super) fn at(&self, place: usize) -> Expiry {
        Expiry { all: self.clone(), place }
    }

    /// Tells them, from now on.
    pub(super) fn tell(&self) {
        let mut lives = self.lives();
        lives.told = true;
        self.show(&lives);
    }

    /// Tells no more of them, and takes back what was told.
    pub(super) fn hush(&self) {
        let mut lives = self.lives();
        if std::mem::replace(&mut lives.told, false) {
            let labels = Credential { credential: self.credential.as_str() };
            self.metrics.upstream_token_minted_timestamp_seconds.remove(&labels);
            self.metrics.upstream_token_expiry_timestamp_seconds.remove(&labels);
        }
    }

    /// Both gauges speak of the same token, so that their difference is its whole life.
    fn show(&self, lives: &Lives) {
        let first = lives.spans.iter().flatten().min().filter(|_| lives.told);
        if let Some(first) = first {
            let labels = || Credential { credential: self.credential.as_str() };
            self.metrics.upstream_token_minted_timestamp_seconds.with(labels()).set(first.minted);
            self.metrics.upstream_token_expiry_timestamp_seconds.with(labels()).set(first.expires);
        }
    }

    fn lives(&self) -> MutexGuard<'_, Lives> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expiry {
    /// Tells from when until when the newest token lives.
    pub(super) fn set(&self, minted: SystemTime, expires: SystemTime) {
        let mut lives = self.all.lives();
        lives.spans[self.place] = Some(Span { expires: seconds(expires), minted: seconds(minted) });
        self.all.show(&lives);
    }
}

fn seconds(at: SystemTime) -> i64 {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_several_tokens_the_one_that_expires_first_is_told() {
        let metrics = Arc::new(Metrics::new());
        let expiries = Expiries::new(&CredentialName::new("acme"), 3, &metrics);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);

        expiries.at(0).set(at(100), at(900));
        expiries.at(2).set(at(200), at(500));
        let labels = || Credential { credential: "acme" };
        let told = || {
            let minted = metrics.upstream_token_minted_timestamp_seconds.with(labels()).get();
            (minted, metrics.upstream_token_expiry_timestamp_seconds.with(labels()).get())
        };

        assert_eq!(told(), (200, 500));
        expiries.at(2).set(at(300), at(1000));
        assert_eq!(told(), (100, 900));
    }

    #[test]
    fn nothing_is_told_of_a_credential_that_is_gone_until_it_is_back() {
        let metrics = Arc::new(Metrics::new());
        let expiries = Expiries::new(&CredentialName::new("acme"), 1, &metrics);
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let is_told = || metrics.render().unwrap().contains(r#"token_expiry_timestamp_seconds{credential="acme"} 900"#);
        expiries.at(0).set(at(100), at(900));
        assert!(is_told());

        expiries.hush();
        expiries.at(0).set(at(100), at(900));
        assert!(!is_told());

        expiries.tell();
        assert!(is_told());
    }
}
