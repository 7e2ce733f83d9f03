//! How long an upstream wants to be left alone (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

/// The longest wait that is heeded: a slip of Passport's must not stop a tenant for a day.
const CAP: Duration = Duration::from_mins(1);

/// `Retry-After` in seconds or as a date, capped; none if there is none that says anything.
pub(super) fn retry_after(fields: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let value = fields.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(if value.is_empty() { 0 } else { u64::MAX }))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(wall).ok()?
    };
    Some(wait.min(CAP)).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    use super::*;

    fn wait(value: &'static str) -> Option<Duration> {
        let fields = HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(value))]);
        retry_after(&fields, UNIX_EPOCH + Duration::from_secs(784_111_767))
    }

    #[test]
    fn both_forms_are_understood() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_long_wait_is_capped() {
        assert_eq!(wait("86400"), Some(CAP));
        assert_eq!(wait("99999999999999999999999999"), Some(CAP));
        assert_eq!(wait("Sat, 06 Nov 2094 08:49:37 GMT"), Some(CAP));
    }

    #[test]
    fn what_says_nothing_is_no_wait() {
        for value in ["", "0", "-1", "1.5", "soon", "Tue, 06 Nov 1984 08:49:37 GMT"] {
            assert_eq!(wait(value), None, "{value}");
        }
    }
}
