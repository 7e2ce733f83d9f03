//! The accept loop: a permit, then a connection, from whichever listener has one.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::listener::{Accepted, Listener, Registered};

/// The first pause after accepting failed.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// For how long those are let in whose connection was about to be made when others began to be turned away.
const ABOUT_TO_COME: Duration = Duration::from_millis(100);

/// Accepts connections until `stop` ends, and gives each to `hand`, with one of `permits`; then takes in who waits, and closes.
///
/// While no permit is free, callers wait in the listeners' backlogs. What the system refuses (out of file descriptors) goes to
/// `failed`, and the loop pauses, since the connection that cannot be accepted stays ready.
///
/// # Errors
///
/// When a listener cannot be registered with the runtime.
pub async fn accept(
    listeners: impl IntoIterator<Item = Listener>,
    permits: Arc<Semaphore>,
    stop: impl Future<Output = ()>,
    failed: impl Fn(&io::Error),
    hand: impl Fn(Accepted, OwnedSemaphorePermit),
) -> io::Result<()> {
    let mut listeners = listeners.into_iter().map(Listener::register).collect::<io::Result<Vec<_>>>()?;
    tokio::select! {
        failed = forever(&mut listeners, &permits, &failed, &hand) => return failed,
        () = stop => {}
    }
    let turned_away: Vec<bool> = listeners.iter_mut().map(Registered::turn_away).collect();
    if turned_away.contains(&true) {
        tokio::select! {
            failed = forever(&mut listeners, &permits, &failed, &hand) => return failed,
            () = tokio::time::sleep(ABOUT_TO_COME) => {}
        }
    }
    for listener in &listeners {
        take_in(listener, &permits, &hand);
    }
    Ok(())
}

async fn forever(
    listeners: &mut [Registered],
    permits: &Arc<Semaphore>,
    failed: &impl Fn(&io::Error),
    hand: &impl Fn(Accepted, OwnedSemaphorePermit),
) -> io::Result<()> {
    let mut pause = Pause::default();
    loop {
        let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
        match next(listeners).await {
            Ok(accepted) => {
                pause = Pause::default();
                hand(accepted, permit);
            }
            Err(error) => {
                drop(permit);
                failed(&error);
                tokio::time::sleep(pause.after(&error)).await;
            }
        }
    }
}

/// Takes all who wait, as long as there is room for them. The system itself is asked: the runtime may not have heard of them yet.
fn take_in(listener: &Registered, permits: &Arc<Semaphore>, hand: &impl Fn(Accepted, OwnedSemaphorePermit)) {
    while let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
        match listener.accept_now() {
            Ok(accepted) => hand(accepted, permit),
            Err(error) if Pause::default().after(&error).is_zero() => {}
            Err(_) => return,
        }
    }
}

/// Waits for a connection on any of the listeners, asking each in turn first.
async fn next(listeners: &mut [Registered]) -> io::Result<Accepted> {
    if !listeners.is_empty() {
        listeners.rotate_left(1);
    }
    poll_fn(|cx| {
        let polled = listeners.iter().map(|listener| listener.poll_accept(cx));
        polled.into_iter().find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

/// How long to wait after an error: not at all if it was the one connection's, longer and longer otherwise.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    fn after(&mut self, error: &io::Error) -> Duration {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, PermissionDenied};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied) {
            return Duration::ZERO;
        }
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_went_away_in_the_backlog_causes_no_pause() {
        let mut pause = Pause::default();

        assert_eq!(pause.after(&io::ErrorKind::ConnectionAborted.into()), Duration::ZERO);
    }

    #[test]
    fn pauses_grow_up_to_a_second_while_the_system_refuses() {
        let mut pause = Pause::default();
        let out_of_descriptors = io::Error::from_raw_os_error(24);

        let pauses: Vec<_> = (0..9).map(|_| pause.after(&out_of_descriptors).as_millis()).collect();

        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
