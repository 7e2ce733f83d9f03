//! What tests of several parts of the server ask.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Whether somebody answers requests at `address`.
///
/// A refused connection would say too little: a process that another test starts holds a closed listener open until its `exec`.
pub(super) async fn is_answered(address: SocketAddr) -> bool {
    let Ok(mut connection) = TcpStream::connect(address).await else { return false };
    let asked = connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    asked.is_ok() && connection.read_u8().await.is_ok()
}
