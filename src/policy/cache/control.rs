//! `Cache-Control` of requests and answers (RFC 9111 §5.2); what is malformed makes the cache more careful, never less.

use std::time::Duration;

use http::{HeaderMap, HeaderName, header};

use super::list::{members, text};

const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The greatest span of time a directive can name: RFC 9111 §1.2.2 lets a recipient stop counting at 2^31 seconds.
const LONGEST: Duration = Duration::from_secs(1 << 31);

/// The directives that the cache obeys. A span is `None` when its directive is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive of its own")]
pub(super) struct CacheControl {
    /// `no-store`.
    pub no_store: bool,
    /// `no-cache`, also where it names fields; `Pragma: no-cache` where there is no `Cache-Control` (RFC 9111 §5.4).
    pub no_cache: bool,
    /// `private`, also where it names fields.
    pub private: bool,
    /// `must-revalidate`, `proxy-revalidate`, or what implies it for a shared cache: `s-maxage` (RFC 9111 §5.2.2.10).
    pub must_revalidate: bool,
    /// `max-age`; the shortest, if there are several.
    pub max_age: Option<Duration>,
    /// `s-maxage`; the shortest, if there are several.
    pub s_maxage: Option<Duration>,
    /// `min-fresh`; the longest, if there are several.
    pub min_fresh: Option<Duration>,
    /// `max-stale`; without an argument, any staleness.
    pub max_stale: Option<Duration>,
    /// `only-if-cached`, of a request.
    pub only_if_cached: bool,
    /// `stale-while-revalidate` (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
}

impl CacheControl {
    /// Reads the directives of an answer: those for caches like this one (RFC 9213) count beside those for all, and where they
    /// differ the more careful hold.
    pub(super) fn of_answer(fields: &HeaderMap) -> Self {
        let mut control = Self::of(fields);
        members(fields, &CDN_CACHE_CONTROL).for_each(|member| control.read(member));
        control
    }

    /// Reads the directives of a request or an answer.
    pub(super) fn of(fields: &HeaderMap) -> Self {
        let mut control = Self::default();
        if fields.contains_key(header::CACHE_CONTROL) {
            members(fields, &header::CACHE_CONTROL).for_each(|member| control.read(member));
        } else {
            control.no_cache = members(fields, &header::PRAGMA).any(|member| member.eq_ignore_ascii_case(b"no-cache"));
        }
        control
    }

    /// Whether a request with these directives may have the answer to a call that began so long ago and has not ended.
    pub(super) fn may_join(&self, elapsed: Duration) -> bool {
        !self.no_cache && self.max_age.is_none_or(|most| !most.is_zero() && elapsed <= most)
    }

    fn read(&mut self, member: &[u8]) {
        let (name, argument) = directive(member);
        match name.to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"must-revalidate" | b"proxy-revalidate" => self.must_revalidate = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => shortest(&mut self.max_age, seconds(argument)),
            b"s-maxage" => {
                self.must_revalidate = true;
                shortest(&mut self.s_maxage, seconds(argument));
            }
            b"min-fresh" => self.min_fresh = self.min_fresh.max(Some(seconds(argument).unwrap_or(LONGEST))),
            b"max-stale" if argument.is_none() => shortest(&mut self.max_stale, Some(LONGEST)),
            b"max-stale" => shortest(&mut self.max_stale, seconds(argument)),
            b"stale-while-revalidate" => shortest(&mut self.stale_while_revalidate, seconds(argument)),
            b"stale-if-error" => shortest(&mut self.stale_if_error, seconds(argument)),
            _ => {}
        }
    }
}

/// Keeps the shorter span. One that cannot be read is none at all: the answer is stale from the start (RFC 9111 §4.2.1).
fn shortest(span: &mut Option<Duration>, other: Option<Duration>) {
    let other = other.unwrap_or_default();
    *span = Some(span.map_or(other, |span| span.min(other)));
}

