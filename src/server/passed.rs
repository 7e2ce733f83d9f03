//! Sockets that the service manager opened and passes on (systemd's socket activation), known by their names.

use std::env;
use std::fmt;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use listenfd::ListenFd;
use socket2::Socket;

use crate::config::Listen;

/// The variable that names the sockets (`sd_listen_fds(3)`).
const NAMES: &str = "LISTEN_FDNAMES";

/// Passed sockets that nobody took yet.
///
/// Those named `admin` and `control` are for these listeners, any other is for callers.
#[derive(Default)]
pub struct Passed(Mutex<Vec<PassedSocket>>);

/// One of them.
#[derive(Debug)]
pub(super) struct PassedSocket {
    name: String,
    pub(super) socket: Socket,
    pub(super) listen: Listen,
}

/// Whom a passed socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Callers,
    Admin,
    Control,
}

impl Passed {
    /// What this process was passed, if anything. What is no listening socket of a stream is left alone.
    #[must_use]
    pub fn from_env() -> Self {
        let mut passed = ListenFd::from_env();
        let names = env::var(NAMES).unwrap_or_default();
        let names = names.split(':').map(ToOwned::to_owned).chain(std::iter::repeat(String::new()));
        let sockets = (0..passed.len()).zip(names).filter_map(|(at, name)| taken(&mut passed, at, name));
        Self(Mutex::new(sockets.collect()))
    }

    /// Takes those that are for one kind of listener.
    pub(super) fn take(&self, whom: For) -> Vec<PassedSocket> {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, rest) = sockets.drain(..).partition(|socket| for_whom(&socket.name) == whom);
        *sockets = rest;
        taken
    }
}

fn for_whom(name: &str) -> For {
    match name {
        "admin" => For::Admin,
        "control" => For::Control,
        _ => For::Callers,
    }
}

fn taken(passed: &mut ListenFd, at: usize, name: String) -> Option<PassedSocket> {
    if let Ok(Some(listener)) = passed.take_tcp_listener(at) {
        return tcp(listener, name);
    }
    let listener = passed.take_unix_listener(at).ok()??;
    let path = listener.local_addr().ok()?.as_pathname()?.to_owned();
    Some(PassedSocket { name, socket: listener.into(), listen: Listen::Unix(path) })
}

fn tcp(listener: TcpListener, name: String) -> Option<PassedSocket> {
    let address = listener.local_addr().ok()?;
    Some(PassedSocket { name, socket: listener.into(), listen: Listen::Tcp(address) })
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.0.lock().unwrap_or_else(PoisonError::into_inner)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(name: &str) -> PassedSocket {
        tcp(TcpListener::bind("127.0.0.1:0").unwrap(), name.to_owned()).unwrap()
    }

    #[test]
    fn sockets_are_told_apart_by_name_and_taken_once() {
        let passed = Passed(Mutex::new(["http", "admin", "unknown", "control"].map(socket).into()));
        let names = |whom| passed.take(whom).into_iter().map(|socket| socket.name).collect::<Vec<_>>();

        assert_eq!(names(For::Admin), ["admin"]);
        assert_eq!(names(For::Callers), ["http", "unknown"]);
        assert_eq!(names(For::Control), ["control"]);
        assert_eq!(names(For::Callers), Vec::<String>::new());
    }
}
