//! Making listening sockets with the options that a server wants.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::socket_file::SocketFile;

/// Connections the kernel completes before they are accepted; it lowers the number to its own bound.
const BACKLOG: i32 = 4096;

/// Listens on a TCP address and says which port it is.
pub(super) fn tcp(address: SocketAddr) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let bound = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, bound))
}

/// Listens on a Unix socket to which those may connect whom `mode` lets, in place of one that a former run left behind.
pub(super) fn unix(path: &Path, mode: u32) -> io::Result<(Socket, SocketFile)> {
    SocketFile::clear(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::new(path)?;
    // Before `listen` nobody can connect, so there is no moment at which the wrong mode counts.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    Ok((socket, file))
}
