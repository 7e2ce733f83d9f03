//! Listening sockets, TCP and Unix.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use tokio::net::{TcpListener, UnixListener};

use crate::config::{self, Listen};
use crate::peer::Peer;

use self::socket_file::SocketFile;
use super::passed::{For, Passed, PassedSocket};

mod closing;
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
    ownership: Ownership,
}

/// Whose a listening socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    /// This process's alone.
    Sole,
    /// This process's, beside another's on the same address: an old and a new gateway may overlap.
    Shared,
    /// The service manager's, which keeps it when this process has ended.
    Passed,
}

/// A listener on the runtime that accepts.
#[derive(Debug)]
pub(super) struct Registered {
    socket: Registration,
    local: bool,
    ownership: Ownership,
    file: Option<SocketFile>,
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
    /// Takes the sockets that were passed for callers, or binds every address of the configuration.
    ///
    /// Connections wait in the backlog from here on, or where addresses are shared from [`Listeners::listen`] on.
    ///
    /// # Errors
    ///
    /// The first address that cannot be bound, and why.
    pub fn bind(server: &config::Server, passed: &Passed) -> io::Result<Self> {
        let passed = passed.take(For::Callers);
        if !passed.is_empty() {
            return passed.into_iter().map(Listener::passed).collect::<io::Result<_>>().map(Self);
        }
        let bind = |listen| Listener::bind_for(listen, SHARED, server.reuse_port);
        server.listen.iter().map(bind).collect::<io::Result<_>>().map(Self)
    }

    /// Takes part in addresses that are shared: another process may get fewer connections from here on.
    ///
    /// # Errors
    ///
    /// The first address that cannot be listened on, and why.
    pub fn listen(&mut self) -> io::Result<()> {
        self.0.iter_mut().try_for_each(Listener::listen)
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
        Self::bind_for(listen, SHARED, false)
    }

    /// The same, but a Unix socket is for its owner alone.
    ///
    /// # Errors
    ///
    /// Why it cannot be bound; the message names the address.
    pub fn bind_private(listen: &Listen) -> io::Result<Self> {
        Self::bind_for(listen, PRIVATE, false)
    }

    /// The same for the `admin` or the `control` listener: what was passed for it, or its address, shared or not.
    pub(super) fn beside(listen: &Listen, whom: For, shared: bool, passed: &Passed) -> io::Result<Self> {
        let mode = if whom == For::Control { PRIVATE } else { SHARED };
        let mut listener = match passed.take(whom).pop() {
            Some(passed) => Self::passed(passed)?,
            None => Self::bind_for(listen, mode, shared)?,
        };
        listener.listen()?;
        Ok(listener)
    }

    fn passed(passed: PassedSocket) -> io::Result<Self> {
        passed.socket.set_nonblocking(true)?;
        Ok(Self { socket: passed.socket, address: Address(passed.listen), file: None, ownership: Ownership::Passed })
    }

    fn bind_for(listen: &Listen, mode: u32, shared: bool) -> io::Result<Self> {
        let bound = match listen {
            Listen::Tcp(address) => sockets::tcp(*address, shared).map(|(socket, bound)| (socket, Listen::Tcp(bound), None)),
            Listen::Unix(path) => sockets::unix(path, mode, shared).map(|(socket, file)| (socket, listen.clone(), Some(file))),
        };
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {}: {error}", Address(listen.clone())));
        let (socket, listen, file) = bound.map_err(named)?;
        let ownership = if shared { Ownership::Shared } else { Ownership::Sole };
        Ok(Self { socket, address: Address(listen), file, ownership })
    }

    /// Lets connections wait in the backlog; takes a Unix socket's place from whoever has it.
    fn listen(&mut self) -> io::Result<()> {
        if self.ownership == Ownership::Shared {
            sockets::listen(&self.socket)?;
            if let (Listen::Unix(path), Some(file)) = (&self.address.0, &mut self.file) {
                file.take_over(path)?;
            }
        }
        Ok(())
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
        Ok(Registered { socket, local: self.address.0.is_local(), ownership: self.ownership, file: self.file })
    }
}

impl Registered {
    /// Lets nobody else in, as far as that is possible while others listen on the address; says whether it is worth a moment's wait
    /// for who is about to be let in.
    pub(super) fn turn_away(&mut self) -> bool {
        // Without its file nobody finds a Unix socket any more.
        self.file = None;
        match &self.socket {
            Registration::Tcp(listener) if self.ownership == Ownership::Shared => {
                closing::turn_away(&SockRef::from(listener)).is_ok()
            }
            _ => false,
        }
    }

    /// Takes one connection out of the backlog if there is one. The backlog of a passed socket is its next owner's.
    pub(super) fn accept_now(&self) -> io::Result<Accepted> {
        if self.ownership == Ownership::Passed {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (socket, from) = match &self.socket {
            Registration::Tcp(listener) => SockRef::from(listener).accept()?,
            Registration::Unix(listener) => SockRef::from(listener).accept()?,
        };
        socket.set_nonblocking(true)?;
        let from = from.as_socket();
        if from.is_some() {
            socket.set_tcp_nodelay(true)?;
        }
        Ok(self.accepted(socket, from))
    }

    /// Takes one connection out of the backlog.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let (socket, from) = match &self.socket {
            Registration::Tcp(listener) => {
                let (stream, from) = ready!(listener.poll_accept(cx))?;
                stream.set_nodelay(true)?;
                (Socket::from(stream.into_std()?), Some(from))
            }
            Registration::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                (Socket::from(stream.into_std()?), None)
            }
        };
        Poll::Ready(Ok(self.accepted(socket, from)))
    }

    fn accepted(&self, socket: Socket, from: Option<SocketAddr>) -> Accepted {
        // On a dual-stack listener an IPv4 caller comes as an IPv6 one; a limit per address must not tell them apart.
        let address = from.map(|from| from.ip().to_canonical());
        Accepted { socket, peer: Peer { address, local: self.local, certificate: None } }
    }
}

impl Address {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0.is_local()
    }

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
