//! The W3C Trace Context: which trace a request belongs to, and which span caused it.

use std::fmt::Write as _;

use http::HeaderValue;
use http::header::GetAll;

/// The longest `tracestate` that is handed on (W3C Trace Context §3.3.1.5 asks for at least 512 characters).
const LONGEST_STATE: usize = 512;

/// A span within a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
    /// Whether somebody wants to have it.
    pub sampled: bool,
}

impl Context {
    /// Reads a `traceparent` (W3C Trace Context §3.2): version, ids and flags; a later version may say more after its flags.
    #[must_use]
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        if bytes.len() < 55 || bytes.len() > 512 || [2, 35, 52].iter().any(|dash| bytes[*dash] != b'-') {
            return None;
        }
        let [version]: [u8; 1] = hex(&bytes[..2])?;
        let (trace, span, [flags]): ([u8; 16], [u8; 8], [u8; 1]) =
            (hex(&bytes[3..35])?, hex(&bytes[36..52])?, hex(&bytes[53..55])?);
        let rest = &bytes[55..];
        let ends = rest.is_empty() || (version != 0 && rest.starts_with(b"-"));
        (version != 0xff && ends && trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, sampled: flags & 1 == 1 })
    }

    /// The caller's, if it sent exactly one that is valid: several are none.
    pub(super) fn received(values: &GetAll<'_, HeaderValue>) -> Option<Self> {
        let mut values = values.iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Self::parse(value),
            _ => None,
        }
    }

    /// The first span of a trace that begins here, sampled if the random end of its id is below `threshold`.
    pub(super) fn first(threshold: u64) -> Self {
        let (high, low) = (fastrand::u64(1..), fastrand::u64(..));
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&high.to_be_bytes());
        trace[8..].copy_from_slice(&low.to_be_bytes());
        Self { trace, span: span(), sampled: threshold == u64::MAX || low < threshold }
    }

    /// A span of the same trace.
    pub(super) fn child(self) -> Self {
        Self { span: span(), ..self }
    }

    /// As `traceparent`.
    pub(super) fn header(self) -> HeaderValue {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        write_hex(&mut text, &self.trace);
        text.push('-');
        write_hex(&mut text, &self.span);
        text.push_str(if self.sampled { "-01" } else { "-00" });
        HeaderValue::try_from(text).expect("digits and dashes are visible ASCII")
    }
}

/// A caller's `tracestate` as one field, for a valid `traceparent` alone; none if it is too long or no list of members.
pub(super) fn state(values: GetAll<'_, HeaderValue>) -> Option<HeaderValue> {
    let mut members = Vec::new();
    for value in values {
        members.extend(value.to_str().ok()?.split(',').map(str::trim).filter(|member| !member.is_empty()));
    }
    let valid = members.len() <= 32 && members.iter().all(|member| member.split_once('=').is_some_and(|(key, _)| is_key(key)));
    let joined = members.join(",");
    if !valid || joined.is_empty() || joined.len() > LONGEST_STATE {
        return None;
    }
    HeaderValue::try_from(joined).ok()
}

fn is_key(key: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    !key.is_empty() && key.len() <= 256 && key.bytes().all(allowed)
}

fn span() -> [u8; 8] {
    fastrand::u64(1..).to_be_bytes()
}

fn write_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to memory cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}

/// Lower-case digits alone are allowed (§3.2.2).
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn valid(value: &'static str) -> bool {
        Context::parse(&HeaderValue::from_static(value)).is_some()
    }

    fn state_of(values: &[&'static str]) -> Option<String> {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append("tracestate", HeaderValue::from_static(value));
        }
        state(fields.get_all("tracestate")).map(|state| state.to_str().unwrap().to_owned())
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

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for sampled in [true, false] {
            let context = Context { sampled, ..Context::first(u64::MAX) };

            assert_eq!(Context::parse(&context.header()), Some(context));
        }
    }

    #[test]
    fn a_ratio_samples_about_that_share() {
        let sampled = |threshold| (0..10_000).filter(|_| Context::first(threshold).sampled).count();

        assert_eq!((sampled(u64::MAX), sampled(0)), (10_000, 0));
        assert!((2_000..3_000).contains(&sampled(u64::MAX / 4)));
    }

    #[test]
    fn a_state_is_handed_on_as_one_field_or_not_at_all() {
        assert_eq!(
            state_of(&["congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7 ,"]).as_deref(),
            Some("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")
        );
        assert_eq!(state_of(&[]), None);
        assert_eq!(state_of(&["no member"]), None);
        assert_eq!(state_of(&["UPPER=1"]), None);
        assert_eq!(state_of(&[Box::leak(format!("a={}", "x".repeat(600)).into_boxed_str())]), None);
    }
}
