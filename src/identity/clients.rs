//! Callers by client certificate: known by one name in a certificate that the handshake verified.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::tenants::Tenants;
use super::{Caller, invalid};
use crate::catalogue::Catalogue;
use crate::config::{self, CertificateName};
use crate::peer::Certificate;
use crate::refusal::Refusal;

type ByName = HashMap<Box<str>, Arc<Caller>, foldhash::fast::RandomState>;

/// The clients of one snapshot.
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_spiffe: ByName,
    by_dns: ByName,
}

impl Clients {
    pub(super) fn build(clients: &[config::Client], catalogue: &Catalogue, tenants: &Tenants) -> Self {
        let mut built = Self::default();
        for client in clients {
            let tenant = tenants.configured(&client.tenant);
            let granted = client.scopes.as_ref().map_or_else(|| tenant.allowed().clone(), |scopes| catalogue.granted(scopes));
            let caller = Arc::new(tenant.caller(&client.id, &granted));
            let by_name = match &client.name {
                CertificateName::Spiffe(_) => &mut built.by_spiffe,
                CertificateName::Dns(_) => &mut built.by_dns,
            };
            by_name.insert(client.name.as_str().into(), caller);
        }
        built
    }

    /// Whether certificates name nobody here.
    pub(super) fn is_empty(&self) -> bool {
        self.by_spiffe.is_empty() && self.by_dns.is_empty()
    }

    /// The client that a certificate names as of `wall`; none if it names nobody who is known.
    ///
    /// # Errors
    ///
    /// It names several, or has ended.
    pub(super) fn find(&self, certificate: &Certificate, wall: SystemTime) -> Result<Option<&Arc<Caller>>, Refusal> {
        let workload = certificate.spiffe().and_then(|id| self.by_spiffe.get(id));
        let mut named = certificate.dns_names().filter_map(|name| self.by_dns.get(name)).chain(workload);
        let Some(caller) = named.next() else { return Ok(None) };
        if named.any(|other| !Arc::ptr_eq(other, caller)) {
            return Err(Refusal::AmbiguousCredential);
        }
        // The connection is about to be closed for that; what came on it meanwhile has no identity any more.
        if wall > certificate.ends {
            return Err(invalid("The client certificate has ended."));
        }
        Ok(Some(caller))
    }
}
