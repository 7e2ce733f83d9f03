//! Whether the gateway is ready, as a pure function of facts.
//!
//! Facts about attempts never go back, so the gateway stays ready until it drains, whatever the upstream does meanwhile.

use std::time::Duration;

use crate::config::Readiness;

/// How long after the start a first attempt may keep the gateway from being ready.
const FIRST_ATTEMPTS: Duration = Duration::from_secs(5);

/// How far a credential or an issuer has come since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The first attempt has not ended.
    Pending,
    /// Attempts have ended, none well.
    Failed,
    /// At least one attempt ended well.
    Succeeded,
}

/// What readiness is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Time since the start.
    pub uptime: Duration,
    /// Whether the gateway has been told to stop.
    pub draining: bool,
    /// Every credential by its name: whether it got a token.
    pub credentials: Vec<(String, Attempt)>,
    /// Every issuer: whether its keys were fetched.
    pub issuers: Vec<(String, Attempt)>,
    /// Whether the idempotency records were ever open, if there are to be any.
    pub records: Option<bool>,
}

/// One thing that must hold for the gateway to be ready.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Condition {
    /// What it is about.
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// Why.
    pub reason: &'static str,
}

/// Every condition of readiness; the gateway is ready when all hold.
#[must_use]
pub fn conditions(readiness: Readiness, facts: &Facts) -> Vec<Condition> {
    let mut conditions = vec![serving(facts.draining)];
    conditions.extend(facts.records.map(opened));
    match readiness {
        Readiness::Attempted => conditions.extend(subjects(facts).map(|(name, attempt)| attempted(name, attempt, facts.uptime))),
        Readiness::Any => conditions.push(any(&facts.credentials)),
        Readiness::All => conditions.extend(subjects(facts).map(|(name, attempt)| succeeded(name, attempt))),
    }
    conditions
}

fn serving(draining: bool) -> Condition {
    let reason = if draining { "draining" } else { "accepting requests" };
    Condition { name: "serving".to_owned(), holds: !draining, reason }
}

/// A request with a key is of no use here as long as another process holds the records.
fn opened(open: bool) -> Condition {
    let reason = if open { "open" } else { "another process holds them" };
    Condition { name: "idempotency records".to_owned(), holds: open, reason }
}

fn subjects(facts: &Facts) -> impl Iterator<Item = (String, Attempt)> {
    let credentials = facts.credentials.iter().map(|(name, attempt)| (format!("credential {name}"), *attempt));
    credentials.chain(facts.issuers.iter().map(|(name, attempt)| (format!("issuer {name}"), *attempt)))
}

fn attempted(name: String, attempt: Attempt, uptime: Duration) -> Condition {
    let (holds, reason) = match attempt {
        Attempt::Succeeded => (true, "the first attempt has ended"),
        Attempt::Failed => (true, "the first attempt has ended; none has succeeded yet"),
        Attempt::Pending if uptime >= FIRST_ATTEMPTS => (true, "the first attempt has not ended, but is no longer waited for"),
        Attempt::Pending => (false, "the first attempt has not ended"),
    };
    Condition { name, holds, reason }
}

fn succeeded(name: String, attempt: Attempt) -> Condition {
    let (holds, reason) = match attempt {
        Attempt::Succeeded => (true, "an attempt has succeeded"),
        Attempt::Failed => (false, "no attempt has succeeded yet"),
        Attempt::Pending => (false, "the first attempt has not ended"),
    };
    Condition { name, holds, reason }
}

fn any(credentials: &[(String, Attempt)]) -> Condition {
    let holds = credentials.iter().any(|(_, attempt)| *attempt == Attempt::Succeeded);
    let reason = if holds { "at least one has had a token" } else { "none has had a token yet" };
    Condition { name: "any credential".to_owned(), holds, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(credentials: &[Attempt], issuers: &[Attempt], uptime: u64) -> Facts {
        let named = |attempts: &[Attempt]| attempts.iter().zip('a'..).map(|(attempt, name)| (name.into(), *attempt)).collect();
        Facts {
            uptime: Duration::from_secs(uptime),
            draining: false,
            credentials: named(credentials),
            issuers: named(issuers),
            records: None,
        }
    }

    fn ready(readiness: Readiness, facts: &Facts) -> bool {
        conditions(readiness, facts).iter().all(|condition| condition.holds)
    }

    #[test]
    fn attempted_waits_for_each_first_attempt_either_way() {
        use Attempt::{Failed, Pending, Succeeded};

        assert!(!ready(Readiness::Attempted, &facts(&[Succeeded, Pending], &[Succeeded], 1)));
        assert!(!ready(Readiness::Attempted, &facts(&[Succeeded], &[Pending], 1)));
        assert!(ready(Readiness::Attempted, &facts(&[Succeeded, Failed], &[Failed], 1)));
    }

    #[test]
    fn attempted_waits_five_seconds_and_no_longer() {
        let pending = [Attempt::Pending];

        assert!(!ready(Readiness::Attempted, &facts(&pending, &pending, 4)));
        assert!(ready(Readiness::Attempted, &facts(&pending, &pending, 5)));
    }

    #[test]
    fn any_needs_one_token_however_long_it_takes() {
        use Attempt::{Failed, Pending, Succeeded};

        assert!(!ready(Readiness::Any, &facts(&[Failed, Pending], &[Succeeded], 3600)));
        assert!(ready(Readiness::Any, &facts(&[Failed, Succeeded], &[Failed], 0)));
    }

    #[test]
    fn all_needs_every_token_and_every_issuers_keys() {
        use Attempt::{Failed, Succeeded};

        assert!(!ready(Readiness::All, &facts(&[Succeeded, Failed], &[Succeeded], 3600)));
        assert!(!ready(Readiness::All, &facts(&[Succeeded], &[Failed], 3600)));
        assert!(ready(Readiness::All, &facts(&[Succeeded, Succeeded], &[Succeeded], 0)));
    }

    #[test]
    fn a_gateway_that_drains_is_not_ready_whatever_it_has() {
        for readiness in [Readiness::Attempted, Readiness::Any, Readiness::All] {
            let draining = Facts { draining: true, ..facts(&[Attempt::Succeeded], &[], 60) };

            assert!(!ready(readiness, &draining), "{readiness:?}");
        }
    }

    #[test]
    fn records_that_another_process_holds_are_waited_for() {
        for (records, expected) in [(None, true), (Some(true), true), (Some(false), false)] {
            let facts = Facts { records, ..facts(&[Attempt::Succeeded], &[], 60) };

            assert_eq!(ready(Readiness::Attempted, &facts), expected, "{records:?}");
        }
    }

    #[test]
    fn each_condition_has_a_name_of_its_own() {
        let conditions = conditions(Readiness::All, &facts(&[Attempt::Failed], &[Attempt::Failed], 0));

        let names: Vec<_> = conditions.iter().map(|condition| condition.name.as_str()).collect();
        assert_eq!(names, ["serving", "credential a", "issuer a"]);
    }
}
