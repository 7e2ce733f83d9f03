//! The query rules in their slow and obvious form: every text is decoded, every name compared as a text, every pair encoded anew.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::*;
use crate::catalogue::rule::integer;

/// What [`QueryRules::check`] promises, for queries within its bounds.
pub(super) fn check(rules: &QueryRules, raw: &str, report: &mut Report) -> Option<String> {
    let (mut pairs, mut unambiguous) = (Vec::new(), true);
    for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
        match pair(piece) {
            Ok(pair) => pairs.push(pair),
            Err((name, detail)) => {
                report.add(Violation::safety(Location::Query, &name, detail));
                unambiguous = false;
            }
        }
    }
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let distinct: BTreeMap<&str, &str> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for name in distinct.keys().filter(|name| pairs.iter().filter(|(own, _)| own == *name).count() > 1) {
        report.add(Violation::safety(Location::Query, name, "stands more than once"));
        unambiguous = false;
    }
    for (name, value) in &pairs {
        match rules.parameters().iter().find(|parameter| *parameter.name == **name) {
            Some(parameter) => parameter.rules.check(Location::Query, name, value, report),
            None => report.add(violation(Strictness::Unknown, name, "is not a parameter of this operation")),
        }
    }
    unambiguous.then(|| {
        for (strictness, relation) in rules.relations() {
            if let Some(name) = broken(relation, &distinct) {
                report.add(violation(strictness, name, relation.expectation()));
            }
        }
        distinct.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
    })
}

fn pair(piece: &str) -> Result<(String, String), (String, String)> {
    let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
    let name = decoded(name).map_err(|detail| (String::new(), format!("a parameter's name {detail}")))?;
    if name.is_empty() {
        return Err((name, "a parameter has no name".to_owned()));
    }
    match decoded(value) {
        Ok(value) => Ok((name, value)),
        Err(detail) => Err((name, detail.to_owned())),
    }
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let mut ends = text.split('%').skip(1);
    if !ends.all(|end| end.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))) {
        return Err("has a broken percent-encoding");
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| "is not UTF-8")?.into_owned();
    if decoded.chars().any(char::is_control) { Err("has a control character") } else { Ok(decoded) }
}

fn encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encoded).collect()
}

/// The parameter that a relation is about, if the relation does not hold.
fn broken<'r>(relation: &'r Relation, pairs: &BTreeMap<&str, &str>) -> Option<&'r str> {
    let timestamp = |stem: &str| {
        let seconds = integer(pairs.get(format!("{stem}.seconds").as_str())?)?;
        let nanos = pairs.get(format!("{stem}.nanos").as_str()).map_or(Some(0), |nanos| integer(nanos))?;
        Some((seconds, nanos))
    };
    let (name, is_broken) = match relation {
        Relation::Requires { name, other } => (name, pairs.contains_key(&**name) && !pairs.contains_key(&**other)),
        Relation::NotAfter { name, other } => (name, timestamp(name)? > timestamp(other)?),
    };
    is_broken.then_some(name)
}
