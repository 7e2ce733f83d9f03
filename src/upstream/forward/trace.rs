//! Whether a `traceparent` may go up (W3C Trace Context §3.2).

use http::HeaderValue;

/// Checks version, ids and flags; a later version may say more after its flags.
pub(super) fn is_traceparent(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < 55 || bytes.len() > 512 || [2, 35, 52].iter().any(|dash| bytes[*dash] != b'-') {
        return false;
    }
    let (version, trace, parent, flags) = (&bytes[..2], &bytes[3..35], &bytes[36..52], &bytes[53..55]);
    let rest = &bytes[55..];
    let is_id = |id: &[u8]| is_hex(id) && id.iter().any(|digit| *digit != b'0');
    let ends = if version == b"00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with(b"-") };
    is_hex(version) && version != b"ff" && is_id(trace) && is_id(parent) && is_hex(flags) && ends
}

fn is_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid(value: &'static str) -> bool {
        is_traceparent(&HeaderValue::from_static(value))
    }

    #[test]
    fn the_example_of_the_standard_is_valid() {
        assert!(valid("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(valid("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later"));
    }

    #[test]
    fn zero_ids_upper_case_and_odd_lengths_are_not() {
        assert!(!valid(""));
        assert!(!valid("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
        assert!(!valid("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
        assert!(!valid("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
        assert!(!valid("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(!valid("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
        assert!(!valid("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x"));
        assert!(!valid("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    }
}
