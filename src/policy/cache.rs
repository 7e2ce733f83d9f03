//! Layer 15: answers reads from memory, one upstream call for all who ask for the same, and forgets what writes make untrue.
//!
//! It follows RFC 9111 for a shared cache. An entry is used only for the tenant and credential it was made for, so that answers to
//! requests with `Authorization` may be kept (the one departure, §3.5). A caller's `Range` is not heeded, which RFC 9110 §14.2
//! allows: a range is answered whole. HEAD is answered as GET is, from the same entries: what goes up is the operation's own method.

use std::sync::Arc;

use http::Method;
use tokio::time::Instant;
use tower_layer::Layer;

use self::control::CacheControl;
use self::freshness::Use;
use self::miss::{Fetched, is_failure};
use self::store::{Entry, Found};
use crate::exchange::{CacheResult, CacheStatus, Forward};
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Validated;

pub use self::report::CacheReport;
pub use self::response_cache::ResponseCache;

mod answer;
mod collect;
mod conditional;
mod control;
mod fill;
mod flight;
mod freshness;
mod generation;
mod key;
mod list;
mod miss;
mod renewal;
mod replicas;
mod report;
mod response_cache;
mod room;
mod store;
mod write;

/// Puts the cache before a service.
#[derive(Clone, Debug)]
pub struct CacheLayer(Arc<ResponseCache>);

impl CacheLayer {
    /// Uses the gateway's one cache.
    #[must_use]
    pub fn new(cache: Arc<ResponseCache>) -> Self {
        Self(cache)
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = Cache<S>;

    fn layer(&self, inner: S) -> Cache<S> {
        Cache { cache: Arc::clone(&self.0), inner: Arc::new(inner) }
    }
}

/// The service of [`CacheLayer`].
#[derive(Debug)]
pub struct Cache<S> {
    cache: Arc<ResponseCache>,
    inner: Arc<S>,
}

impl<S: Service<Validated, Error = Refusal>> Service<Validated> for Cache<S> {
    type Error = Refusal;

    async fn call(&self, request: Validated) -> Result<Response, Refusal> {
        let operation = request.operation();
        if operation.invalidates.is_empty() {
            self.read(request).await
        } else {
            Box::pin(write::write(&self.cache, &*self.inner, request)).await
        }
    }
}

impl<S: Service<Validated, Error = Refusal>> Cache<S> {
    async fn read(&self, request: Validated) -> Result<Response, Refusal> {
        let control = CacheControl::of(&request.head().headers);
        if !self.cache.concerns(&request, &control) {
            return self.pass(request, &control).await;
        }
        let found = self.cache.find(&request);
        let now = self.cache.clock().now();
        let good_for = match &found {
            Found::Entry(entry) => self.cache.good_for(entry, &control, now),
            Found::Nothing | Found::Other | Found::Alone(_) => Use::Not,
        };
        match (&found, good_for) {
            (Found::Entry(entry), Use::Fresh) => return Ok(self.serve(&request, entry, CacheResult::Hit)),
            (Found::Entry(entry), Use::AcceptedStale) => return Ok(self.serve(&request, entry, CacheResult::Stale)),
            (Found::Entry(entry), Use::WhileRevalidate) => {
                if !control.only_if_cached {
                    self.renew(&request, entry);
                }
                return Ok(self.serve(&request, entry, CacheResult::Stale));
            }
            _ if control.only_if_cached => return self.decline(&request),
            _ => {}
        }
        let why = why(&found, now);
        // In an allocation of its own: hits need not carry what only a call upstream does.
        let Fetched { answer, status } = Box::pin(self.fetch(&request, &control, &found, why)).await;
        if let Found::Entry(entry) = &found
            && is_failure(&answer)
            && self.may_stand_in(entry, &control)
        {
            return Ok(self.stand_in(&request, entry, &answer, &status));
        }
        self.cache.tell(&request, status);
        answer
    }

    /// Lets a request by that is not for the cache.
    async fn pass(&self, request: Validated, control: &CacheControl) -> Result<Response, Refusal> {
        if control.only_if_cached && retrieves(&request) {
            return self.decline(&request);
        }
        if request.operation().cache.is_some() {
            self.cache.tell(&request, CacheStatus::forwarded(CacheResult::Bypass, Forward::Bypass));
        }
        self.inner.call(request).await
    }

    /// Refuses a request that takes nothing but what is stored (RFC 9111 §5.2.1.7).
    fn decline(&self, request: &Validated) -> Result<Response, Refusal> {
        if request.operation().cache.is_some() {
            self.cache.tell(request, CacheStatus::declined("only-if-cached"));
        }
        Err(Refusal::NotCached)
    }

    /// Whether an entry may still be served in place of a failure: a write may have come in between.
    fn may_stand_in(&self, entry: &Entry, control: &CacheControl) -> bool {
        let good_for = self.cache.good_for(entry, control, self.cache.clock().now());
        entry.epoch.is_current() && good_for == Use::IfError
    }

    /// Serves a stale entry in place of a failure, and says which.
    fn stand_in(&self, request: &Validated, entry: &Entry, failure: &Result<Response, Refusal>, up: &CacheStatus) -> Response {
        let (response, stale) = self.recall(request, entry, CacheResult::Stale);
        let (forward_status, detail) = match failure {
            Ok(response) => (Some(up.forward_status.unwrap_or(response.status())), None),
            Err(refusal) => (None, Some(refusal.kind().name)),
        };
        let told =
            CacheStatus { result: CacheResult::Stale, forward_status, detail, ttl: stale.ttl, stored: false, ..up.clone() };
        self.cache.tell(request, told);
        response
    }

    fn serve(&self, request: &Validated, entry: &Entry, result: CacheResult) -> Response {
        let (response, status) = self.recall(request, entry, result);
        self.cache.tell(request, status);
        response
    }
}

/// Why what was found does not answer a request.
fn why(found: &Found, now: Instant) -> Forward {
    match found {
        Found::Entry(entry) if entry.freshness.is_stale(now) => Forward::Stale,
        Found::Entry(_) => Forward::Request,
        Found::Other => Forward::VaryMiss,
        Found::Nothing | Found::Alone(_) => Forward::UriMiss,
    }
}

/// Whether a request asks for a representation and brings none.
fn retrieves(request: &Validated) -> bool {
    matches!(request.head().method, Method::GET | Method::HEAD) && request.body().is_empty()
}

#[cfg(test)]
mod tests;
