//! Header fields that concern one connection only, and must not go beyond it (RFC 9110 §7.6.1).

use http::header::{self, HeaderMap, HeaderName};

use crate::fields::is_hop_by_hop;

/// Meant for every recipient, so that `Connection` cannot name them: to heed it would let a private answer be cached.
static END_TO_END: [HeaderName; 5] =
    [header::CACHE_CONTROL, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::SET_COOKIE, header::VARY];

/// Only the gateway says these to its callers: that an answer was repeated, and where else it could be reached (RFC 7838).
static GATEWAYS: [HeaderName; 2] = [HeaderName::from_static("idempotent-replayed"), header::ALT_SVC];

/// Removes the fields of the connection they came over, and those that are not Passport's to say.
pub(super) fn remove_hop_by_hop(fields: &mut HeaderMap) {
    if fields.contains_key(header::CONNECTION) {
        let values = fields.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named = values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
        let named: Vec<HeaderName> = named.filter(|name| !END_TO_END.contains(name)).collect();
        for name in named {
            fields.remove(name);
        }
    }
    let dropped: Vec<HeaderName> = fields.keys().filter(|name| is_hop_by_hop(name) || GATEWAYS.contains(name)).cloned().collect();
    for name in dropped {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn remaining(fields: &[(&'static str, &'static str)]) -> Vec<String> {
        let fields = fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut fields: HeaderMap = fields.collect();
        remove_hop_by_hop(&mut fields);
        let mut names: Vec<_> = fields.keys().map(ToString::to_string).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn fields_of_the_connection_go_by_name_and_by_being_named() {
        let left = remaining(&[
            ("connection", "close, X-Hop"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("trailer", "digest"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-hop", "1"),
            ("x-end", "1"),
        ]);

        assert_eq!(left, ["x-end"]);
    }

    #[test]
    fn naming_a_field_for_every_recipient_does_not_remove_it() {
        assert_eq!(remaining(&[("connection", "cache-control, set-cookie"), ("cache-control", "no-store")]), ["cache-control"]);
    }
}
