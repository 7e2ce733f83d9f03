//! A way to a server that can be cut and mended while the server stays as it is.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Carries connections to a server for as long as it is open.
pub(crate) struct Way {
    /// Where it begins.
    pub(crate) address: SocketAddr,
    open: watch::Sender<bool>,
    _carrying: JoinSet<()>,
}

impl Way {
    /// An open way to this server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        let mut carrying = JoinSet::new();
        carrying.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                connections.spawn(carry(near, server, is_open.clone()));
            }
        });
        Self { address, open, _carrying: carrying }
    }

    /// Mends it, or cuts it with all that it carries.
    pub(crate) fn open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, mut is_open: watch::Receiver<bool>) {
    let carried = async {
        // Whoever of the two ends it has ended it for both.
        if let Ok(mut far) = TcpStream::connect(server).await {
            let _ = copy_bidirectional(&mut near, &mut far).await;
        }
    };
    tokio::select! {
        biased;
        _ = is_open.wait_for(|open| !open) => {}
        () = carried => {}
    }
}
