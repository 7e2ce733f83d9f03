//! What an answer is expected to be: the same list says what is shown of it and what is checked.

use http::StatusCode;
use serde_json::Value;

use super::call::Answer;

/// Expectations of one answer.
pub(super) struct Expect {
    status: StatusCode,
    problem: Option<&'static str>,
    fields: Vec<(&'static str, Holds)>,
    members: Vec<(&'static str, Value)>,
    shown: Vec<&'static str>,
    errors: usize,
}

/// What a header field must hold.
enum Holds {
    /// This text, somewhere in it.
    Part(&'static str),
    /// Whole seconds within these bounds.
    Seconds(u64, u64),
}

impl Expect {
    /// This status.
    pub(super) fn status(status: StatusCode) -> Self {
        Self { status, problem: None, fields: Vec::new(), members: Vec::new(), shown: Vec::new(), errors: 0 }
    }

    /// 200.
    pub(super) fn ok() -> Self {
        Self::status(StatusCode::OK)
    }

    /// A problem of the gateway's own, with this status and name.
    pub(super) fn problem(status: StatusCode, name: &'static str) -> Self {
        Self { problem: Some(name), ..Self::status(status) }
    }

    /// A header field that contains `part`.
    pub(super) fn field(mut self, name: &'static str, part: &'static str) -> Self {
        self.fields.push((name, Holds::Part(part)));
        self
    }

    /// A header field of whole seconds, from `least` to `most`.
    pub(super) fn seconds(mut self, name: &'static str, least: u64, most: u64) -> Self {
        self.fields.push((name, Holds::Seconds(least, most)));
        self
    }

    /// A member of the body, by JSON pointer, with this value.
    pub(super) fn member(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((pointer, value.into()));
        self
    }

    /// A member of the body that is there; its value is shown, whatever it is.
    pub(super) fn shows(mut self, pointer: &'static str) -> Self {
        self.shown.push(pointer);
        self
    }

    /// At least so many faults, all in one answer.
    pub(super) fn errors(self, least: usize) -> Self {
        Self { errors: least, ..self }
    }

    /// The telling lines of an answer: its status, and whatever is expected of it.
    pub(super) fn lines(&self, answer: &Answer) -> Vec<String> {
        let mut lines = vec![answer.status.to_string()];
        lines.extend(self.fields.iter().filter_map(|(name, _)| Some(format!("{name}: {}", answer.field(name)?))));
        if let Some(problem) = answer.problem() {
            lines.push(format!("{problem}: {}", answer.text("/detail").unwrap_or_default()));
        }
        lines.extend(answer.errors().into_iter().map(|error| format!("- {error}")));
        let pointers = self.members.iter().map(|(pointer, _)| pointer).chain(&self.shown);
        lines.extend(pointers.filter_map(|pointer| Some(format!("{} = {}", path(pointer), answer.body.pointer(pointer)?))));
        lines
    }

    /// What of an answer is otherwise than expected.
    pub(super) fn differences(&self, answer: &Answer) -> Vec<String> {
        let mut differences = Vec::new();
        if answer.status != self.status {
            differences.push(format!("the status is {}, not {}", answer.status, self.status));
        }
        if answer.problem() != self.problem {
            let name = |problem: Option<&str>| problem.map_or("no problem".to_owned(), |name| format!("`{name}`"));
            differences.push(format!("the answer is {}, not {}", name(answer.problem()), name(self.problem)));
        }
        differences.extend(self.fields.iter().filter_map(|(name, holds)| holds.difference(name, answer.field(name))));
        for (pointer, wanted) in &self.members {
            let found = answer.body.pointer(pointer);
            if found != Some(wanted) {
                differences.push(format!("{} is {}, not {wanted}", path(pointer), found.unwrap_or(&Value::Null)));
            }
        }
        let missing = self.shown.iter().filter(|pointer| answer.body.pointer(pointer).is_none());
        differences.extend(missing.map(|pointer| format!("{} is missing", path(pointer))));
        let errors = answer.errors().len();
        if errors < self.errors {
            differences.push(format!("{errors} faults are listed, not {}", self.errors));
        }
        differences
    }
}

impl Holds {
    fn difference(&self, name: &str, value: Option<&str>) -> Option<String> {
        let Some(value) = value else { return Some(format!("{name} is missing")) };
        match self {
            Self::Part(part) => (!value.contains(part)).then(|| format!("{name} is `{value}`, without `{part}`")),
            Self::Seconds(least, most) => {
                let within = value.parse().is_ok_and(|seconds: u64| (*least..=*most).contains(&seconds));
                (!within).then(|| format!("{name} is `{value}`, not from {least} to {most}"))
            }
        }
    }
}

/// A JSON pointer as people write it.
fn path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;
    use serde_json::json;

    use super::*;

    fn limited() -> Answer {
        let body = json!({"type": "urn:passport-gateway:problem:rate-limited", "detail": "Wait.", "errors": []});
        let response = Response::builder().status(429).header("retry-after", "7").header("ratelimit", r#""tenant";r=0;t=7"#);
        response.body(Bytes::from(body.to_string())).unwrap().into()
    }

    #[test]
    fn what_is_as_told_has_no_differences() {
        let expect = Expect::problem(StatusCode::TOO_MANY_REQUESTS, "rate-limited")
            .seconds("retry-after", 1, 10)
            .field("ratelimit", "r=0")
            .member("/detail", "Wait.")
            .shows("/errors");

        assert_eq!(expect.differences(&limited()), Vec::<String>::new());
        assert_eq!(
            expect.lines(&limited())[..4],
            ["429 Too Many Requests", "retry-after: 7", r#"ratelimit: "tenant";r=0;t=7"#, "rate-limited: Wait."]
        );
    }

    #[test]
    fn everything_that_differs_is_named() {
        let expect = Expect::ok()
            .seconds("retry-after", 1, 6)
            .field("ratelimit", "r=1")
            .field("age", "0")
            .member("/detail", "Hurry.")
            .shows("/customers")
            .errors(1);

        assert_eq!(
            expect.differences(&limited()),
            [
                "the status is 429 Too Many Requests, not 200 OK",
                "the answer is `rate-limited`, not no problem",
                "retry-after is `7`, not from 1 to 6",
                "ratelimit is `\"tenant\";r=0;t=7`, without `r=1`",
                "age is missing",
                "detail is \"Wait.\", not \"Hurry.\"",
                "customers is missing",
                "0 faults are listed, not 1",
            ]
        );
    }
}
