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

/// Listens on a TCP address and says which port it is; one that is shared is only bound.
pub(super) fn tcp(address: SocketAddr, shared: bool) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if !shared {
        listen(&socket)?;
    }
    let bound = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((socket, bound))
}

/// Lets connections wait.
pub(super) fn listen(socket: &Socket) -> io::Result<()> {
    socket.listen(BACKLOG)
}

/// Listens on a Unix socket to which those may connect whom `mode` lets, in place of one that a former run left behind.
///
/// One that is shared is only bound, beside its place: that may be another process's until this one is ready to take it over.
pub(super) fn unix(path: &Path, mode: u32, shared: bool) -> io::Result<(Socket, SocketFile)> {
    let beside = shared.then(|| SocketFile::beside(path));
    let path = beside.as_deref().unwrap_or(path);
    SocketFile::clear(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::new(path)?;
    // Before `listen` nobody can connect, so there is no moment at which the wrong mode counts.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    if !shared {
        listen(&socket)?;
    }
    Ok((socket, file))
}
