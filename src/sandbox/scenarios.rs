//! Named bundles of faults.

use std::num::NonZeroU32;

use super::fault::{Fault, Kind};

/// A bundle of faults that happen together in bad hours.
pub struct Scenario {
    /// What it is asked for by.
    pub name: &'static str,
    /// One line about it.
    pub description: &'static str,
    /// The faults it injects, each until cleared.
    pub faults: fn() -> Vec<Fault>,
}

const SECOND: NonZeroU32 = NonZeroU32::new(2).expect("2 is not zero");
const FOURTH: NonZeroU32 = NonZeroU32::new(4).expect("4 is not zero");
const SEVENTH: NonZeroU32 = NonZeroU32::new(7).expect("7 is not zero");
const TENTH: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "slow",
        description: "every operation answers 800 ms later, the token endpoint 400 ms",
        faults: || vec![Fault::new("all", Kind::Latency { delay_ms: 800 }), Fault::new("token", Kind::Latency { delay_ms: 400 })],
    },
    Scenario {
        name: "flaky",
        description: "every 4th request gets a 500, every 7th a reset after it was read, every 10th half an answer",
        faults: || {
            let every = |n, kind| Fault::new("all", kind).every(n);
            vec![every(TENTH, Kind::Truncated), every(SEVENTH, Kind::ResetAfterBody), every(FOURTH, Kind::ServerError)]
        },
    },
    Scenario {
        name: "outage",
        description: "every operation and the token endpoint answer 503",
        faults: || {
            vec![
                Fault::new("all", Kind::Unavailable { retry_after: None }),
                Fault::new("token", Kind::Unavailable { retry_after: None }),
            ]
        },
    },
    Scenario {
        name: "token-outage",
        description: "the token endpoint answers 503; tokens already issued go on working",
        faults: || vec![Fault::new("token", Kind::Unavailable { retry_after: Some(5) })],
    },
    Scenario {
        name: "rate-limited",
        description: "every 2nd request gets a 429 with `Retry-After: 1`",
        faults: || vec![Fault::new("all", Kind::RateLimited { retry_after: Some(1) }).every(SECOND)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_every_scenario_is_accepted() {
        for scenario in SCENARIOS {
            for fault in (scenario.faults)() {
                assert_eq!(fault.check(), Ok(()), "{}", scenario.name);
            }
        }
    }
}
