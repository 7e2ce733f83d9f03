//! Passport's tokens, so that nobody has to think about them: minted and renewed in the background, injected by [`TokenLayer`].
//!
//! One source per credential and token URL, however many tenants, workers and snapshots use it. A source has one task, which makes
//! one request for a token at a time; callers only look at what it published, or wait for it within bounds.

use std::sync::Arc;

use http::Uri;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::catalogue::{Catalogue, UpstreamId};
use crate::clock::SharedClock;
use crate::config;
use crate::metrics::Metrics;
use crate::snapshot::CredentialId;

pub use self::bearer::Token;
pub use self::endpoint::{TokenEndpoint, Unanswered};
pub use self::failure::Failure;
pub use self::granted::Granted;
pub use self::layer::{Bearing, TokenLayer};
pub use self::source::Source;
pub use self::status::{State, Status};

use self::expiry::Expiries;
use self::minter::Minter;
use self::revocation::Live;

mod answer;
mod bearer;
mod endpoint;
mod expiry;
mod failure;
mod granted;
mod layer;
mod life;
mod minter;
mod refusals;
mod request;
mod revocation;
mod schedule;
mod secrets;
mod source;
mod status;
#[cfg(test)]
mod testing;

/// The slices of the configuration from which sources are made.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What tokens are asked for with; a [`CredentialId`] is a place among them.
    pub credentials: &'a [config::Credential],
    /// Where tokens are asked for; an [`UpstreamId`] is a place among them.
    pub upstreams: &'a [config::Upstream],
    /// What is promised to tenants, and so needed of tokens.
    pub tenants: &'a [config::Tenant],
    /// The operations that need it.
    pub catalogue: &'a Catalogue,
}

/// The sources of all credentials, shared by every worker.
#[derive(Debug)]
pub struct Tokens {
    /// A row of token URLs for each credential.
    sources: Box<[Arc<Source>]>,
    /// The place in a row of each upstream's token URL.
    places: Box<[Option<usize>]>,
    /// How long a row is.
    width: usize,
}

impl Tokens {
    /// Makes a source for each credential and token URL and starts to mint, on the runtime that calls this.
    ///
    /// The tasks run on `tracker` until `shutdown`, which should not come before the last request has its token.
    pub fn start(
        settings: Settings<'_>,
        endpoint: impl TokenEndpoint,
        clock: &SharedClock,
        metrics: &Arc<Metrics>,
        tracker: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Arc<Self> {
        let (urls, places) = token_urls(settings.upstreams);
        let endpoint = Arc::new(endpoint);
        let mut sources = Vec::with_capacity(settings.credentials.len() * urls.len());
        for credential in settings.credentials {
            let expiries = Expiries::new(&credential.name, urls.len(), metrics);
            for (place, url) in urls.iter().enumerate() {
                let serves = |upstream: usize| places[upstream] == Some(place);
                let promised = granted::promised(credential, settings.tenants, settings.catalogue, serves);
                let source = Arc::new(Source::new(credential.name.clone(), url, promised, Arc::clone(clock)));
                let minter = Minter {
                    source: Arc::clone(&source),
                    credential: credential.clone(),
                    url: url.clone(),
                    endpoint: Arc::clone(&endpoint),
                    expiry: expiries.at(place),
                    metrics: Arc::clone(metrics),
                    clock: Arc::clone(clock),
                    rejected: None,
                    live: Live::default(),
                };
                let span = tracing::info_span!("upstream_token", credential = credential.name.as_str());
                tracker.spawn(minter.run(shutdown.clone()).instrument(span));
                sources.push(source);
            }
        }
        Arc::new(Self { sources: sources.into(), places, width: urls.len() })
    }

    /// The source of a credential's tokens for an upstream; none if the upstream has no URL.
    #[must_use]
    pub fn source(&self, credential: CredentialId, upstream: UpstreamId) -> Option<&Arc<Source>> {
        self.at(usize::from(credential.0), upstream.index())
    }

    /// How each source is doing.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.sources.iter().map(|source| source.status()).collect()
    }

    /// Waits until each source has ended its first attempt, either way.
    pub async fn attempted(&self) {
        for source in &self.sources {
            source.attempted().await;
        }
    }

    fn at(&self, credential: usize, upstream: usize) -> Option<&Arc<Source>> {
        let place = self.places.get(upstream).copied().flatten()?;
        self.sources.get(credential * self.width + place)
    }
}

/// The distinct token URLs of upstreams that are in use, and each upstream's place among them.
fn token_urls(upstreams: &[config::Upstream]) -> (Vec<Uri>, Box<[Option<usize>]>) {
    let mut urls: Vec<Uri> = Vec::new();
    let mut place = |upstream: &config::Upstream| {
        let url = upstream.base.as_ref().and(upstream.token_url.as_ref())?;
        let known = urls.iter().position(|known| known == url);
        Some(known.unwrap_or_else(|| {
            urls.push(url.clone());
            urls.len() - 1
        }))
    };
    let places = upstreams.iter().map(&mut place).collect();
    (urls, places)
}

#[cfg(test)]
mod tests;
