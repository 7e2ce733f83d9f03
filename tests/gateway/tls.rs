//! TLS for callers: who is let in by the handshake, what holds inside it, and how certificates are renewed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use crate::support::pki::{Authority, Files, Leaf, is_served, secured};
use crate::support::{Client, LOCAL, World};

mod callers;
mod connections;
mod renewal;

const NAME: &str = "gateway.internal";

/// A gateway with a certificate of `authority`'s.
struct Scene {
    authority: Authority,
    files: Files,
    world: World,
}

impl Scene {
    /// One that asks callers for nothing.
    async fn plain() -> Self {
        let authority = Authority::new("authority");
        let files = Files::of(&authority.issue(&[NAME]), None);
        let world = World::with(&format!("{}{LOCAL}", files.line(""))).await;
        Self { authority, files, world }
    }

    /// One that asks callers for a certificate of the same authority; `more` stands in the table.
    async fn asking(more: &str) -> Self {
        let authority = Authority::new("authority");
        let files = Files::of(&authority.issue(&[NAME]), Some(&authority));
        let world = World::with(&format!("{}{LOCAL}", files.asking(more))).await;
        Self { authority, files, world }
    }

    async fn client(&self, identity: Option<&Leaf>) -> Client {
        Client::over_tls(self.world.server, &self.authority.client(identity)).await.unwrap()
    }
}

fn sample(reason: &str) -> String {
    format!("passport_gateway_connection_errors_total{{reason=\"{reason}\"}}")
}

/// The certificate that a new connection is shown.
async fn shown(address: SocketAddr, config: &Arc<ClientConfig>) -> CertificateDer<'static> {
    let stream = secured(address, config).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}
