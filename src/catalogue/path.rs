//! Path templates, the safety of paths, and the values matched in them.
//!
//! Whatever two servers could read as two different paths is refused, never normalised.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

/// The longest segment that a parameter matches.
const MAX_SEGMENT: usize = 128;

/// The segments that a parameter matches, as a regular expression for documents; `.` and `..` are none either.
pub const SEGMENT_PATTERN: &str = "^[A-Za-z0-9._~-]{1,128}$";

/// A path whose segments are literal or, written `{name}`, parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Arc<str>,
    segments: Box<[Segment]>,
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    Parameter(Box<str>),
}

impl Template {
    /// Reads a template: segments of letters, digits, `-`, `_`, `.` and `~`, or `{parameter}`.
    ///
    /// # Errors
    /// Any other shape, a parameter named twice, or a template that could reach `/v1/iam`, where Passport's tokens are made.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let rest = text.strip_prefix('/').ok_or(TemplateError::NotAbsolute)?;
        let segments = rest.split('/').map(Segment::parse).collect::<Option<Box<[_]>>>().ok_or(TemplateError::Segment)?;
        let template = Self { text: text.into(), segments };
        if template.parameters().enumerate().any(|(at, name)| template.parameters().take(at).any(|earlier| earlier == name)) {
            return Err(TemplateError::ParameterTwice);
        }
        if template.may_reach_iam() { Err(TemplateError::Iam) } else { Ok(template) }
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its parameters, in the order of the path.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(&**name),
            Segment::Literal(_) => None,
        })
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn may_reach_iam(&self) -> bool {
        let may_be = |at: usize, text: &str| match self.segments.get(at) {
            Some(Segment::Literal(literal)) => literal.eq_ignore_ascii_case(text),
            Some(Segment::Parameter(_)) => true,
            None => false,
        };
        may_be(0, "v1") && may_be(1, "iam")
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        let Some(name) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return is_segment(text).then(|| Self::Literal(text.into()));
        };
        let legal = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        legal.then(|| Self::Parameter(name.into()))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no path template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It does not begin with a slash.
    #[error("a path begins with `/`")]
    NotAbsolute,
    /// A segment is empty or holds a character that needs care.
    #[error("a segment is letters, digits, `-`, `_`, `.` and `~`, or a `{{parameter}}` in lower case; none may be empty")]
    Segment,
    /// Two segments bear one name.
    #[error("a parameter stands in a path once")]
    ParameterTwice,
    /// The token endpoints belong to the gateway alone.
    #[error("`/v1/iam` is never exposed: the gateway alone makes tokens")]
    Iam,
}

/// The values a path held, validated, in the order of the operation's parameters. They may be personal data and do not print.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct PathParameters(SmallVec<[Box<str>; 1]>);

impl PathParameters {
    /// The values, each a safe segment.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|value| &**value)
    }

    /// The value of the operation's parameter at this place.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&str> {
        self.0.get(place).map(|value| &**value)
    }

    /// Takes values that are all safe segments; the first that is not says why.
    pub(super) fn validated<'v>(values: impl Iterator<Item = &'v str>) -> Result<Self, &'static str> {
        let checked = values.map(|value| match value {
            long if long.len() > MAX_SEGMENT => Err("a segment of the path is too long"),
            safe if is_segment(safe) => Ok(Box::from(safe)),
            _ => Err("a segment of the path holds a character other than letters, digits, `-`, `_`, `.` and `~`"),
        });
        checked.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for PathParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathParameters({} redacted)", self.0.len())
    }
}

/// Whether a path is of segments of letters, digits, `-`, `_` and `~`, none empty: nearly all are, and nothing can be wrong with one.
fn is_plain(path: &str) -> bool {
    let mut before = b'/';
    let plain = path.bytes().skip(1).fold(true, |plain, byte| {
        let fits = if byte == b'/' { before != b'/' } else { byte != b'.' && is_segment_byte(byte) };
        before = byte;
        plain & fits
    });
    plain && path.starts_with('/') && before != b'/'
}

/// The path with its percent-encoding undone, if no server could read it in two ways (RFC 3986 §2.3, §3.3, §5.2.4).
///
/// Encoded characters may only be those that need no encoding, and not the dot, so that decoding cannot make a separator, a dot
/// segment or anything else of meaning.
pub(super) fn unambiguous(path: &str) -> Result<Cow<'_, str>, &'static str> {
    if is_plain(path) {
        return Ok(Cow::Borrowed(path));
    }
    if !path.starts_with('/') {
        return Err("the path does not begin with a slash");
    }
    if path.contains("//") {
        return Err("the path has an empty segment");
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("the path has a dot segment");
    }
    for byte in path.bytes() {
        match byte {
            b'\\' => return Err("the path has a backslash"),
            b';' => return Err("the path has a semicolon"),
            _ if byte.is_ascii_control() => return Err("the path has a control character"),
            _ if !byte.is_ascii() => return Err("the path has a character outside ASCII"),
            _ => {}
        }
    }
    if path.contains('%') { decode(path).map(Cow::Owned) } else { Ok(Cow::Borrowed(path)) }
}

