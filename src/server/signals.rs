//! The process's signals, as what they ask of the gateway.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// What the process is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: stop, in phases.
    Terminate,
    /// SIGINT: stop, without the phase in which new connections are still taken.
    Interrupt,
    /// Any second signal: end now.
    Now,
}

/// The stream of signals.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    received: bool,
}

impl Signals {
    /// Takes the signals over from the system's defaults.
    ///
    /// # Errors
    ///
    /// When the system does not let a handler be installed.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            received: false,
        })
    }

    /// Waits for the next signal. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Signal {
        let signal = tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        };
        if std::mem::replace(&mut self.received, true) { Signal::Now } else { signal }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::*;

    fn signal(name: &str) {
        assert!(Command::new("kill").args(["-s", name, &id().to_string()]).status().unwrap().success());
    }

    #[tokio::test]
    async fn the_first_signal_says_how_to_stop_and_the_second_that_it_must_be_now() {
        let mut signals = Signals::new().unwrap();

        signal("TERM");
        let first = signals.next().await;
        signal("INT");
        let second = signals.next().await;

        assert_eq!((first, second), (Signal::Terminate, Signal::Now));
    }
}
