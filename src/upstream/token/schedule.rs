//! When a token is renewed, until when it is used, and how long to wait after a failure: pure functions of time and chance.
//!
//! `chance` is a number from 0 to below 1, drawn by the caller.

use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;

/// A token is never renewed on schedule sooner than this after it came, however short its life.
pub(super) const SHORTEST_PERIOD: Duration = Duration::from_secs(1);
/// How much sooner than at half of life a renewal may fall, as a share of that half: replicas drift apart.
const JITTER: f64 = 0.1;
/// The end of life in which a token is not used: what a request takes to arrive. Renewed at half of its life, a token comes this
/// far only while renewing fails, and then callers are better served by it than refused.
const MARGIN: Duration = Duration::from_millis(250);
/// The same as a share of life, for short lives.
const MARGIN_SHARE: u32 = 100;

/// The first pause after a failure, doubled with each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause after a failure: how much later than the endpoint a source may recover.
const PAUSE_CEILING: Duration = Duration::from_secs(10);
/// The shortest pause, so that an unlucky draw does not hammer the endpoint.
const PAUSE_FLOOR: Duration = Duration::from_millis(100);
/// The first pause after the credential was rejected, doubled likewise.
const REJECTED_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause after the credential was rejected.
const REJECTED_CEILING: Duration = Duration::from_mins(10);

/// When a token that was asked for at `sent` and came at `ended` is renewed: at half of its life, or up to a tenth of that sooner.
pub(super) fn renewal(sent: Instant, ended: Instant, lifetime: Duration, chance: f64) -> Instant {
    let half = lifetime / 2;
    (sent + half - half.mul_f64(JITTER * chance)).max(ended + SHORTEST_PERIOD)
}

/// Until when a token that was asked for at `sent` is used.
pub(super) fn usable_until(sent: Instant, lifetime: Duration) -> Instant {
    sent + lifetime.saturating_sub(MARGIN.min(lifetime / MARGIN_SHARE))
}

/// How long to wait after the `count`th failure in a row of its sort.
pub(super) fn pause(failure: Failure, count: u32, chance: f64) -> Duration {
    match failure {
        // Half is certain: chance must not turn a remembered rejection into a burst of tries.
        Failure::Rejected(_) => {
            let longest = doubled(REJECTED_PAUSE, count, REJECTED_CEILING);
            longest / 2 + (longest / 2).mul_f64(chance)
        }
        Failure::Throttled(Some(asked)) => asked.max(jittered(count, chance)),
        _ => jittered(count, chance),
    }
}

/// Full jitter: anything up to the doubled pause, over a small floor.
fn jittered(count: u32, chance: f64) -> Duration {
    doubled(PAUSE, count, PAUSE_CEILING).mul_f64(chance).max(PAUSE_FLOOR)
}

fn doubled(first: Duration, count: u32, ceiling: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(count.saturating_sub(1))).min(ceiling)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use proptest::prelude::*;

    use super::*;

    const TEN_YEARS: u64 = 10 * 365 * 86_400 * 1000;

    proptest! {
        #[test]
        fn a_renewal_falls_at_half_of_life_less_a_tenth_and_a_second_after_the_mint(
            life in 1..TEN_YEARS,
            flight in 0_u64..10_000,
            chance in 0.0..1.0_f64,
        ) {
            let (sent, lifetime) = (Instant::now(), Duration::from_millis(life));
            let ended = sent + Duration::from_millis(flight);

            let renewal = renewal(sent, ended, lifetime, chance);

            prop_assert!(renewal >= ended + SHORTEST_PERIOD);
            prop_assert!(renewal <= (sent + lifetime / 2).max(ended + SHORTEST_PERIOD));
            prop_assert!(renewal >= sent + lifetime.mul_f64(0.45));
        }

        #[test]
        fn a_token_is_used_until_a_request_might_arrive_too_late(life in 1..TEN_YEARS) {
            let (sent, lifetime) = (Instant::now(), Duration::from_millis(life));

            let rest = sent + lifetime - usable_until(sent, lifetime);

            prop_assert_eq!(rest, MARGIN.min(lifetime / 100));
        }

        #[test]
        fn pauses_stay_between_floor_and_ceiling(count in 1_u32.., chance in 0.0..1.0_f64, asked in 0_u64..100) {
            let pause_after = |failure| pause(failure, count, chance);

            prop_assert!((PAUSE_FLOOR..=PAUSE_CEILING).contains(&pause_after(Failure::Unreachable)));
            let rejected = pause_after(Failure::Rejected(StatusCode::UNAUTHORIZED));
            prop_assert!((REJECTED_PAUSE / 2..=REJECTED_CEILING).contains(&rejected));
            let throttled = pause_after(Failure::Throttled(Some(Duration::from_secs(asked))));
            prop_assert!(throttled >= Duration::from_secs(asked));
            prop_assert!(throttled <= Duration::from_secs(asked).max(PAUSE_CEILING));
        }
    }

    #[test]
    fn pauses_double_up_to_their_ceiling() {
        let longest: Vec<_> = (1..8).map(|count| pause(Failure::Timeout, count, 1.0).as_millis()).collect();

        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    }
}