fn decode(path: &str) -> Result<String, &'static str> {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            None => return Err("the path has a broken percent-encoding"),
            Some(byte) if is_segment_byte(byte) && byte != b'.' => decoded.push(char::from(byte)),
            Some(_) => return Err("the path has a percent-encoded character that no segment may hold"),
        }
        decoded.push_str(&part[2..]);
    }
    Ok(decoded)
}

/// Whether the text may stand as a segment just as it is: unreserved characters of RFC 3986 §2.3, and no dot segment.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && !matches!(text, "." | "..") && text.bytes().all(is_segment_byte)
}

fn is_segment_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_path_that_is_plain_is_found_unambiguous_by_looking_closely(path in "/?[a-z0-9._~/%-]{0,12}") {
            if is_plain(&path) {
                let segments: Vec<&str> = path.split('/').collect();
                prop_assert!(segments[0].is_empty() && segments[1..].iter().all(|segment| is_segment(segment)), "{}", path);
            }
        }
    }

    #[test]
    fn a_template_names_its_parameters_in_order() {
        let template = Template::parse("/v1/keys/{key_id}/suspend/{reason}").unwrap();

        assert_eq!(template.parameters().collect::<Vec<_>>(), ["key_id", "reason"]);
        assert_eq!(template.as_str(), "/v1/keys/{key_id}/suspend/{reason}");
    }

    #[test]
    fn a_faulty_template_says_why() {
        for (text, error) in [
            ("v1/customers", TemplateError::NotAbsolute),
            ("/", TemplateError::Segment),
            ("/v1/customers/", TemplateError::Segment),
            ("/v1//customers", TemplateError::Segment),
            ("/v1/../customers", TemplateError::Segment),
            ("/v1/{Id}", TemplateError::Segment),
            ("/v1/{}", TemplateError::Segment),
            ("/v1/a{id}", TemplateError::Segment),
            ("/v1/{*rest}", TemplateError::Segment),
            ("/v1/keys/{id}/{id}", TemplateError::ParameterTwice),
            ("/v1/iam/oauth/tokens", TemplateError::Iam),
            ("/V1/IAM", TemplateError::Iam),
            ("/v1/{anything}", TemplateError::Iam),
            ("/{version}/iam", TemplateError::Iam),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_path_that_can_be_read_in_two_ways_is_refused() {
        for path in [
            "",
            "v1/customers",
            "*",
            "//v1/customers",
            "/v1//customers",
            "/v1/./customers",
            "/v1/../iam",
            "/v1/customers/..",
            "/v1/%2e%2e/iam",
            "/v1/%2E/customers",
            "/v1/customers%2Fx",
            "/v1/customers%2fx",
            "/v1/customers%5cx",
            "/v1/customers\\x",
            "/v1/customers;a=b",
            "/v1/customers%3Ba",
            "/v1/customers/%00",
            "/v1/customers/\0",
            "/v1/customers/\r\n",
            "/v1/customers/\u{7f}",
            "/v1/customers/é",
            "/v1/customers/%C3%A9",
            "/v1/customers/%",
            "/v1/customers/%4",
            "/v1/customers/%zz",
            "/v1/customers/%+1",
            "/v1/customers/%252e",
            "/v1/customers/%20",
        ] {
            assert!(unambiguous(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn needless_encoding_is_undone() {
        assert_eq!(unambiguous("/v1/customers/%64b7e%2D%7e").unwrap(), "/v1/customers/db7e-~");
    }

    #[test]
    fn only_safe_segments_become_parameters() {
        assert!(PathParameters::validated(["db7e89e7-59d8-4ab1-b675-a2ae52c3339e"].into_iter()).is_ok());
        for value in ["a:b", "a@b", "..", "", "a b", &"x".repeat(MAX_SEGMENT + 1)] {
            assert!(PathParameters::validated([value].into_iter()).is_err(), "{value}");
        }
    }

    #[test]
    fn documents_describe_the_segments_that_are_taken() {
        let pattern = regex::Regex::new(SEGMENT_PATTERN).unwrap();
        let longest = "x".repeat(MAX_SEGMENT);
        let longer = "x".repeat(MAX_SEGMENT + 1);

        for value in ["db7e89e7-59d8", "A~b_c.d", "a:b", "a b", "", "é", "%41", &longest, &longer] {
            assert_eq!(pattern.is_match(value), PathParameters::validated([value].into_iter()).is_ok(), "{value}");
        }
    }

    #[test]
    fn parameters_do_not_print_their_values() {
        let parameters = PathParameters::validated(["900123456"].into_iter()).unwrap();

        assert!(!format!("{parameters:?}").contains("900123456"));
    }

    proptest! {
        #[test]
        fn decoding_never_changes_the_number_of_segments(path in "/[a-zA-Z0-9%/._;-]{0,40}") {
            if let Ok(decoded) = unambiguous(&path) {
                prop_assert_eq!(decoded.split('/').count(), path.split('/').count());
                prop_assert!(decoded.split('/').all(|segment| !matches!(segment, "." | "..")));
            }
        }
    }
}
