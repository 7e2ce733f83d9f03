//! From when to when a certificate holds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

/// From when to when a certificate holds (RFC 5280 §4.1.2.5), both instants included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub begins: SystemTime,
    /// The last one.
    pub ends: SystemTime,
}

impl Validity {
    /// The validity of a certificate; none if it is no X.509 certificate of version 3.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = EndEntityCert::try_from(certificate).ok()?;
        let begins = match judged_at(&certificate, 0) {
            Error::CertNotValidYet { not_before, .. } => not_before,
            // It held at the epoch already, when nobody could have been asked to believe it.
            _ => UnixTime::since_unix_epoch(Duration::ZERO),
        };
        let Error::CertExpired { not_after, .. } = judged_at(&certificate, u64::MAX) else { return None };
        Some(Self { begins: instant(begins)?, ends: instant(not_after)? })
    }
}

/// What is wrong with the certificate at that second. The dates are private to `webpki`, which names them where they are not kept;
/// it looks at them before anything else, and without roots something is always wrong.
fn judged_at(certificate: &EndEntityCert<'_>, seconds: u64) -> Error {
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let judged = certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::client_auth(), None, None);
    judged.err().unwrap_or(Error::UnknownIssuer)
}

fn instant(time: UnixTime) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(begins: i32, ends: i32) -> CertificateDer<'static> {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(begins, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(ends, 1, 1);
        parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn the_dates_of_a_certificate_are_read() {
        let year = |year| SystemTime::from(rcgen::date_time_ymd(year, 1, 1));

        for (begins, ends) in [(1975, 4096), (2020, 2021), (2049, 2050), (2050, 2051), (2100, 9999)] {
            let read = Validity::of(&certificate(begins, ends)).unwrap();

            assert_eq!(read, Validity { begins: year(begins), ends: year(ends) });
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_dates() {
        assert_eq!(Validity::of(&CertificateDer::from(vec![0x30, 0x00])), None);
    }
}
