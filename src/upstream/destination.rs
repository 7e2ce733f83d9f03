//! Where the upstreams are: what configuration says, prepared for requests.

use std::sync::Arc;

use http::{HeaderValue, Uri};

use crate::catalogue::UpstreamId;
use crate::config;
use crate::transport::{Origin, OriginError};

/// One upstream.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The catalogue's name for it: its metric label.
    pub name: Arc<str>,
    /// Where connections to it lead.
    pub origin: Origin,
    /// Its `Host`.
    pub host: HeaderValue,
    /// What every target there begins with; empty, or a path without trailing slash.
    pub prefix: Box<str>,
}

/// All upstreams, by the catalogue's ids; those without a URL in this environment have no destination.
#[derive(Clone, Debug)]
pub struct Destinations(Arc<[Option<Destination>]>);

impl Destinations {
    /// Prepares the upstreams of `[passport]`.
    ///
    /// # Errors
    ///
    /// A base URL is neither http nor https, or has no valid host.
    pub fn new(upstreams: &[config::Upstream]) -> Result<Self, OriginError> {
        let prepare =
            |upstream: &config::Upstream| upstream.base.as_ref().map(|base| Destination::new(&upstream.name, base)).transpose();
        Ok(Self(upstreams.iter().map(prepare).collect::<Result<_, _>>()?))
    }

    /// The upstream with this id, if it has a URL.
    #[must_use]
    pub fn find(&self, upstream: UpstreamId) -> Option<&Destination> {
        self.0.get(upstream.index())?.as_ref()
    }

    /// All upstreams, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = Option<&Destination>> {
        self.0.iter().map(Option::as_ref)
    }
}

impl Destination {
    fn new(name: &Arc<str>, base: &Uri) -> Result<Self, OriginError> {
        let origin = Origin::of(base)?;
        let host = origin.host_field();
        Ok(Self { name: Arc::clone(name), origin, host, prefix: base.path().trim_end_matches('/').into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(base: Option<&str>) -> config::Upstream {
        config::Upstream { name: "paas".into(), base: base.map(|base| base.parse().unwrap()), token_url: None }
    }

    #[test]
    fn a_base_url_is_split_into_what_requests_need() {
        let bases = [Some("https://api.example:8443/sandbox/"), Some("http://api.example"), None];
        let destinations = Destinations::new(&bases.map(upstream)).unwrap();

        let parts = destinations.iter().map(|found| found.map(|found| (found.host.to_str().unwrap(), &*found.prefix)));

        let expected = [Some(("api.example:8443", "/sandbox")), Some(("api.example", "")), None];
        assert_eq!(parts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn another_scheme_is_an_error() {
        assert_eq!(Destinations::new(&[upstream(Some("ftp://api.example"))]).unwrap_err(), OriginError::Scheme);
    }
}
