//! How many connections there are, and have been.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Connections to a sandbox, its controls' included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// All that were ever accepted.
    pub accepted: u64,
    /// Those that are open now.
    pub open: u64,
}

/// Counts connections as they come and go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<(AtomicU64, AtomicU64)>);

/// A connection that is open for as long as this lives.
#[derive(Debug)]
pub(crate) struct Open(Counter);

impl Counter {
    /// Counts a connection.
    pub(crate) fn open(&self) -> Open {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }

    /// The counts so far.
    pub(crate) fn read(&self) -> Connections {
        // Closed first: a connection that comes and goes in between is then missing from neither.
        let closed = self.0.1.load(Ordering::Acquire);
        let accepted = self.0.0.load(Ordering::Relaxed);
        Connections { accepted, open: accepted - closed }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let counter = Counter::default();
        let (first, second) = (counter.open(), counter.open());
        drop(first);

        assert_eq!(counter.read(), Connections { accepted: 2, open: 1 });

        drop(second);
        assert_eq!(counter.read(), Connections { accepted: 2, open: 0 });
    }
}
