//! The end of a listener that another process goes on for: it takes in whoever waits, and lets nobody else in.
//!
//! When sockets share a port, a connection belongs to the one that its first packet met. Closing that one resets whoever waits in its
//! queue. So new first packets are turned away before (the caller's system sends them again within a second, and they meet the
//! other), what is in the queue is taken, and only then the socket is closed.

use std::io;

use socket2::Socket;

/// Drops segments that begin a connection and lets all others pass (classic BPF, from the TCP header on).
#[cfg(target_os = "linux")]
pub(super) fn turn_away(socket: &Socket) -> io::Result<()> {
    use socket2::SockFilter;
    /// The byte of flags in a TCP header, and the flag that begins a connection (RFC 9293 §3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    socket.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

#[cfg(not(target_os = "linux"))]
pub(super) fn turn_away(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
