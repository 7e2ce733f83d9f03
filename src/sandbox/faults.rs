//! The faults in force, and what they do to a request.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::fault::{Fault, FaultError, Kind, header};

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    injected: u64,
}

struct Armed {
    id: u64,
    fault: Fault,
    seen: u32,
}

/// What is to go wrong with one request.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// What happens in place of the answer, or to it, and whether the operation is carried out.
    pub(crate) failure: Option<(Kind, bool)>,
    /// The names of all of it, for the log.
    pub(crate) names: Vec<String>,
}

const MOST_FAULTS: usize = 1_000;

impl Faults {
    /// Puts a fault in force and gives back its number.
    pub(crate) fn inject(&mut self, fault: Fault) -> Result<u64, FaultError> {
        fault.check()?;
        if self.armed.len() >= MOST_FAULTS {
            return Err(FaultError::TooMany);
        }
        self.injected += 1;
        self.armed.push(Armed { id: self.injected, fault, seen: 0 });
        Ok(self.injected)
    }

    /// Takes back one fault, or all; says how many were in force.
    pub(crate) fn clear(&mut self, id: Option<u64>) -> usize {
        let before = self.armed.len();
        self.armed.retain(|armed| id.is_some_and(|id| id != armed.id));
        before - self.armed.len()
    }

    /// All faults in force with their numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.armed.iter().map(|armed| (armed.id, &armed.fault))
    }

    /// What is to happen to a request. Of several failures the one injected first comes first; the others wait.
    pub(crate) fn plan(&mut self, label: &str, path: &str) -> Plan {
        let mut plan = Plan::default();
        for armed in self.armed.iter_mut().filter(|armed| armed.fault.on.matches(label, path)) {
            if !plan.wants(&armed.fault.kind) || !armed.fires() {
                continue;
            }
            plan.add(&armed.fault);
        }
        self.armed.retain(|armed| armed.fault.times != Some(0));
        plan
    }
}

impl Armed {
    fn fires(&mut self) -> bool {
        self.seen = self.seen.wrapping_add(1);
        let fires = self.seen.is_multiple_of(self.fault.every.get()) && self.fault.times != Some(0);
        if let (true, Some(times)) = (fires, &mut self.fault.times) {
            *times -= 1;
        }
        fires
    }
}

impl Plan {
    /// The code with which a payment is to be rejected, if that is what goes wrong.
    pub(crate) fn rejection(&self) -> Option<String> {
        let Some((Kind::PaymentRejected { code }, _)) = &self.failure else { return None };
        Some(code.clone())
    }

    fn wants(&self, kind: &Kind) -> bool {
        self.failure.is_none() || matches!(kind, Kind::Latency { .. } | Kind::Header { .. })
    }

    fn add(&mut self, fault: &Fault) {
        self.names.push(fault.kind.name());
        match &fault.kind {
            Kind::Latency { delay_ms } => self.delay = self.delay.saturating_add(Duration::from_millis(*delay_ms)),
            Kind::Header { name, value } => self.headers.extend(header(name, value)),
            kind => self.failure = Some((kind.clone(), fault.performed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn names(faults: &mut Faults) -> Vec<String> {
        faults.plan("GET /v1/payments", "/v1/payments").names
    }

    #[test]
    fn a_fault_happens_as_often_as_it_says() {
        let mut faults = Faults::default();
        faults.inject(Fault::new("GET /v1/payments", Kind::ServerError).times(2)).unwrap();

        let seen = [names(&mut faults), names(&mut faults), names(&mut faults)];

        assert_eq!(seen, [vec!["server_error"], vec!["server_error"], vec![]]);
        assert_eq!(faults.all().count(), 0);
    }

    #[test]
    fn a_fault_for_every_third_request_spares_the_others() {
        let mut faults = Faults::default();
        faults.inject(Fault::new("all", Kind::Hang).every(NonZeroU32::new(3).unwrap()).times(1)).unwrap();

        let counts: Vec<_> = (0..6).map(|_| names(&mut faults).len()).collect();

        assert_eq!(counts, [0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn delays_add_up_and_a_second_failure_waits_for_the_first() {
        let mut faults = Faults::default();
        for kind in [Kind::Latency { delay_ms: 20 }, Kind::Latency { delay_ms: 30 }, Kind::Hang, Kind::Garbage] {
            faults.inject(Fault::new("/v1/pay", kind).times(1)).unwrap();
        }

        let first = faults.plan("GET /v1/payments", "/v1/payments");
        let second = faults.plan("GET /v1/payments", "/v1/payments");

        assert_eq!((first.delay, first.failure), (Duration::from_millis(50), Some((Kind::Hang, false))));
        assert_eq!((second.delay, second.failure), (Duration::ZERO, Some((Kind::Garbage, false))));
    }

    #[test]
    fn all_spares_the_token_endpoint() {
        let mut faults = Faults::default();
        faults.inject(Fault::new("all", Kind::Hang)).unwrap();
        faults.inject(Fault::new("token", Kind::Garbage)).unwrap();

        assert_eq!(faults.plan("POST /v1/iam/oauth/tokens", "/v1/iam/oauth/tokens").names, ["garbage"]);
        assert_eq!(faults.plan("unmatched", "/v2").names, ["hang"]);
    }

    #[test]
    fn one_fault_or_all_can_be_cleared() {
        let mut faults = Faults::default();
        let first = faults.inject(Fault::new("all", Kind::Hang)).unwrap();
        faults.inject(Fault::new("all", Kind::Garbage)).unwrap();

        assert_eq!(faults.clear(Some(first)), 1);
        assert_eq!(faults.clear(Some(first)), 0);
        assert_eq!(faults.clear(None), 1);
    }
}
