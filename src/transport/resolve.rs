//! Names to addresses; a name that resolved before goes on working while DNS is down, slow or silent.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};

use super::Origin;

/// Names whose addresses are remembered. They come from configuration, so that there are a handful.
const CAPACITY: usize = 256;
/// After this a question is asked anew though it was not answered; the system's resolver has given up long before.
const LONGEST: Duration = Duration::from_mins(1);

/// Who knows the addresses of names.
pub trait Names: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a name, in the order in which they are to be tried.
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver, which asks its files and DNS, and orders what it finds (RFC 6724).
#[derive(Debug)]
struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Names and the last good answer for each of them.
#[derive(Debug)]
pub(super) struct Resolver {
    names: Arc<dyn Names>,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

type Addresses = Arc<[IpAddr]>;
type Answer = Result<Addresses, Arc<io::Error>>;
/// A question, and its answer for all who wait. It is answered even if none does.
type Lookup = Shared<BoxFuture<'static, Answer>>;

/// What is known of a name.
#[derive(Debug, Default)]
struct Known {
    last: Option<Addresses>,
    /// The question under way, and since when.
    lookup: Option<(Instant, Lookup)>,
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

    /// The addresses of an origin, in the order in which they are to be tried. If they were known before, no answer is waited for
    /// longer than `patience`.
    pub(super) async fn resolve(&self, origin: &Origin, patience: Duration) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = origin.host().parse() {
            return Ok(vec![SocketAddr::new(address, origin.port())]);
        }
        let addresses = self.look_up(origin.host(), patience).await?;
        Ok(addresses.iter().map(|address| SocketAddr::new(*address, origin.port())).collect())
    }

    async fn look_up(&self, host: &str, patience: Duration) -> io::Result<Addresses> {
        let (lookup, last) = self.ask(host);
        let (answer, last) = match last {
            None => (lookup.clone().await, None),
            Some(last) => {
                let late = |_| Err(Arc::new(io::ErrorKind::TimedOut.into()));
                (timeout(patience, lookup.clone()).await.unwrap_or_else(late), Some(last))
            }
        };
        self.settle(host, &lookup, &answer);
        match (answer, last) {
            (Ok(addresses), _) => Ok(addresses),
            (Err(error), Some(last)) => {
                tracing::warn!(host, %error, "the name does not resolve; its last addresses are used");
                Ok(last)
            }
            (Err(error), None) => Err(io::Error::new(error.kind(), error)),
        }
    }

    /// The question under way, or a new one; and the last good answer.
    fn ask(&self, host: &str) -> (Lookup, Option<Addresses>) {
        let mut known = self.known();
        let last = match known.get_mut(host) {
            Some(name) => match name.pending() {
                Some(lookup) => return (lookup, name.last.clone()),
                None => name.last.clone(),
            },
            None => None,
        };
        let lookup = self.begin(host);
        if known.len() < CAPACITY || known.contains_key(host) {
            let asked = Known { last: last.clone(), lookup: Some((Instant::now(), lookup.clone())) };
            known.insert(host.into(), asked);
        }
        (lookup, last)
    }

    fn begin(&self, host: &str) -> Lookup {
        let addresses = self.names.addresses(host);
        let answer = async {
            let addresses = addresses.await?;
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
            }
            Ok(Addresses::from(addresses))
        };
        answer.map(|answer| answer.map_err(Arc::new)).boxed().shared()
    }

    /// Remembers a good answer, if the question has one.
    fn settle(&self, host: &str, lookup: &Lookup, answer: &Answer) {
        let mut known = self.known();
        let Some(name) = known.get_mut(host).filter(|name| name.asks(lookup)) else { return };
        if lookup.peek().is_some() {
            name.lookup = None;
        }
        if let Ok(addresses) = answer {
            name.last = Some(Arc::clone(addresses));
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn asks(&self, lookup: &Lookup) -> bool {
        self.lookup.as_ref().is_some_and(|(_, own)| own.ptr_eq(lookup))
    }

    /// The question under way. One that was answered when nobody waited any more is none: who knows how long that is ago.
    fn pending(&mut self) -> Option<Lookup> {
        let (since, lookup) = self.lookup.as_ref()?;
        match lookup.clone().now_or_never() {
            None => (since.elapsed() < LONGEST).then(|| lookup.clone()),
            Some(answer) => {
                self.last = answer.ok().or(self.last.take());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
