//! One source of tokens as its callers see it: the current token at a glance, and a bounded wait where there is none.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use http::Uri;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::Token;
use super::life::{Ended, Life, Standing, Verdict, Withheld};
use super::status::{State, Status};
use crate::clock::SharedClock;
use crate::scope::Scope;
use crate::tenant::CredentialName;

/// The longest that a caller waits for a token, its own deadline permitting.
const PATIENCE: Duration = Duration::from_secs(5);

/// The tokens of one credential from one token URL.
pub struct Source {
    credential: CredentialName,
    token_url: Arc<str>,
    /// What tenants are promised; a reload may change it.
    promised: ArcSwap<Box<[Scope]>>,
    clock: SharedClock,
    /// The newest token, without a lock: all that a request needs as long as nothing is wrong.
    current: ArcSwapOption<Token>,
    /// Whether any operation is suspected: whether a success is worth a lock.
    suspecting: AtomicBool,
    life: Mutex<Life>,
    /// Tells callers to look again.
    changed: watch::Sender<()>,
    /// Tells the minter that another instant may be due.
    hurry: Notify,
}

impl Source {
    pub(super) fn new(credential: CredentialName, url: &Uri, clock: SharedClock) -> Self {
        Self {
            credential,
            token_url: without_query(url).into(),
            promised: ArcSwap::default(),
            current: ArcSwapOption::empty(),
            suspecting: AtomicBool::new(false),
            life: Mutex::new(Life::new(clock.now())),
            changed: watch::Sender::new(()),
            hurry: Notify::new(),
            clock,
        }
    }

    /// Takes note of what tenants are promised from now on.
    pub(super) fn promise(&self, scopes: Box<[Scope]>) {
        self.promised.store(Arc::new(scopes));
    }

    /// The current token, if it may be sent now.
    pub(super) fn ready(&self) -> Option<Arc<Token>> {
        let token = self.current.load_full()?;
        token.is_usable(self.clock.now()).then_some(token)
    }

    /// The newest token, usable or not.
    pub(super) fn newest(&self) -> Option<Arc<Token>> {
        self.current.load_full()
    }

    /// The current token, waited for until `deadline` or for a few seconds if there is none but one is being asked for.
    pub(super) async fn token(&self, deadline: Instant) -> Result<Arc<Token>, Withheld> {
        self.settled(deadline, Life::standing).await
    }

    /// The token after one that was refused, waited for likewise.
    pub(super) async fn successor(&self, refused: &Token, then: Ended, deadline: Instant) -> Result<Arc<Token>, Withheld> {
        self.settled(deadline, |life, now| life.successor(refused.generation(), then, now)).await
    }

    /// Decides what it means that the upstream refused `token` on `operation`; renews it in the background if that may help.
    pub(super) fn refused(&self, operation: &Arc<str>, token: &Token) -> Verdict {
        let now = self.clock.now();
        let verdict = {
            let mut life = self.life();
            let verdict = life.refused(operation, token, now);
            self.suspecting.store(!life.refusals().is_empty(), Ordering::Relaxed);
            verdict
        };
        self.hurry.notify_one();
        verdict
    }

    /// Notes that the upstream accepted `token` on `operation`.
    pub(super) fn accepted(&self, operation: &str, token: &Token) {
        if self.suspecting.load(Ordering::Relaxed) {
            let mut life = self.life();
            life.accepted(operation, token);
            self.suspecting.store(!life.refusals().is_empty(), Ordering::Relaxed);
        }
    }

    /// Notes that `token` lacks a scope that was asked for; an old one is renewed in the background, to see whether it was granted since.
    pub(super) fn lacking(&self, token: &Token) {
        let now = self.clock.now();
        self.life().lacking(token, now);
        self.hurry.notify_one();
    }

    /// Waits until the first attempt has ended, either way.
    pub(super) async fn attempted(&self) {
        let mut changed = self.changed.subscribe();
        while !self.life().is_attempted() {
            // The sender is a field of this source.
            let _ = changed.changed().await;
        }
    }

    /// How it is doing.
    pub(super) fn status(&self) -> Status {
        let now = self.clock.now();
        let life = self.life();
        let token = life.token();
        let under_way = life.is_in_flight();
        Status {
            credential: self.credential.clone(),
            token_url: Arc::clone(&self.token_url),
            state: State::of(&life, now),
            attempted: life.is_attempted(),
            generation: token.map_or(0, |token| token.generation()),
            age: token.map(|token| now.saturating_duration_since(token.sent)),
            expires_in: token.map(|token| token.expires().saturating_duration_since(now)),
            next_attempt: if under_way { Duration::ZERO } else { life.due().saturating_duration_since(now) },
            failure: life.failure(),
            lacking: token.map(|token| self.lacked_by(token)).unwrap_or_default(),
            scope_missing: life.refusals().missing(now).cloned().collect(),
        }
    }

    /// What tenants are promised and `token` is known to lack.
    pub(super) fn lacked_by(&self, token: &Token) -> Box<[Scope]> {
        token.granted().map(|granted| granted.lacking(&self.promised.load())).unwrap_or_default()
    }

    /// Changes the state and tells everybody who waits for it.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Life) -> T) -> T {
        let result = {
            let mut life = self.life();
            let result = change(&mut life);
            self.current.store(life.token().cloned());
            result
        };
        self.changed.send_replace(());
        result
    }

    /// Tells of every change from now on.
    #[cfg(test)]
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// When the next attempt is due.
    pub(super) fn due(&self) -> Instant {
        self.life().due()
    }

    /// Waits until the next attempt may be due sooner than it was.
    pub(super) async fn hurried(&self) {
        self.hurry.notified().await;
    }

    /// Looks until there is a decision. Its patience is the runtime's time: it waits for a peer's bytes.
    async fn settled(&self, deadline: Instant, look: impl Fn(&Life, Instant) -> Standing + Send) -> Result<Arc<Token>, Withheld> {
        let mut changed = self.changed.subscribe();
        let look = || look(&self.life(), self.clock.now());
        let patience = deadline.min(Instant::now() + PATIENCE);
        let decided = timeout_at(patience, async {
            loop {
                match look() {
                    Standing::Ready(token) => return Ok(token),
                    Standing::Withheld(withheld) => return Err(withheld),
                    // The sender is a field of this source.
                    Standing::Wait => drop(changed.changed().await),
                }
            }
        });
        decided.await.unwrap_or_else(|_| Err(self.life().withheld(self.clock.now())))
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("credential", &self.credential)
            .field("token_url", &self.token_url)
            .field("generation", &self.current.load().as_ref().map(|token| token.generation()))
            .finish_non_exhaustive()
    }
}

/// A query may hold what is no log's business.
fn without_query(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", url.path())
}
