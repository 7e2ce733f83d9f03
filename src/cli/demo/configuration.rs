//! The demo's configuration: a real file, read by the real loader, so that what is shown is what one would write.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use super::folder::Folder;
use crate::config::{self, Config, process_environment};
use crate::sandbox::Client;

/// What one would write, but for addresses and secrets.
const TEMPLATE: &str = include_str!("gateway.toml");
/// A loopback address with a port that the system chooses.
pub(super) const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Its name in the demo's folder.
const FILE: &str = "gateway.toml";

/// What is put into the template.
pub(super) struct Values<'a> {
    /// Where the gateway is to listen; port 0 lets the system choose.
    pub(super) gateway: String,
    /// Where its admin listener is to listen.
    pub(super) admin: String,
    /// URLs without a path.
    pub(super) sandbox: &'a str,
    pub(super) issuer: &'a str,
    pub(super) api_key_sha256: &'a str,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigurationError {
    #[error("the configuration cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("its own configuration is faulty:\n{0}")]
    Faulty(String),
}

/// Writes the secrets of a credential to where the configuration looks for them.
pub(super) fn write_secrets(folder: &Folder, credential: &str, client: &Client) -> Result<(), ConfigurationError> {
    folder.write(&format!("{credential}.id"), &client.client_id)?;
    folder.write(&format!("{credential}.secret"), client.client_secret.expose())?;
    Ok(())
}

/// Reads the configuration as if it stood in `folder` already.
pub(super) fn load(folder: &Folder, values: &Values<'_>) -> Result<Config, ConfigurationError> {
    let loaded = config::parse(&filled(values), &folder.path(FILE), &process_environment);
    loaded.map(|loaded| loaded.config).map_err(|faults| ConfigurationError::Faulty(faults.render(false)))
}

/// Writes the configuration into `folder`.
pub(super) fn write(folder: &Folder, values: &Values<'_>) -> Result<PathBuf, ConfigurationError> {
    Ok(folder.write(FILE, &filled(values))?)
}

/// A loopback address with `port` if it is free, otherwise with whichever the system chooses.
pub(super) fn preferably(port: u16) -> SocketAddr {
    let preferred = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpListener::bind(preferred).is_ok() { preferred } else { ANYWHERE }
}

fn filled(values: &Values<'_>) -> String {
    TEMPLATE
        .replace("$GATEWAY", &values.gateway)
        .replace("$ADMIN", &values.admin)
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
        let values = Values {
            gateway: ANYWHERE.to_string(),
            admin: ANYWHERE.to_string(),
            sandbox: "http://127.0.0.1:9000",
            issuer: "http://127.0.0.1:9100",
            api_key_sha256: &"5a".repeat(32),
        };
        for credential in ["acme", "reports"] {
            write_secrets(&folder, credential, &Client::demo()).unwrap();
        }

        let tenants = load(&folder, &values).unwrap().tenants.len();
        let loaded = config::load(&write(&folder, &values).unwrap()).unwrap();

        assert_eq!((tenants, loaded.config.tenants.len()), (2, 2));
        assert_eq!(loaded.warnings.lines().collect::<Vec<_>>(), Vec::<String>::new());
        assert!(!filled(&values).contains('$'));
    }

    #[test]
    fn a_port_in_use_is_not_insisted_on() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

        assert_eq!(preferably(taken.local_addr().unwrap().port()).port(), 0);
    }
}
