//! The demo's configuration: a real file, read by the real loader, so that what is shown is what one would write.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::folder::Folder;
use crate::config::{self, Loaded};
use crate::sandbox::Client;

/// What one would write, but for addresses and secrets.
const TEMPLATE: &str = include_str!("gateway.toml");
/// Its name in the demo's folder.
pub(super) const FILE: &str = "gateway.toml";

/// What is put into the template.
pub(super) struct Values<'a> {
    pub(super) gateway: SocketAddr,
    pub(super) admin: SocketAddr,
    /// URLs without a path.
    pub(super) sandbox: &'a str,
    pub(super) issuer: &'a str,
    pub(super) api_key_sha256: &'a str,
    pub(super) acme: &'a Client,
    pub(super) reports: &'a Client,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigurationError {
    #[error("the configuration cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("its own configuration is faulty:\n{0}")]
    Faulty(String),
}

/// Writes the configuration and its secrets into `folder`, and loads it from there.
pub(super) fn write_and_load(folder: &Folder, values: &Values<'_>) -> Result<Loaded, ConfigurationError> {
    for (credential, client) in [("acme", values.acme), ("reports", values.reports)] {
        folder.write(&format!("{credential}.id"), &client.client_id)?;
        folder.write(&format!("{credential}.secret"), client.client_secret.expose())?;
    }
    let path = folder.write(FILE, &filled(values))?;
    config::load(&path).map_err(|faults| ConfigurationError::Faulty(faults.render(false)))
}

/// A loopback address with `port` if it is free, otherwise with whichever the system chooses.
pub(super) fn preferably(port: u16) -> SocketAddr {
    let preferred = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // The port is given back at once; if somebody takes it before the gateway does, the gateway says so.
    if TcpListener::bind(preferred).is_ok() { preferred } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

fn filled(values: &Values<'_>) -> String {
    TEMPLATE
        .replace("$GATEWAY", &values.gateway.to_string())
        .replace("$ADMIN", &values.admin.to_string())
        .replace("$SANDBOX", values.sandbox)
        .replace("$ISSUER", values.issuer)
        .replace("$API_KEY_SHA256", values.api_key_sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_s_configuration_has_neither_faults_nor_warnings() {
        let folder = Folder::create().unwrap();
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let client = Client::demo();
        let values = Values {
            gateway: free,
            admin: free,
            sandbox: "http://127.0.0.1:9000",
            issuer: "http://127.0.0.1:9100",
            api_key_sha256: &"5a".repeat(32),
            acme: &client,
            reports: &client,
        };

        let loaded = write_and_load(&folder, &values).unwrap();

        assert_eq!(loaded.warnings.lines().collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(loaded.config.tenants.len(), 2);
        assert!(!filled(&values).contains('$'));
    }

    #[test]
    fn a_port_in_use_is_not_insisted_on() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        assert_eq!(preferably(taken.local_addr().unwrap().port()).port(), 0);
    }
}
