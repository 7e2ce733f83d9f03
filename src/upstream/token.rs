//! Passport's tokens, so that nobody has to think about them: minted and renewed in the background, injected by [`TokenLayer`].
//!
//! One source per credential and token URL, however many tenants, workers and snapshots use it. A source has one task, which makes
//! one request for a token at a time; callers only look at what it published, or wait for it within bounds.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Uri;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::catalogue::{Catalogue, UpstreamId};
use crate::clock::SharedClock;
use crate::config::{self, Identity};
use crate::metrics::Metrics;

pub use self::bearer::Token;
pub use self::endpoint::{TokenEndpoint, Unanswered};
pub use self::failure::Failure;
pub use self::granted::Granted;
pub use self::layer::{Bearing, TokenLayer};
pub use self::source::Source;
pub use self::status::{State, Status};

use self::expiry::{Expiries, Expiry};
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
    /// What tokens are asked for with.
    pub credentials: &'a [config::Credential],
    /// Where tokens are asked for; an [`UpstreamId`] is a place among them.
    pub upstreams: &'a [config::Upstream],
    /// What is promised to tenants, and so needed of tokens.
    pub tenants: &'a [config::Tenant],
    /// The operations that need it.
    pub catalogue: &'a Catalogue,
}

/// The sources of all credentials, shared by every worker, and the one place that starts and ends them.
///
/// A credential keeps its sources for as long as its identity is in the configuration, and then until no request is left that
/// was begun under a configuration that had it.
pub struct Tokens {
    /// Replaced whole, and seldom: a request only looks.
    table: ArcSwap<Table>,
    urls: Box<[Uri]>,
    /// The place in a row of each upstream's token URL.
    places: Box<[Option<usize>]>,
    clock: SharedClock,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    mint: Box<Mint>,
}

/// Starts a source's minter, whatever it asks.
type Mint = dyn Fn(&config::Credential, &Uri, Arc<Source>, Expiry, CancellationToken) + Send + Sync;

/// A row of token URLs for each credential.
#[derive(Default)]
struct Table {
    /// Those in force, in the order of the configuration.
    rows: Vec<Arc<Row>>,
    /// Those that only requests under way may still need.
    retiring: Vec<Arc<Row>>,
}

/// A credential's sources, one for each token URL.
struct Row {
    identity: Identity,
    sources: Box<[Arc<Source>]>,
    expiries: Expiries,
    ended: CancellationToken,
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
        let tokens = Self {
            table: ArcSwap::default(),
            urls: urls.into(),
            places,
            clock: Arc::clone(clock),
            metrics: Arc::clone(metrics),
            shutdown: shutdown.clone(),
            mint: mint(endpoint, Arc::clone(clock), Arc::clone(metrics), tracker.clone()),
        };
        tokens.adopt(settings);
        Arc::new(tokens)
    }

    /// Serves these credentials from now on, on the runtime that calls this. Those that it serves already go on as they were; the
    /// others are kept until [`Self::retire`]. Where tokens come from does not change.
    pub fn adopt(&self, settings: Settings<'_>) {
        let before = self.table.load_full();
        let row = |credential: &config::Credential| {
            let row = before.find(credential.identity()).unwrap_or_else(|| Arc::new(self.row(credential)));
            for (place, source) in row.sources.iter().enumerate() {
                let serves = |upstream: usize| self.places[upstream] == Some(place);
                source.promise(granted::promised(credential, settings.tenants, settings.catalogue, serves));
            }
            row
        };
        let rows: Vec<_> = settings.credentials.iter().map(row).collect();
        let is_kept = |row: &&Arc<Row>| !rows.iter().any(|kept| kept.identity == row.identity);
        let retiring: Vec<_> = before.rows.iter().chain(&before.retiring).filter(is_kept).cloned().collect();
        // First those that go fall silent, since one that comes may have the name of one that goes.
        for row in &retiring {
            row.expiries.hush();
        }
        for row in &rows {
            row.expiries.tell();
        }
        self.table.store(Arc::new(Table { rows, retiring }));
    }

    /// Ends the sources of credentials that are neither configured any more nor, by `is_used`, needed by any request.
    pub fn retire(&self, is_used: impl Fn(Identity) -> bool) {
        let before = self.table.load_full();
        let (retiring, ended): (Vec<_>, Vec<_>) = before.retiring.iter().cloned().partition(|row| is_used(row.identity));
        if !ended.is_empty() {
            for row in ended {
                row.ended.cancel();
            }
            self.table.store(Arc::new(Table { rows: before.rows.clone(), retiring }));
        }
    }

    /// The source of a credential's tokens for an upstream; none if the upstream has no URL.
    #[must_use]
    pub fn source(&self, credential: Identity, upstream: UpstreamId) -> Option<Arc<Source>> {
        self.at(credential, upstream.index())
    }

    /// How each source is doing.
    #[must_use]
    pub fn statuses(&self) -> Vec<Status> {
        self.sources().iter().map(|source| source.status()).collect()
    }

    /// Waits until each source has ended its first attempt, either way.
    pub async fn attempted(&self) {
        for source in self.sources() {
            source.attempted().await;
        }
    }

    fn at(&self, credential: Identity, upstream: usize) -> Option<Arc<Source>> {
        let place = self.places.get(upstream).copied().flatten()?;
        self.table.load().find(credential)?.sources.get(place).cloned()
    }

    fn sources(&self) -> Vec<Arc<Source>> {
        self.table.load().rows.iter().flat_map(|row| row.sources.iter().cloned()).collect()
    }

    fn row(&self, credential: &config::Credential) -> Row {
        let expiries = Expiries::new(&credential.name, self.urls.len(), &self.metrics);
        let ended = self.shutdown.child_token();
        let source = |(place, url): (usize, &Uri)| {
            let source = Arc::new(Source::new(credential.name.clone(), url, Arc::clone(&self.clock)));
            (self.mint)(credential, url, Arc::clone(&source), expiries.at(place), ended.clone());
            source
        };
        let sources = self.urls.iter().enumerate().map(source).collect();
        Row { identity: credential.identity(), sources, expiries, ended }
    }
}

impl Table {
    fn find(&self, credential: Identity) -> Option<Arc<Row>> {
        self.rows.iter().chain(&self.retiring).find(|row| row.identity == credential).cloned()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("sources", &self.sources()).finish_non_exhaustive()
    }
}

/// How minters are started that ask `endpoint`.
fn mint<E: TokenEndpoint>(endpoint: E, clock: SharedClock, metrics: Arc<Metrics>, tracker: TaskTracker) -> Box<Mint> {
    let endpoint = Arc::new(endpoint);
    Box::new(move |credential, url, source, expiry, ended| {
        let minter = Minter {
            source,
            credential: credential.clone(),
            url: url.clone(),
            endpoint: Arc::clone(&endpoint),
            expiry,
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            rejected: None,
            live: Live::default(),
        };
        let span = tracing::info_span!("upstream_token", credential = credential.name.as_str());
        tracker.spawn(minter.run(ended).instrument(span));
    })
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
