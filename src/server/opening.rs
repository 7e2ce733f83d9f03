//! What a connection goes through before its first request: registering its socket and, on a TLS listener, the handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::peer::{Certificate, Peer};

use super::connection::{Reason, given_up};
use super::listener::Accepted;
use super::stream::Stream;
use super::tls::{ServerTls, certificate};

/// Makes a stream of an accepted connection; nothing if the caller left, or the gateway drains, before anything was said.
///
/// # Errors
///
/// Why there is no stream, for the metric.
pub(super) async fn open(
    accepted: Accepted,
    tls: Option<&ServerTls>,
    time_limit: Duration,
    drain: &CancellationToken,
) -> Result<Option<(Stream, Peer)>, Reason> {
    let peer = accepted.peer.clone();
    let stream = accepted.into_stream().map_err(|_| Reason::Io)?;
    let (tcp, tls) = match (stream, tls) {
        (Stream::Tcp(tcp), Some(tls)) => (tcp, tls),
        (stream, _) => return Ok(Some((stream, peer))),
    };
    // In an allocation of its own, which goes when the handshake is over.
    let shaken = Box::pin(timeout(time_limit, handshake(tcp, tls, peer)));
    tokio::select! {
        in_time = shaken => in_time.unwrap_or(Err(Reason::HandshakeTimeout)),
        () = given_up(drain, Instant::now()) => Ok(None),
    }
}

async fn handshake(tcp: TcpStream, tls: &ServerTls, peer: Peer) -> Result<Option<(Stream, Peer)>, Reason> {
    // A probe that only connects is no failed handshake.
    if tcp.peek(&mut [0]).await.map_err(|_| Reason::Io)? == 0 {
        return Ok(None);
    }
    let stream = tls.accept(tcp).await.map_err(|error| failed(&error))?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = shown.map(|shown| certificate::read(shown).ok_or(Reason::ClientCertificate)).transpose()?;
    Ok(Some((Stream::Tls(Box::new(stream)), Peer { certificate: certificate.map(Arc::new), ..peer })))
}

fn failed(error: &io::Error) -> Reason {
    tracing::debug!(%error, "a TLS handshake failed");
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => Reason::ClientCertificate,
        Some(_) => Reason::Handshake,
        None => Reason::Io,
    }
}

/// Waits until the certificate of a connection ends: no request is to be taken from it after that.
pub(super) async fn certificate_ended(certificate: &Certificate, tls: &ServerTls) {
    let clock = tls.clock();
    let left = certificate.ends.duration_since(clock.wall()).unwrap_or_default();
    if let Some(end) = clock.now().checked_add(left) {
        clock.sleep_until(end).await;
    } else {
        std::future::pending::<()>().await;
    }
}
