//! Who is at the other end of a caller's connection, as far as the socket tells.

use std::net::IpAddr;

/// The caller's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none on a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether the listener can be reached from this machine only.
    pub local: bool,
}
