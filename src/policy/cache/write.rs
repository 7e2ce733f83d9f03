//! Writes: what they make untrue is invalidated before their answer is handed back, and other replicas are told.

use http::StatusCode;

use super::response_cache::ResponseCache;
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Validated;

/// Answers that come from a write which may have happened all the same: Passport, or a proxy before it, gave up waiting, fears a
/// replay, or found another state than the caller believes in.
const DOUBTFUL: [u16; 4] = [408, 409, 425, 499];

/// Runs a write and invalidates the operations it names, for its account, unless it surely changed nothing.
///
/// One invalidation at the end is enough, and one at the beginning would be wrong: whatever was asked for before the end is of
/// an older generation then, whether it began before the write or while it was under way; and a write that turns out to
/// have changed nothing costs nobody their entries.
pub(super) async fn write<S>(cache: &ResponseCache, inner: &S, request: Validated) -> Result<Response, Refusal>
where
    S: Service<Validated, Error = Refusal>,
{
    let mut pending = Pending { cache, request: request.clone(), changes: true };
    let answer = inner.call(request).await;
    pending.changes = may_have_changed(&answer);
    let changes = pending.changes;
    drop(pending);
    if changes {
        cache.told().await;
    }
    answer
}

/// Invalidates when it is dropped, so also if the write is cut off or panics.
struct Pending<'a> {
    cache: &'a ResponseCache,
    request: Validated,
    changes: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.changes {
            let catalogue = &self.request.snapshot().catalogue;
            let named = self.request.operation().invalidates.iter().map(|id| &*catalogue.operation(id).name);
            self.cache.invalidate(&self.request.credential().1.account, &named.collect::<Vec<_>>());
        }
    }
}

/// Everything but a refusal that sent nothing and a plain 4xx.
fn may_have_changed(answer: &Result<Response, Refusal>) -> bool {
    match answer {
        Ok(response) => !is_plain_refusal(response.status()),
        Err(refusal) => refusal.sent() == Sent::Something,
    }
}

fn is_plain_refusal(status: StatusCode) -> bool {
    status.is_client_error() && !DOUBTFUL.contains(&status.as_u16())
}
