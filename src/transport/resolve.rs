//! Names to addresses; a name that resolved before goes on working while DNS is down.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use super::Origin;

/// Names whose addresses are remembered. They come from configuration, so that there are a handful.
const CAPACITY: usize = 256;

/// The system's resolver, and the last good answer for each name.
#[derive(Debug, Default)]
pub(super) struct Resolver(Mutex<HashMap<Arc<str>, Arc<[IpAddr]>>>);

impl Resolver {
    /// The addresses of an origin, in the order in which the system wants them tried (RFC 6724).
    pub(super) async fn resolve(&self, origin: &Origin) -> io::Result<Vec<SocketAddr>> {
        let found = tokio::net::lookup_host((origin.host(), origin.port())).await;
        let found = found.map(|addresses| addresses.map(|address| address.ip()).collect());
        let addresses = self.settle(origin.host(), found)?;
        Ok(addresses.iter().map(|address| SocketAddr::new(*address, origin.port())).collect())
    }

    /// Remembers a good answer, and replaces a failed one by what is remembered.
    fn settle(&self, host: &str, found: io::Result<Vec<IpAddr>>) -> io::Result<Arc<[IpAddr]>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match found {
            Ok(addresses) if !addresses.is_empty() => {
                let addresses: Arc<[IpAddr]> = addresses.into();
                if known.len() < CAPACITY || known.contains_key(host) {
                    known.insert(host.into(), Arc::clone(&addresses));
                }
                return Ok(addresses);
            }
            Ok(_) => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
            Err(error) => error,
        };
        let Some(addresses) = known.get(host) else { return Err(error) };
        tracing::warn!(host, %error, "the name does not resolve; its last addresses are used");
        Ok(Arc::clone(addresses))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn the_last_good_addresses_serve_while_dns_fails() {
        let resolver = Resolver::default();

        resolver.settle("api.example", Ok(vec![ADDRESS])).unwrap();

        let failed = || Err(io::Error::other("SERVFAIL"));
        assert_eq!(*resolver.settle("api.example", failed()).unwrap(), [ADDRESS]);
        assert_eq!(*resolver.settle("api.example", Ok(vec![])).unwrap(), [ADDRESS]);
        assert_eq!(resolver.settle("other.example", failed()).unwrap_err().to_string(), "SERVFAIL");
    }

    #[test]
    fn the_memory_is_bounded() {
        let resolver = Resolver::default();

        for n in 0..2 * CAPACITY {
            resolver.settle(&format!("{n}.example"), Ok(vec![ADDRESS])).unwrap();
        }

        assert_eq!(resolver.0.lock().unwrap().len(), CAPACITY);
    }
}
