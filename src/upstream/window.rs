//! Counts over a sliding window of time, in ten steps.

use std::time::Duration;

use tokio::time::Instant;

const STEPS: u32 = 10;

/// Two counts that forget what is older than the window.
#[derive(Debug)]
pub(super) struct Window {
    origin: Instant,
    step: Duration,
    steps: [Step; STEPS as usize],
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Everything.
    pub(super) all: u32,
    /// What stands out of it, such as failures.
    pub(super) marked: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Step {
    number: u64,
    counts: Counts,
}

impl Window {
    /// An empty window of this length.
    pub(super) fn new(length: Duration, now: Instant) -> Self {
        Self { origin: now, step: (length / STEPS).max(Duration::from_millis(1)), steps: Default::default() }
    }

    /// The counts of the present, to add to.
    pub(super) fn present(&mut self, now: Instant) -> &mut Counts {
        let number = self.number(now);
        let step = &mut self.steps[usize::try_from(number % u64::from(STEPS)).unwrap_or_default()];
        if step.number != number {
            *step = Step { number, counts: Counts::default() };
        }
        &mut step.counts
    }

    /// The counts of the whole window.
    pub(super) fn sum(&self, now: Instant) -> Counts {
        let number = self.number(now);
        let recent = self.steps.iter().filter(|step| step.number + u64::from(STEPS) > number);
        recent.fold(Counts::default(), |sum, step| Counts {
            all: sum.all.saturating_add(step.counts.all),
            marked: sum.marked.saturating_add(step.counts.marked),
        })
    }

    fn number(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.origin).as_nanos() / self.step.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_forgotten_step_by_step() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut window = Window::new(10 * second, start);

        window.present(start).all += 3;
        window.present(start + 5 * second).marked += 2;

        assert_eq!(window.sum(start + 9 * second), Counts { all: 3, marked: 2 });
        assert_eq!(window.sum(start + 10 * second), Counts { all: 0, marked: 2 });
        assert_eq!(window.sum(start + 15 * second), Counts::default());
    }

    #[test]
    fn a_step_is_counted_anew_when_its_place_comes_round() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut window = Window::new(10 * second, start);

        window.present(start).all += 3;
        window.present(start + 20 * second).all += 1;

        assert_eq!(window.sum(start + 20 * second), Counts { all: 1, marked: 0 });
    }
}