fn directive(member: &[u8]) -> (&[u8], Option<&[u8]>) {
    match member.iter().position(|byte| *byte == b'=') {
        Some(at) => (member[..at].trim_ascii(), Some(member[at + 1..].trim_ascii())),
        None => (member, None),
    }
}

/// Delta-seconds (RFC 9111 §1.2.2), as a token or quoted: recipients take both (§5.2).
fn seconds(argument: Option<&[u8]>) -> Option<Duration> {
    let argument = argument?;
    let digits = argument.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(argument);
    delta_seconds(digits)
}

/// A span written as decimal digits alone, cut at 2^31 seconds.
pub(super) fn delta_seconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = text(digits).and_then(|digits| digits.parse().ok()).map_or(LONGEST, Duration::from_secs);
    Some(seconds.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn control(value: &str) -> CacheControl {
        let mut fields = HeaderMap::new();
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_str(value).unwrap());
        CacheControl::of(&fields)
    }

    #[expect(clippy::unnecessary_wraps, reason = "every use compares with an optional span")]
    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn names_ignore_case_and_arguments_may_be_quoted() {
        let read = control("No-Store, MAX-AGE=\"12\" ,, s-maxage = 7, private=\"a, b\", stale-if-error=3");

        assert!(read.no_store && read.private && read.must_revalidate && !read.no_cache);
        assert_eq!((read.max_age, read.s_maxage, read.stale_if_error), (secs(12), secs(7), secs(3)));
    }

    #[test]
    fn a_directive_inside_a_quoted_argument_is_none() {
        let read = control(r#"extension="no-store, max-age=1 \", private", max-age=9"#);

        assert_eq!(read, CacheControl { max_age: secs(9), ..CacheControl::default() });
    }

    #[test]
    fn a_quote_that_never_ends_hides_nothing() {
        assert!(control(r#"extension="oops, no-store"#).no_store);
    }

    #[test]
    fn a_span_that_cannot_be_read_is_none_at_all() {
        for value in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=1 2", "max-age=\"1", "max-age=0x10"] {
            assert_eq!(control(value).max_age, secs(0), "{value}");
        }
        assert_eq!(control("min-fresh=soon").min_fresh, Some(LONGEST));
    }

    #[test]
    fn of_two_spans_the_more_careful_holds() {
        assert_eq!(control("max-age=60, max-age=5").max_age, secs(5));
        assert_eq!(control("min-fresh=5, min-fresh=60").min_fresh, secs(60));
        assert_eq!(control("max-stale, max-stale=5").max_stale, secs(5));
    }

    #[test]
    fn fields_on_several_lines_are_one_list() {
        let mut fields = HeaderMap::new();
        fields.append(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        fields.append(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));

        assert!(CacheControl::of(&fields).no_cache);
    }

    #[test]
    fn pragma_counts_only_where_there_is_no_cache_control() {
        let mut fields = HeaderMap::new();
        fields.insert(header::PRAGMA, HeaderValue::from_static("x, No-Cache"));
        assert!(CacheControl::of(&fields).no_cache);

        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=1"));
        assert!(!CacheControl::of(&fields).no_cache);
    }

    proptest! {
        #[test]
        fn what_is_forbidden_stays_forbidden_whatever_stands_around_it(
            before in prop::collection::vec("[a-z-]{1,8}(=[0-9]{1,4})?", 0..4),
            after in prop::collection::vec("[a-z-]{1,8}(=\"[a-z, ]{0,8}\")?", 0..4),
        ) {
            let mut all = before;
            all.push("no-store".to_owned());
            all.extend(after);

            prop_assert!(control(&all.join(", ")).no_store);
        }

        #[test]
        fn every_number_of_seconds_is_read_and_cut_at_the_longest(seconds in any::<u128>()) {
            let read = control(&format!("max-age={seconds}")).max_age.unwrap();

            prop_assert_eq!(u128::from(read.as_secs()), seconds.min(1 << 31));
        }

        #[test]
        fn no_value_makes_the_reader_fail(value in "[ -~]{0,60}") {
            control(&value);
        }
    }
}
