//! Time as everything in the gateway asks for it: monotonic for durations, wall for claims and headers.
//!
//! Whatever decides by time (tokens, limiters, freshness, `exp` and `nbf`) asks a [`Clock`]; waiting for a peer's bytes uses
//! the runtime's own timers.

use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

pub use self::manual::ManualClock;

mod manual;
pub mod turn;

/// A future that ends when a clock reaches an instant.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock shared by every part of one gateway.
pub type SharedClock = Arc<dyn Clock>;

/// A source of monotonic and wall time, and of waiting for them.
pub trait Clock: Send + Sync + 'static {
    /// The monotonic instant; never goes back.
    fn now(&self) -> Instant;

    /// The wall time; may step either way.
    fn wall(&self) -> SystemTime;

    /// Waits until the monotonic instant `at`.
    fn sleep_until(&self, at: Instant) -> Sleep;
}

/// The machine's clock, as a worker's turns know it. Its monotonic side follows a paused tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The machine's clock, ready to share.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        turn::now()
    }

    fn wall(&self) -> SystemTime {
        turn::wall()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(at))
    }
}
