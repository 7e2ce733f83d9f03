//! Listening sockets, TCP and Unix.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use socket2::Socket;
use tokio::net::{TcpListener, UnixListener};

use crate::config::{self, Listen};
use crate::peer::Peer;

use self::socket_file::SocketFile;

mod socket_file;
mod sockets;

/// Owner and group may connect to a Unix socket, nobody else.
const SHARED: u32 = 0o660;
/// The owner alone may.
const PRIVATE: u32 = 0o600;

/// Every listener for callers, bound but not yet accepting.
#[derive(Debug)]
pub struct Listeners(Vec<Listener>);

/// A bound socket; dropping it closes it, and removes a Unix socket's file.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: Address,
    // Dropped after the socket it belongs to.
    file: Option<SocketFile>,
}

/// A listener on the runtime that accepts.
#[derive(Debug)]
pub(super) struct Registered {
    socket: Registration,
    local: bool,
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Registration {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where a listener can be reached: the port is the real one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Listen);

/// A connection that belongs to no runtime yet.
#[derive(Debug)]
pub struct Accepted {
    /// The socket, non-blocking.
    pub socket: Socket,
    /// Who is at its other end.
    pub peer: Peer,
}

impl Listeners {
    /// Binds every address; from here on connections wait in the backlog.
    ///
    /// # Errors
    ///
    /// The first address that cannot be bound, and why.
    pub fn bind(server: &config::Server) -> io::Result<Self> {
        server.listen.iter().map(Listener::bind).collect::<io::Result<_>>().map(Self)
    }

    /// The addresses, in the order of the configuration.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.0.iter().map(|listener| listener.address.clone()).collect()
    }
}

impl IntoIterator for Listeners {
    type Item = Listener;
    type IntoIter = std::vec::IntoIter<Listener>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Listener {
    /// Binds one address.
    ///
    /// # Errors
    ///
    /// Why it cannot be bound; the message names the address.
    pub fn bind(listen: &Listen) -> io::Result<Self> {
        Self::bind_for(listen, SHARED)
    }

    /// The same, but a Unix socket is for its owner alone.
    ///
    /// # Errors
    ///
    /// Why it cannot be bound; the message names the address.
    pub fn bind_private(listen: &Listen) -> io::Result<Self> {
        Self::bind_for(listen, PRIVATE)
    }

    fn bind_for(listen: &Listen, mode: u32) -> io::Result<Self> {
        let bound = match listen {
            Listen::Tcp(address) => sockets::tcp(*address).map(|(socket, bound)| (socket, Listen::Tcp(bound), None)),
            Listen::Unix(path) => sockets::unix(path, mode).map(|(socket, file)| (socket, listen.clone(), Some(file))),
        };
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", Address(listen.clone())));
        let (socket, listen, file) = bound.map_err(named)?;
        Ok(Self { socket, address: Address(listen), file })
    }

    /// Where it can be reached.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Registers the socket with the runtime that calls.
    ///
    /// # Errors
    ///
    /// The system's, when it cannot be registered.
    pub(super) fn register(self) -> io::Result<Registered> {
        let socket = match self.address.0 {
            Listen::Tcp(_) => Registration::Tcp(TcpListener::from_std(self.socket.into())?),
            Listen::Unix(_) => Registration::Unix(UnixListener::from_std(self.socket.into())?),
        };
        Ok(Registered { socket, local: self.address.0.is_local(), _file: self.file })
    }
}

impl Registered {
    /// Takes one connection out of the backlog.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let (socket, address) = match &self.socket {
            Registration::Tcp(listener) => {
                let (stream, from) = ready!(listener.poll_accept(cx))?;
                stream.set_nodelay(true)?;
                // On a dual-stack listener an IPv4 caller comes as an IPv6 one; a limit per address must not tell them apart.
                (Socket::from(stream.into_std()?), Some(from.ip().to_canonical()))
            }
            Registration::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                (Socket::from(stream.into_std()?), None)
            }
        };
        Poll::Ready(Ok(Accepted { socket, peer: Peer { address, local: self.local, certificate: None } }))
    }
}

impl Address {
    /// The address of a TCP listener.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self.0 {
            Listen::Tcp(address) => Some(address),
            Listen::Unix(_) => None,
        }
    }
}

impl From<Listen> for Address {
    fn from(listen: Listen) -> Self {
        Self(listen)
    }
}

/// As the configuration writes it: `127.0.0.1:8080` or `unix:/path`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Listen::Tcp(address) => address.fmt(f),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
