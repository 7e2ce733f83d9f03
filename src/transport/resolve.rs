//! Names to addresses; a name that resolved before goes on working while DNS is down.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::Origin;

/// Names whose addresses are remembered. They come from configuration, so that there are a handful.
const CAPACITY: usize = 256;

/// Who knows the addresses of names.
pub trait Names: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a name, in the order in which they are to be tried.
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver, which asks its files and DNS, and orders what it finds (RFC 6724).
#[derive(Debug)]
struct SystemNames;

impl Names for SystemNames {
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Names and the last good answer for each of them.
#[derive(Debug)]
pub(super) struct Resolver {
    names: Arc<dyn Names>,
    known: Mutex<HashMap<Arc<str>, Arc<[IpAddr]>>>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::of(Arc::new(SystemNames))
    }
}

impl Resolver {
    pub(super) fn of(names: Arc<dyn Names>) -> Self {
        Self { names, known: Mutex::default() }
    }

    /// The addresses of an origin, in the order in which they are to be tried.
    pub(super) async fn resolve(&self, origin: &Origin) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = origin.host().parse() {
            return Ok(vec![SocketAddr::new(address, origin.port())]);
        }
        let found = self.names.addresses(origin.host()).await;
        let addresses = self.settle(origin.host(), found)?;
        Ok(addresses.iter().map(|address| SocketAddr::new(*address, origin.port())).collect())
    }

    /// Remembers a good answer, and replaces a failed one by what is remembered.
    fn settle(&self, host: &str, found: io::Result<Vec<IpAddr>>) -> io::Result<Arc<[IpAddr]>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
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

        assert_eq!(resolver.known.lock().unwrap().len(), CAPACITY);
    }
}
