//! Where shared limits stand: in Redis, by one script and by Redis' own clock.

use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;

use crate::rate::Rate;
use crate::store::redis::{Redis, Script};
use crate::store::{StoreError, Use};

/// The GCRA of `src/store/gcra.rs`, as Redis runs it.
static GCRA: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gcra.lua")));

/// What is asked of a ledger.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The limit, by a name that replicas have in common.
    pub key: &'a str,
    /// What it admits.
    pub rate: Rate,
    /// Requests of the burst that must be left.
    pub reserve: u32,
    /// Requests to be admitted, as many of them as may.
    pub wanted: u32,
}

/// What a ledger granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Requests admitted.
    pub taken: u32,
    /// Time until the burst is whole again.
    pub owed: Duration,
}

/// What came of asking.
pub type Taken = Result<Grant, StoreError>;

/// Keeps limits for several replicas.
pub trait Ledger: Send + Sync {
    /// Whether it is known to be away, so that asking is in vain.
    fn is_away(&self) -> bool;

    /// Admits requests, as many as may be.
    fn take<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Taken> + Send + 'a>>;
}

impl Ledger for Redis {
    fn is_away(&self) -> bool {
        Redis::is_away(self)
    }

    fn take<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Taken> + Send + 'a>> {
        Box::pin(async move {
            let mut script = GCRA.key(self.key(ask.key));
            let microseconds = ask.rate.interval().as_secs_f64() * 1e6;
            script.arg(format!("{microseconds:.3}")).arg(ask.rate.burst.get()).arg(ask.reserve).arg(ask.wanted);
            let (taken, owed): (u32, u64) = self.invoke(Use::Limits, &script).await?;
            Ok(Grant { taken, owed: Duration::from_micros(owed) })
        })
    }
}
