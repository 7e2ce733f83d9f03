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
    /// SIGHUP: read the configuration anew. It is neither a first nor a second signal to stop.
    Reload,
    /// SIGUSR1: open the files of logs anew, since they were moved. It stops nothing either.
    Reopen,
}

/// The stream of signals.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    reopen: unix::Signal,
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
            reopen: unix::signal(SignalKind::user_defined1())?,
            received: false,
        })
    }

    /// Waits for the next signal. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> Signal {
        let signal = tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.hangup.recv() => return Signal::Reload,
            _ = self.reopen.recv() => return Signal::Reopen,
        };
        if std::mem::replace(&mut self.received, true) { Signal::Now } else { signal }
    }
}
