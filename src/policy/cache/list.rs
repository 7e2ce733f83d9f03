//! Header fields whose values are comma-separated lists (RFC 9110 §5.6.1).

use http::{HeaderMap, HeaderName};

/// The members of a list over all lines of a field, trimmed, empty ones left out. A comma inside a quoted string does not
/// part members; a quote that never ends quotes nothing.
pub(super) fn members<'a>(fields: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    fields.get_all(name).iter().flat_map(|value| Members(value.as_bytes()))
}

/// The bytes as text, if they are ASCII.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

struct Members<'a>(&'a [u8]);

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let end = member_end(self.0);
            let member = self.0[..end].trim_ascii();
            self.0 = self.0.get(end + 1..).unwrap_or_default();
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

fn member_end(list: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = list.get(at) {
        match byte {
            b',' => return at,
            b'"' => at = quoted_end(list, at).unwrap_or(at) + 1,
            _ => at += 1,
        }
    }
    list.len()
}

/// Where the string that opens at `open` closes.
fn quoted_end(list: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match list.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn split(value: &'static str) -> Vec<&'static str> {
        Members(value.as_bytes()).map(|member| text(member).unwrap()).collect()
    }

    #[test]
    fn commas_part_members_and_quoted_ones_do_not() {
        assert_eq!(split(" a , b=\"x, \\\", y\",,c "), ["a", "b=\"x, \\\", y\"", "c"]);
        assert_eq!(split("a=\"x, b"), ["a=\"x", "b"]);
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split(" , ,"), [""; 0]);
    }

    #[test]
    fn all_lines_of_a_field_are_one_list() {
        let mut fields = HeaderMap::new();
        fields.append(header::VARY, HeaderValue::from_static("accept, foo"));
        fields.append(header::VARY, HeaderValue::from_static("bar"));

        let all: Vec<_> = members(&fields, &header::VARY).collect();

        assert_eq!(all, [&b"accept"[..], b"foo", b"bar"]);
    }
}
