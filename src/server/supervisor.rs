//! What the service manager is told (`sd_notify(3)`): ready, reloading, stopping, alive. Nothing, where there is none.

use std::time::Duration;

use sd_notify::NotifyState;

/// Callers are served.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is read anew from here on, until [`ready`].
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of the reload: there is no time"),
    }
}

/// No more callers are let in soon.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells that this runtime is alive, twice as often as the service manager wants to hear it; at once nothing if it does not.
pub async fn watch() {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let mut beat = tokio::time::interval((period / 2).max(Duration::from_millis(1)));
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
