//! HTTP/1.1 over a connection that was just made, with bounds, and a guard on what comes down.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::answers::Guarded;
use super::{Watch, Wire};

/// Bytes of answers that hyper holds at most; a head may take half of it.
const BUFFER: usize = 64 * 1024;

/// What runs a connection: it must be polled until it ends.
pub type Driver<I> = Connection<TokioIo<Guarded<I>>, Full<Bytes>>;

/// Speaks HTTP/1.1 over `io`. Whoever sends a request tells the watch before.
///
/// # Errors
///
/// The connection broke.
pub async fn handshake<I: Wire>(io: I) -> hyper::Result<(SendRequest<Full<Bytes>>, Driver<I>, Watch)> {
    let watch = Watch::default();
    let io = TokioIo::new(Guarded::new(io, watch.clone()));
    let (sender, driver) = Builder::new().max_buf_size(BUFFER).handshake(io).await?;
    Ok((sender, driver, watch))
}
