//! Layer 13: answers reads from memory, one upstream call for all who ask for the same, and forgets what writes make untrue.
//!
//! It follows RFC 9111 for a shared cache. An entry is used only for the tenant and credential it was made for, so that answers to
//! requests with `Authorization` may be kept (the one departure, §3.5). A caller's `Range` and `only-if-cached` are not
//! heeded, which the RFCs allow: a range is answered whole, and what is not cached is asked for. HEAD is answered as GET is, from
//! the same entries: what goes up is the operation's own method.

use std::sync::Arc;

use tower_layer::Layer;

use self::control::CacheControl;
use self::freshness::Use;
use self::miss::{Fetched, is_failure};
use self::store::{Entry, Found};
use crate::exchange::{CacheResult, CacheStatus};
use crate::refusal::Refusal;
use crate::service::{Response, Service};
use crate::stage::Validated;

pub use self::response_cache::{CacheReport, ResponseCache};

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
mod response_cache;
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
        if !operation.invalidates.is_empty() {
            write::write(&self.cache, &*self.inner, request).await
        } else if operation.cache.is_some() {
            self.read(request).await
        } else {
            self.inner.call(request).await
        }
    }
}

impl<S: Service<Validated, Error = Refusal>> Cache<S> {
    async fn read(&self, request: Validated) -> Result<Response, Refusal> {
        let control = CacheControl::of(&request.head().headers);
        if !self.cache.concerns(&request, &control) {
            self.cache.tell(&request, CacheStatus { result: CacheResult::Bypass, ttl: None, stored: false });
            return self.inner.call(request).await;
        }
        let found = self.cache.find(&request);
        let mut fallback = None;
        if let Found::Entry(entry) = &found {
            match entry.freshness.good_for(&control, self.cache.clock().now()) {
                Use::Fresh => return Ok(self.serve(&request, entry, CacheResult::Hit)),
                Use::AcceptedStale => return Ok(self.serve(&request, entry, CacheResult::Stale)),
                Use::WhileRevalidate => {
                    self.renew(&request);
                    return Ok(self.serve(&request, entry, CacheResult::Stale));
                }
                Use::IfError => fallback = Some(entry),
                Use::Not => {}
            }
        }
        let Fetched { answer, status } = self.fetch(&request, &control, &found).await;
        if let Some(entry) = fallback.filter(|entry| is_failure(&answer) && self.may_stand_in(entry, &control)) {
            return Ok(self.serve(&request, entry, CacheResult::Stale));
        }
        self.cache.tell(&request, status);
        answer
    }

    /// Whether an entry may still be served in place of a failure: a write may have come in between.
    fn may_stand_in(&self, entry: &Entry, control: &CacheControl) -> bool {
        let good_for = entry.freshness.good_for(control, self.cache.clock().now());
        entry.epoch.is_current() && good_for == Use::IfError
    }

    fn serve(&self, request: &Validated, entry: &Entry, result: CacheResult) -> Response {
        let (response, status) = self.recall(request, entry, result);
        self.cache.tell(request, status);
        response
    }
}

#[cfg(test)]
mod tests;
