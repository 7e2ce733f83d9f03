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
    hangup: unix::Signal,
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
            hangup: unix::signal(SignalKind::hangup())?,
            received: false,
        })
    }

    /// Waits for the next signal. May be dropped and called again without losing one.
    ///
    /// SIGHUP, by which others read their configuration anew, does not end the process; it says what is needed instead.
    pub async fn next(&mut self) -> Signal {
        let signal = loop {
            tokio::select! {
                _ = self.terminate.recv() => break Signal::Terminate,
                _ = self.interrupt.recv() => break Signal::Interrupt,
                _ = self.hangup.recv() => tracing::warn!("SIGHUP changes nothing: a new configuration needs a restart"),
            }
        };
        if std::mem::replace(&mut self.received, true) { Signal::Now } else { signal }
    }
}
