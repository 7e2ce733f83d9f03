//! Failed attempts per peer: who presents what is not valid too often is refused before anything is checked.
//!
//! An IPv6 peer is its /64, which is what one subscriber gets. The table is bounded; to be forgotten in it is to start anew.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use prometheus::IntCounter;
use quick_cache::sync::Cache;

use crate::clock::SharedClock;
use crate::identity::Attempts;
use crate::metrics::{LimitDecision, Metrics};
use crate::peer::Peer;
use crate::rate::Rate;
use crate::refusal::Refusal;
use crate::store::Limiter;

/// Twenty failures at once, then one a second.
const RATE: Rate =
    Rate { requests: NonZeroU32::MIN, per: Duration::from_secs(1), burst: NonZeroU32::new(20).expect("20 is not zero") };

/// Peers remembered at most.
const CAPACITY: usize = 10_000;

/// Counts failed attempts by peer.
pub struct Failures {
    peers: Cache<Prefix, Arc<Limiter>>,
    clock: SharedClock,
    allowed: IntCounter,
    denied: IntCounter,
}

/// Where peers come from, as far as they can choose nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Prefix {
    Unix,
    V4([u8; 4]),
    V6([u16; 4]),
}

impl Failures {
    /// No failures yet; they age by `clock`'s monotonic time.
    #[must_use]
    pub fn new(clock: SharedClock, metrics: &Metrics) -> Self {
        let decisions =
            |decision| metrics.limit_decisions_total.with(LimitDecision { limit: "failures", name: "peer", decision });
        Self { peers: Cache::new(CAPACITY), clock, allowed: decisions("allowed"), denied: decisions("denied") }
    }
}

impl Attempts for Failures {
    fn admit(&self, peer: &Peer) -> Result<(), Refusal> {
        let failures = self.peers.get(&Prefix::of(peer));
        let decision = failures.map(|failures| failures.peek(self.clock.now()));
        if let Some(decision) = decision.filter(|decision| !decision.admitted) {
            self.denied.inc();
            return Err(Refusal::TooManyFailures(decision.wait));
        }
        self.allowed.inc();
        Ok(())
    }

    fn failed(&self, peer: &Peer) {
        let now = self.clock.now();
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(Limiter::new(RATE, now)));
        let Ok(failures) = self.peers.get_or_insert_with(&Prefix::of(peer), fresh);
        failures.decide(now, 0);
    }
}

impl Prefix {
    fn of(peer: &Peer) -> Self {
        match peer.address.map(|address| address.to_canonical()) {
            None => Self::Unix,
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => {
                let [first, second, third, fourth, ..] = address.segments();
                Self::V6([first, second, third, fourth])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clock;

    fn peer(address: &str) -> Peer {
        Peer { address: Some(address.parse().unwrap()), local: false, certificate: None }
    }

    fn exhausted(failures: &Failures, address: &str) {
        for _ in 0..20 {
            assert!(failures.admit(&peer(address)).is_ok());
            failures.failed(&peer(address));
        }
        assert!(failures.admit(&peer(address)).is_err());
    }

    #[test]
    fn twenty_failures_exhaust_a_peer_and_one_is_forgiven_a_second() {
        let (clock, metrics) = (clock(), Metrics::new());
        let failures = Failures::new(clock.clone(), &metrics);

        exhausted(&failures, "192.0.2.1");
        let wait = Duration::from_secs(1);
        assert_eq!(failures.admit(&peer("192.0.2.1")), Err(Refusal::TooManyFailures(wait)));

        clock.advance(wait);
        assert!(failures.admit(&peer("192.0.2.1")).is_ok());
        failures.failed(&peer("192.0.2.1"));
        assert!(failures.admit(&peer("192.0.2.1")).is_err());
    }

    #[test]
    fn another_peer_is_not_affected() {
        let failures = Failures::new(clock(), &Metrics::new());

        exhausted(&failures, "192.0.2.1");

        for other in ["192.0.2.2", "2001:db8::1"] {
            assert!(failures.admit(&peer(other)).is_ok(), "{other}");
        }
        assert!(failures.admit(&Peer { address: None, local: true, certificate: None }).is_ok());
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_peer() {
        let failures = Failures::new(clock(), &Metrics::new());

        exhausted(&failures, "2001:db8:1:2::1");
        exhausted(&failures, "192.0.2.1");

        assert!(failures.admit(&peer("2001:db8:1:2:ffff::9")).is_err());
        assert!(failures.admit(&peer("2001:db8:1:3::1")).is_ok());
        assert!(failures.admit(&peer("::ffff:192.0.2.1")).is_err());
    }

    #[test]
    fn success_costs_nothing() {
        let failures = Failures::new(clock(), &Metrics::new());

        assert!((0..1000).all(|_| failures.admit(&peer("192.0.2.1")).is_ok()));
    }

    #[test]
    fn decisions_are_counted() {
        let metrics = Metrics::new();
        let failures = Failures::new(clock(), &metrics);

        exhausted(&failures, "192.0.2.1");

        assert_eq!((failures.allowed.get(), failures.denied.get()), (20, 1));
        let sample = r#"passport_gateway_limit_decisions_total{decision="denied",limit="failures",name="peer"} 1"#;
        assert!(metrics.render().unwrap().contains(sample));
    }

    #[test]
    fn the_table_is_bounded() {
        let failures = Failures::new(clock(), &Metrics::new());

        for number in 0..20_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(number);
            failures.failed(&Peer { address: Some(address.into()), local: false, certificate: None });
        }

        assert!(failures.peers.len() <= CAPACITY);
    }
}
