//! What a verified client certificate says of its holder.

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::config::Validity;
use crate::peer::Certificate;

/// Reads the caller's own certificate, the first of those that it sent; none if it is not readable.
pub(in crate::server) fn read(certificate: &CertificateDer<'_>) -> Option<Certificate> {
    let ends = Validity::of(certificate)?.ends;
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    Some(Certificate::new(certificate.valid_uri_names(), certificate.valid_dns_names(), ends))
}

#[cfg(test)]
mod tests {
    use rcgen::SanType;

    use super::*;

    fn with(names: Vec<SanType>) -> Certificate {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.subject_alt_names = names;
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        read(certificate.der()).unwrap()
    }

    fn uri(uri: &str) -> SanType {
        SanType::URI(uri.try_into().unwrap())
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    #[test]
    fn names_are_those_of_the_subjects_alternatives_and_no_others() {
        let certificate = with(vec![dns("App.internal"), uri("spiffe://example/app"), SanType::IpAddress([127, 0, 0, 1].into())]);

        assert_eq!(certificate.spiffe(), Some("spiffe://example/app"));
        assert_eq!(certificate.dns_names().collect::<Vec<_>>(), ["app.internal"]);
    }

    #[test]
    fn several_uris_are_no_workload_and_a_common_name_is_no_name() {
        assert_eq!(with(vec![uri("spiffe://example/a"), uri("spiffe://example/b")]).spiffe(), None);
        assert_eq!(with(Vec::new()).dns_names().count(), 0);
    }
}
