//! Conditional requests, answered from what the cache holds (RFC 9110 §13, RFC 9111 §4.3.2).

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::freshness::http_date;

/// What a 304 repeats of the 200 it stands for (RFC 9110 §15.4.5).
const REPEATED: [HeaderName; 6] =
    [header::CACHE_CONTROL, header::CONTENT_LOCATION, header::DATE, header::ETAG, header::EXPIRES, header::VARY];

/// Whether the caller already has the answer with these fields. `If-None-Match` decides alone if it is there.
pub(super) fn is_held_by_caller(request: &HeaderMap, answer: &HeaderMap) -> bool {
    if request.contains_key(header::IF_NONE_MATCH) {
        let mut lines = request.get_all(header::IF_NONE_MATCH).iter();
        lines.any(|line| matches(line.as_bytes(), answer.get(header::ETAG)))
    } else {
        let since = date(request, &header::IF_MODIFIED_SINCE);
        let modified = date(answer, &header::LAST_MODIFIED);
        since.zip(modified).is_some_and(|(since, modified)| modified <= since)
    }
}

/// The fields of a 304.
pub(super) fn repeated(answer: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(REPEATED.len() + 1);
    for name in REPEATED {
        for value in answer.get_all(&name) {
            fields.append(name.clone(), value.clone());
        }
    }
    fields
}

/// Whether a line of `If-None-Match` names this entity tag, by the weak comparison (RFC 9110 §8.8.3.2).
fn matches(line: &[u8], tag: Option<&HeaderValue>) -> bool {
    let Some(tag) = tag else { return false };
    let held = opaque(tag.as_bytes());
    let mut rest = line.trim_ascii();
    if rest == b"*" {
        return true;
    }
    while let Some((asked, after)) = split_tag(rest) {
        if asked == held {
            return true;
        }
        rest = after;
    }
    false
}

/// The first entity tag of a list without its weakness, and what follows it. A tag has no escapes, and may hold commas.
fn split_tag(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = list.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t'))?;
    let tag = opaque(&list[start..]);
    let close = tag.iter().skip(1).position(|byte| *byte == b'"')? + 1;
    (tag[0] == b'"').then(|| tag.split_at(close + 1))
}

/// Whether a value is one entity tag and nothing else (RFC 9110 §8.8.3).
pub(super) fn is_tag(value: &[u8]) -> bool {
    split_tag(value).is_some_and(|(_, rest)| rest.is_empty() && value.first().is_some_and(|byte| matches!(byte, b'"' | b'W')))
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

fn date(fields: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    http_date(fields.get(name)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &'static str, tag: &'static str) -> bool {
        matches(line.as_bytes(), Some(&HeaderValue::from_static(tag)))
    }

    #[test]
    fn tags_are_compared_weakly_anywhere_in_the_list() {
        assert!(named(r#""a""#, r#""a""#));
        assert!(named(r#"W/"a""#, r#""a""#));
        assert!(named(r#""a""#, r#"W/"a""#));
        assert!(named(r#""x" , ,"y",W/"a""#, r#""a""#));
        assert!(named("*", r#""a""#));
        assert!(!named(r#""x", "aa""#, r#""a""#));
    }

    #[test]
    fn a_tag_may_hold_a_comma_or_a_backslash() {
        assert!(named(r#""x,", "a,b""#, r#""a,b""#));
        assert!(named(r#""x\", "a""#, r#""a""#));
        assert!(!named(r#""x, a""#, r#""a""#));
    }

    #[test]
    fn what_is_no_tag_names_none() {
        for line in ["a", "\"a", "", ",", "\"", "W/", "a\"", "**"] {
            assert!(!named(line, r#""a""#), "{line}");
        }
        assert!(!matches(b"*", None));
    }

    #[test]
    fn a_date_decides_only_where_no_tag_is_asked_for() {
        let mut request = HeaderMap::new();
        request.insert(header::IF_MODIFIED_SINCE, HeaderValue::from_static("Thu, 01 Jan 1970 00:01:00 GMT"));
        let mut answer = HeaderMap::new();
        assert!(!is_held_by_caller(&request, &answer));

        answer.insert(header::LAST_MODIFIED, HeaderValue::from_static("Thu, 01 Jan 1970 00:01:00 GMT"));
        assert!(is_held_by_caller(&request, &answer));

        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert!(!is_held_by_caller(&request, &answer));
    }
}
