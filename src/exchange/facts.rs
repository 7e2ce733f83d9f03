//! Facts with more than one part: what the cache did, and where a limit stands.

use http::{HeaderValue, StatusCode};

use crate::fields::Line;

/// How the cache dealt with a request (RFC 9211).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// Which way the answer came.
    pub result: CacheResult,
    /// Why the request went up; none if the cache answered it.
    pub forward: Option<Forward>,
    /// What Passport answered, where the caller got another status.
    pub forward_status: Option<StatusCode>,
    /// Whether the answer was stored.
    pub stored: bool,
    /// Whether the answer is one that another request had asked for.
    pub collapsed: bool,
    /// Freshness left in seconds; negative when stale.
    pub ttl: Option<i64>,
    /// What else there is to say, in one word.
    pub detail: Option<&'static str>,
}

/// Why the cache let a request go up (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// It is not for the cache.
    Bypass,
    /// Nothing is stored for its target.
    UriMiss,
    /// What is stored for its target answers requests with other fields.
    VaryMiss,
    /// What is stored is stale.
    Stale,
    /// What is stored is fresh, but the request does not want it.
    Request,
}

/// Which way an answer came, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheResult {
    /// From the cache, fresh.
    Hit,
    /// From upstream: nothing was stored.
    Miss,
    /// From the cache, stale.
    Stale,
    /// From the cache, after upstream confirmed it.
    Revalidated,
    /// From another request's upstream call.
    Collapsed,
    /// From upstream: the cache was not asked.
    Bypass,
}

impl CacheResult {
    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Revalidated => "revalidated",
            Self::Collapsed => "collapsed",
            Self::Bypass => "bypass",
        }
    }
}

/// The tightest limit that counted a request, as the `RateLimit` fields tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitState {
    /// The policy's name.
    pub policy: &'static str,
    /// What the policy says of itself.
    pub policy_field: HeaderValue,
    /// `r`: requests admitted now.
    pub remaining: u32,
    /// `t`: seconds to the next.
    pub reset: u64,
}

impl CacheStatus {
    /// The answer came from the cache and has so many seconds left.
    #[must_use]
    pub const fn hit(result: CacheResult, ttl: i64) -> Self {
        Self { ttl: Some(ttl), ..Self::new(result, None) }
    }

    /// The request went up.
    #[must_use]
    pub const fn forwarded(result: CacheResult, forward: Forward) -> Self {
        Self::new(result, Some(forward))
    }

    /// It went neither up, nor was it answered from the cache.
    #[must_use]
    pub const fn declined(detail: &'static str) -> Self {
        Self { detail: Some(detail), ..Self::new(CacheResult::Miss, None) }
    }

    /// `Cache-Status` (RFC 9211 §2): this cache, and what it did; never the key.
    #[must_use]
    pub fn field(&self) -> HeaderValue {
        let mut line = Line::of("passport-gateway");
        match (self.forward, self.result) {
            (Some(forward), _) => line.push("; fwd=").push(forward.token()),
            (None, CacheResult::Hit | CacheResult::Stale) => line.push("; hit"),
            (None, _) => &mut line,
        };
        if let Some(status) = self.forward_status {
            line.push("; fwd-status=").push(status.as_str());
        }
        if self.stored {
            line.push("; stored");
        }
        if self.collapsed {
            line.push("; collapsed");
        }
        if let Some(ttl) = self.ttl {
            line.push("; ttl=").push_number(ttl);
        }
        if let Some(detail) = self.detail {
            line.push("; detail=").push(detail);
        }
        line.value()
    }

    const fn new(result: CacheResult, forward: Option<Forward>) -> Self {
        Self { result, forward, forward_status: None, stored: false, collapsed: false, ttl: None, detail: None }
    }
}

impl LimitState {
    /// `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10.
    #[must_use]
    pub fn field(&self) -> HeaderValue {
        let mut line = Line::of("\"");
        line.push(self.policy).push("\";r=").push_number(self.remaining).push(";t=").push_number(self.reset);
        line.value()
    }
}

impl Forward {
    /// The token of RFC 9211 §2.2.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refusal;

    fn shown(status: &CacheStatus) -> String {
        status.field().to_str().unwrap().replacen("passport-gateway", "", 1)
    }

    #[test]
    fn a_cache_status_is_a_structured_field_with_the_parameters_of_rfc_9211() {
        let miss = CacheStatus::forwarded(CacheResult::Miss, Forward::UriMiss);
        let stored = CacheStatus { stored: true, ttl: Some(5), ..miss.clone() };
        let collapsed = CacheStatus { collapsed: true, ..stored.clone() };
        let renewed = CacheStatus {
            forward_status: Some(StatusCode::NOT_MODIFIED),
            ..CacheStatus::forwarded(CacheResult::Revalidated, Forward::Stale)
        };

        assert_eq!(shown(&CacheStatus::hit(CacheResult::Hit, 12)), "; hit; ttl=12");
        assert_eq!(shown(&CacheStatus::hit(CacheResult::Stale, -1)), "; hit; ttl=-1");
        assert_eq!(shown(&miss), "; fwd=uri-miss");
        assert_eq!(shown(&stored), "; fwd=uri-miss; stored; ttl=5");
        assert_eq!(shown(&collapsed), "; fwd=uri-miss; stored; collapsed; ttl=5");
        assert_eq!(shown(&renewed), "; fwd=stale; fwd-status=304");
        assert_eq!(shown(&CacheStatus::declined("only-if-cached")), "; detail=only-if-cached");
    }

    #[test]
    fn a_limit_is_told_as_a_structured_field() {
        let policy_field = HeaderValue::from_static(r#""tenant";q=200;w=2"#);
        let limit = LimitState { policy: "tenant", policy_field, remaining: 17, reset: 1 };

        assert_eq!(limit.field(), r#""tenant";r=17;t=1"#);
    }

    #[test]
    fn the_longest_values_have_room() {
        let status = CacheStatus {
            forward_status: Some(StatusCode::NOT_MODIFIED),
            stored: true,
            collapsed: true,
            ttl: Some(i64::MIN),
            detail: Refusal::every().iter().map(|refusal| refusal.kind().name).max_by_key(|name| name.len()),
            ..CacheStatus::forwarded(CacheResult::Revalidated, Forward::VaryMiss)
        };
        let policy_field = HeaderValue::from_static("");
        let limit = LimitState { policy: "caller", policy_field, remaining: u32::MAX, reset: u64::MAX };

        assert!(shown(&status).contains("; collapsed; ttl=-9223372036854775808; detail="));
        assert_eq!(limit.field(), r#""caller";r=4294967295;t=18446744073709551615"#);
    }
}
