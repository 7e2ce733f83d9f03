//! Renewing what is held with the upstream's validators: asking whether it changed, and taking up a 304 (RFC 9111 §4.3).

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::answer::is_kept;
use super::conditional::is_tag;
use super::freshness::http_date;
use crate::stage::Validators;

/// How much older than its answer a `Last-Modified` must be to change with every change (RFC 9110 §8.8.2.2).
const RESOLUTION: Duration = Duration::from_secs(1);

/// Fields that describe the bytes that are held, which a 304 does not bring.
const OF_THE_BYTES: [HeaderName; 3] = [header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::CONTENT_RANGE];

/// What an answer can be renewed by. A date is good for it only where it cannot hide a second change within its second.
pub(super) fn validators(status: StatusCode, fields: &HeaderMap) -> Option<Arc<Validators>> {
    if status != StatusCode::OK {
        return None;
    }
    let entity_tag = fields.get(header::ETAG).filter(|tag| is_tag(tag.as_bytes())).cloned();
    let last_modified = fields.get(header::LAST_MODIFIED).filter(|date| is_strong(date, fields)).cloned();
    (entity_tag.is_some() || last_modified.is_some()).then(|| Arc::new(Validators { entity_tag, last_modified }))
}

/// Whether a 304 with these fields speaks of what is held. One that names nothing means what it was asked about.
pub(super) fn confirms(fields: &HeaderMap, held: &Validators) -> bool {
    let opaque = |tag: &HeaderValue| tag.as_bytes().strip_prefix(b"W/").unwrap_or(tag.as_bytes()).to_vec();
    match (fields.get(header::ETAG), &held.entity_tag) {
        (Some(named), Some(tag)) => opaque(named) == opaque(tag),
        _ => match (fields.get(header::LAST_MODIFIED), &held.last_modified) {
            (Some(named), Some(date)) => named == date,
            _ => true,
        },
    }
}

/// The held fields with those of a 304 in place of their namesakes. `Date` and `Age` are the 304's alone, since they tell how
/// old it is; so is an entity tag that was made here.
pub(super) fn updated(held: &HeaderMap, by: &HeaderMap, own_tag: bool) -> HeaderMap {
    let mut fields = held.clone();
    for name in [Some(header::DATE), own_tag.then_some(header::ETAG)].into_iter().flatten() {
        fields.remove(name);
    }
    // `Set-Cookie` and `Age` are not kept, but decide whether the answer is.
    let counts = |name: &HeaderName| is_kept(name, by) || [header::SET_COOKIE, header::AGE].contains(name);
    let brought = || by.iter().filter(|(name, _)| counts(name) && !OF_THE_BYTES.contains(name));
    for (name, _) in brought() {
        fields.remove(name);
    }
    for (name, value) in brought() {
        fields.append(name.clone(), value.clone());
    }
    fields
}

fn is_strong(modified: &HeaderValue, fields: &HeaderMap) -> bool {
    let dates = http_date(modified.as_bytes()).zip(fields.get(header::DATE).and_then(|date| http_date(date.as_bytes())));
    dates.is_some_and(|(modified, date)| date.duration_since(modified).is_ok_and(|age| age >= RESOLUTION))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        fields
    }

    fn given(lines: &[(&'static str, &'static str)]) -> Option<(bool, bool)> {
        validators(StatusCode::OK, &fields(lines)).map(|given| (given.entity_tag.is_some(), given.last_modified.is_some()))
    }

    const DATE: (&str, &str) = ("date", "Thu, 01 Jan 1970 00:01:00 GMT");

    #[test]
    fn only_what_changes_with_every_change_is_a_validator() {
        assert_eq!(given(&[("etag", "\"1\"")]), Some((true, false)));
        assert_eq!(given(&[("etag", "W/\"1\"")]), Some((true, false)));
        assert_eq!(given(&[("etag", "1")]), None);
        assert_eq!(given(&[DATE, ("last-modified", "Thu, 01 Jan 1970 00:00:59 GMT")]), Some((false, true)));
        assert_eq!(given(&[DATE, ("last-modified", "Thu, 01 Jan 1970 00:01:00 GMT")]), None);
        assert_eq!(given(&[("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")]), None);
        assert_eq!(given(&[DATE, ("last-modified", "yesterday")]), None);
    }

    #[test]
    fn a_304_that_names_another_answer_confirms_nothing() {
        let tagged = Validators { entity_tag: Some(HeaderValue::from_static("\"1\"")), last_modified: None };
        let dated = Validators { entity_tag: None, last_modified: Some(HeaderValue::from_static("Thu")) };

        assert!(confirms(&fields(&[]), &tagged) && confirms(&fields(&[]), &dated));
        assert!(confirms(&fields(&[("etag", "W/\"1\"")]), &tagged));
        assert!(!confirms(&fields(&[("etag", "\"2\"")]), &tagged));
        assert!(confirms(&fields(&[("last-modified", "Thu")]), &dated));
        assert!(!confirms(&fields(&[("last-modified", "Fri")]), &dated));
    }

    #[test]
    fn a_304_renews_the_fields_but_those_of_the_bytes_and_of_the_connection() {
        let held = fields(&[("etag", "\"1\""), ("x-a", "1"), ("x-a", "2"), ("x-b", "1"), ("content-length", "9"), DATE]);
        let by = fields(&[
            ("x-a", "3"),
            ("cache-control", "max-age=1"),
            ("content-length", "0"),
            ("content-encoding", "gzip"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
        ]);

        let updated = updated(&held, &by, false);

        let mut lines: Vec<_> = updated.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["cache-control: max-age=1", "content-length: 9", "etag: \"1\"", "x-a: 3", "x-b: 1"]);
    }
}
