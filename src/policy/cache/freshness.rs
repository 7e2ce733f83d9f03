//! How long an answer may be used (RFC 9111 §4.2), and whether it may be kept at all (§3).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use tokio::time::Instant;

use super::control::{CacheControl, delta_seconds};
use super::key::Selectors;
use super::list::{members, text};
use crate::catalogue::CacheRule;
use crate::config;
use crate::refusal::whole_seconds;

/// An answer's age and life. Age counts from the instant at which the answer was asked for, not from when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    asked: Instant,
    initial_age: Duration,
    lifetime: Duration,
    while_revalidate: Duration,
    if_error: Duration,
    must_revalidate: bool,
}

/// What a stored answer is good for, to one request at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It may be served.
    Fresh,
    /// It may be served though it is stale, because the caller says so.
    AcceptedStale,
    /// It may be served while it is renewed (RFC 5861 §3).
    WhileRevalidate,
    /// It may be served if renewing it fails (RFC 5861 §4).
    IfError,
    /// It may not be served.
    Not,
}

/// What is known when an answer has come.
pub(super) struct Received<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub fields: &'a HeaderMap,
    /// When it was asked for.
    pub asked: Instant,
    /// When its head came.
    pub came: Instant,
    /// The same on the wall's clock.
    pub wall: SystemTime,
}

impl Freshness {
    /// The freshness of an answer that may be stored; `None` where it may not.
    ///
    /// The catalogue's TTL holds where the upstream is silent; a shorter upstream freshness wins, and so do `no-store`, `private`
    /// and `no-cache`. The one departure from RFC 9111 is §3.5: answers to requests with `Authorization` are kept, because
    /// they are used again only for the same tenant and credential.
    pub(super) fn of(received: &Received<'_>, rule: CacheRule, settings: config::Cache, now: Instant) -> Option<Self> {
        let control = CacheControl::of_answer(received.fields);
        if !is_final_and_whole(received, rule) || control.no_store || control.private || control.no_cache {
            return None;
        }
        let stale = |setting: Duration, upstream: Option<Duration>| match upstream {
            _ if control.must_revalidate => Duration::ZERO,
            Some(upstream) => upstream.min(setting),
            None => setting,
        };
        let told = age_field(received.fields).unwrap_or_default();
        let upstream = upstream_lifetime(received, control);
        // Its clock counts only where it sets a life by it; one that is behind must not keep all else out of the cache.
        let initial_age = told.max(upstream.map_or(Duration::ZERO, |_| apparent_age(received)));
        let ttl = rule.ttl + initial_age.saturating_sub(told);
        let freshness = Self {
            asked: received.asked,
            initial_age,
            lifetime: upstream.map_or(ttl, |upstream| upstream.min(ttl)),
            while_revalidate: stale(settings.stale_while_revalidate, control.stale_while_revalidate),
            if_error: stale(settings.stale_if_error, control.stale_if_error),
            must_revalidate: control.must_revalidate,
        };
        (freshness.age(now) < freshness.lifetime).then_some(freshness)
    }

    /// Whether the answer is stale, whoever asks.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.age(now) >= self.lifetime
    }

    /// The answer's current age (RFC 9111 §4.2.3).
    pub(super) fn age(&self, now: Instant) -> Duration {
        self.initial_age + now.saturating_duration_since(self.asked)
    }

    /// Freshness left in whole seconds, as `Cache-Status` tells it; negative once stale.
    pub(super) fn ttl(&self, now: Instant) -> i64 {
        let age = self.age(now);
        match self.lifetime.checked_sub(age) {
            Some(left) => i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            None => -i64::try_from(whole_seconds(age.saturating_sub(self.lifetime))).unwrap_or(i64::MAX),
        }
    }

    /// What the answer is good for to a request with these directives (RFC 9111 §4.2.4, §5.2.1).
    pub(super) fn good_for(&self, request: &CacheControl, now: Instant) -> Use {
        let age = self.age(now);
        let too_old = request.no_cache || request.max_age.is_some_and(|most| most.is_zero() || age > most);
        let Some(staleness) = age.checked_sub(self.lifetime) else {
            let too_short = request.min_fresh.is_some_and(|least| self.lifetime.saturating_sub(age) < least);
            return if too_old || too_short { Use::Not } else { Use::Fresh };
        };
        if too_old || request.min_fresh.is_some() || self.must_revalidate {
            Use::Not
        } else if request.max_stale.is_some_and(|most| staleness <= most) {
            Use::AcceptedStale
        } else if staleness < self.while_revalidate {
            Use::WhileRevalidate
        } else if staleness < self.if_error {
            Use::IfError
        } else {
            Use::Not
        }
    }
}

/// A whole 200, or a list's documented 404; with nothing in it that is meant for one receiver.
fn is_final_and_whole(received: &Received<'_>, rule: CacheRule) -> bool {
    let status = received.status == StatusCode::OK || (rule.not_found && received.status == StatusCode::NOT_FOUND);
    let fields = received.fields;
    status
        && !fields.contains_key(header::CONTENT_RANGE)
        && !fields.contains_key(header::SET_COOKIE)
        && Selectors::of(fields).is_some()
}

/// RFC 9111 §4.2.1, in its order: `s-maxage`, `max-age`, `Expires` less `Date`; `None` where the upstream is silent.
fn upstream_lifetime(received: &Received<'_>, control: CacheControl) -> Option<Duration> {
    control.s_maxage.or(control.max_age).or_else(|| {
        let mut expires = received.fields.get_all(header::EXPIRES).iter();
        let first = expires.next()?;
        let date = received.fields.get(header::DATE).and_then(|date| http_date(date.as_bytes())).unwrap_or(received.wall);
        // An `Expires` that is no date, such as `0`, or that is given twice, lies in the past (RFC 9111 §5.3).
        let at = http_date(first.as_bytes()).filter(|_| expires.next().is_none());
        Some(at.and_then(|at| at.duration_since(date).ok()).unwrap_or_default())
    })
}

/// The first `Age`; one that is no number counts as none (RFC 9111 §5.1).
pub(super) fn age_field(fields: &HeaderMap) -> Option<Duration> {
    members(fields, &header::AGE).next().and_then(delta_seconds)
}

/// How old an answer was when it was asked for, by its `Date`; in whole seconds, as that is (RFC 9111 §4.2.3).
fn apparent_age(received: &Received<'_>) -> Duration {
    let date = received.fields.get(header::DATE).and_then(|date| http_date(date.as_bytes()));
    let age = date.and_then(|date| received.wall.duration_since(date).ok()).unwrap_or_default();
    Duration::from_secs(age.as_secs()).saturating_sub(received.came.saturating_duration_since(received.asked))
}

/// An HTTP date in any of its three forms (RFC 9110 §5.6.7).
pub(super) fn http_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(text(value)?).ok()
}

#[cfg(test)]
mod tests;
