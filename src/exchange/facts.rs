//! Facts with more than one part: what the cache did, and where a limit stands.

use std::fmt;

/// How the cache dealt with a request (RFC 9211).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// Which way the answer came.
    pub result: CacheResult,
    /// Freshness left in seconds; negative when stale.
    pub ttl: Option<i64>,
    /// Whether the answer was stored.
    pub stored: bool,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitState {
    /// The policy's name.
    pub policy: &'static str,
    /// `q`: the burst.
    pub quota: u32,
    /// `w`: seconds in which the burst is earned anew.
    pub window: u64,
    /// `r`: requests admitted now.
    pub remaining: u32,
    /// `t`: seconds to the next.
    pub reset: u64,
}

/// RFC 9211, §2: this cache, and what it did; never the key.
impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("passport-gateway; ")?;
        f.write_str(match self.result {
            CacheResult::Hit | CacheResult::Stale => "hit",
            CacheResult::Miss => "fwd=uri-miss",
            CacheResult::Collapsed => "fwd=uri-miss; collapsed",
            CacheResult::Revalidated => "fwd=stale; fwd-status=304",
            CacheResult::Bypass => "fwd=bypass",
        })?;
        if self.stored {
            f.write_str("; stored")?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, "; ttl={ttl}")?;
        }
        Ok(())
    }
}
