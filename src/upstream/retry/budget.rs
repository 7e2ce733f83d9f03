//! A budget of retries: a share of the recent requests, so that retries cannot become the load that keeps an upstream down.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::upstream::window::Window;

/// The time over which requests earn retries.
const WINDOW: Duration = Duration::from_secs(10);
/// Retries in a window that need not be earned, so that a gateway with little to do retries at all: one per second.
const FLOOR: f64 = 10.0;

/// The retries of all workers.
#[derive(Debug)]
pub struct Budget {
    window: Mutex<Window>,
}

impl Budget {
    /// Nothing was asked for yet.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { window: Mutex::new(Window::new(WINDOW, now)) }
    }

    /// Counts a request.
    pub fn deposit(&self, now: Instant) {
        self.window().present(now).all += 1;
    }

    /// Takes out one retry, if there is one where requests earn `share` of one each: 0.1 is one in ten.
    pub fn withdraw(&self, share: f64, now: Instant) -> bool {
        let mut window = self.window();
        let sum = window.sum(now);
        let granted = f64::from(sum.marked) + 1.0 <= FLOOR + share * f64::from(sum.all);
        if granted {
            window.present(now).marked += 1;
        }
        granted
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(budget: &Budget, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.withdraw(0.1, now)).count()
    }

    #[test]
    fn retries_are_a_share_of_requests_beyond_a_floor() {
        let start = Instant::now();
        let budget = Budget::new(start);

        for _ in 0..200 {
            budget.deposit(start);
        }

        assert_eq!(granted(&budget, start), 10 + 20);
    }

    #[test]
    fn what_was_used_up_is_earned_anew_after_the_window() {
        let start = Instant::now();
        let budget = Budget::new(start);

        assert_eq!(granted(&budget, start), 10);
        assert_eq!(granted(&budget, start + WINDOW / 2), 0);
        assert_eq!(granted(&budget, start + WINDOW), 10);
    }
}
