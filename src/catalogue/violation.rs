//! What is wrong with a request, how sure we are of the rule it breaks, and whether that refuses it.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// Where in a request a violation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// A segment of the path.
    Path,
    /// A query parameter.
    Query,
    /// The body, or a member of it.
    Body,
    /// A header field.
    Header,
}

/// How a rule came to be known, which decides how it is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strictness {
    /// What could be read in two ways, or harm us: always enforced.
    Safety,
    /// What Passport documents: it would answer 400.
    Documented,
    /// What nobody documents, but examples and clients suggest.
    Inferred,
    /// A parameter or member that no rule knows.
    Unknown,
}

impl Strictness {
    /// The word for it in the catalogue and in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Documented => "documented",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

impl Location {
    /// The place, as answers and logs name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Body => "body",
            Self::Header => "header",
        }
    }
}

/// One broken rule. Never holds the value that broke it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Where it stands.
    #[serde(rename = "in")]
    pub location: Location,
    /// The parameter, or the member as a dotted path such as `amount.value` or `items[0].id`; empty for the whole.
    pub name: String,
    /// What was expected, for the caller to read.
    pub detail: Cow<'static, str>,
    /// How the rule is known; not shown to callers.
    #[serde(skip)]
    pub strictness: Strictness,
}

impl Violation {
    /// A violation that is always refused.
    pub fn safety(location: Location, name: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Strictness::Safety, location, name, detail)
    }

    /// A violation of a rule known in this way. A name that the caller chose is made short and printable.
    pub fn new(strictness: Strictness, location: Location, name: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { location, name: printable(name), detail: detail.into(), strictness }
    }
}

/// The rule as logs name it: where it stands and, if the catalogue gave it its name, that too. Any other name is the caller's
/// own choice, and might be anyone's name or number.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = matches!(self.strictness, Strictness::Documented | Strictness::Inferred);
        match self.location {
            Location::Path | Location::Query if known => write!(f, "{} {}", self.location.as_str(), self.name),
            location => f.write_str(location.as_str()),
        }
    }
}

/// What is done about a broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The request is refused.
    Enforce,
    /// The request passes, and the violation is counted and logged.
    Report,
    /// The rule is not looked at.
    Off,
}

/// What is done about each kind of rule that is not safety.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modes {
    /// For documented rules.
    pub documented: Mode,
    /// For inferred rules.
    pub inferred: Mode,
    /// For unknown parameters and members.
    pub unknown: Mode,
}

impl Modes {
    /// What is done about a rule of this kind.
    #[must_use]
    pub fn of(self, strictness: Strictness) -> Mode {
        match strictness {
            Strictness::Safety => Mode::Enforce,
            Strictness::Documented => self.documented,
            Strictness::Inferred => self.inferred,
            Strictness::Unknown => self.unknown,
        }
    }
}

impl Default for Modes {
    /// The defaults of the configuration: documented rules enforced, the rest reported and forwarded.
    fn default() -> Self {
        Self { documented: Mode::Enforce, inferred: Mode::Report, unknown: Mode::Report }
    }
}

/// Every violation of one request, parted by what is done about it.
#[derive(Clone, Debug)]
pub struct Report {
    modes: Modes,
    /// The violations for which the request is refused, at most [`Report::LIMIT`].
    pub refused: Vec<Violation>,
    /// The violations that are counted and logged, at most [`Report::LIMIT`].
    pub reported: Vec<Violation>,
}

impl Report {
    /// How many violations of either sort are kept; what a caller may make us hold and say is bounded.
    pub const LIMIT: usize = 64;

    /// A report that parts violations by these modes.
    #[must_use]
    pub fn new(modes: Modes) -> Self {
        Self { modes, refused: Vec::new(), reported: Vec::new() }
    }

    /// Whether the request is refused.
    #[must_use]
    pub fn refuses(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether rules of this kind are looked at, and there is room for what breaks them, so that a check may be spared.
    #[must_use]
    pub fn wants(&self, strictness: Strictness) -> bool {
        match self.modes.of(strictness) {
            Mode::Enforce => self.refused.len() < Self::LIMIT,
            Mode::Report => self.reported.len() < Self::LIMIT,
            Mode::Off => false,
        }
    }

    /// Files a violation by the mode of its kind. This is the one place where that is decided.
    pub fn add(&mut self, violation: Violation) {
        if !self.wants(violation.strictness) {
            return;
        }
        match self.modes.of(violation.strictness) {
            Mode::Enforce => self.refused.push(violation),
            Mode::Report => self.reported.push(violation),
            Mode::Off => {}
        }
    }
}

const NAME_LIMIT: usize = 96;

fn printable(name: &str) -> String {
    name.chars().take(NAME_LIMIT).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(strictness: Strictness) -> Violation {
        Violation::new(strictness, Location::Query, "status", "must not be empty")
    }

    #[test]
    fn modes_part_what_is_refused_from_what_is_reported() {
        let mut report = Report::new(Modes { documented: Mode::Enforce, inferred: Mode::Report, unknown: Mode::Off });

        for strictness in [Strictness::Documented, Strictness::Inferred, Strictness::Unknown] {
            report.add(violation(strictness));
        }

        assert_eq!(report.refused, [violation(Strictness::Documented)]);
        assert_eq!(report.reported, [violation(Strictness::Inferred)]);
    }

    #[test]
    fn a_report_that_is_full_wants_no_more() {
        let mut report = Report::new(Modes { documented: Mode::Enforce, inferred: Mode::Report, unknown: Mode::Off });
        assert!(report.wants(Strictness::Documented) && report.wants(Strictness::Inferred) && !report.wants(Strictness::Unknown));

        for _ in 0..=Report::LIMIT {
            report.add(violation(Strictness::Documented));
        }

        assert_eq!((report.refused.len(), report.wants(Strictness::Documented)), (Report::LIMIT, false));
        assert!(report.wants(Strictness::Inferred) && report.refuses());
    }

    #[test]
    fn safety_has_no_mode() {
        let mut report = Report::new(Modes { documented: Mode::Off, inferred: Mode::Off, unknown: Mode::Off });

        report.add(violation(Strictness::Safety));

        assert!(report.refuses());
    }

    #[test]
    fn a_report_is_bounded_and_still_refuses() {
        let mut report = Report::new(Modes::default());

        for _ in 0..1000 {
            report.add(violation(Strictness::Inferred));
        }
        report.add(violation(Strictness::Documented));

        assert_eq!(report.reported.len(), Report::LIMIT);
        assert!(report.refuses());
    }

    #[test]
    fn a_name_the_caller_chose_is_short_and_printable() {
        let violation = Violation::safety(Location::Query, &format!("a\r\nb{}", "x".repeat(500)), "unknown");

        assert!(violation.name.starts_with("a\u{fffd}\u{fffd}b"));
        assert_eq!(violation.name.chars().count(), NAME_LIMIT);
    }

    #[test]
    fn logs_name_only_what_the_catalogue_has_named() {
        let shown = |strictness, location| Violation::new(strictness, location, "name", "").to_string();

        assert_eq!(shown(Strictness::Inferred, Location::Query), "query name");
        assert_eq!(shown(Strictness::Documented, Location::Path), "path name");
        assert_eq!(shown(Strictness::Unknown, Location::Query), "query");
        assert_eq!(shown(Strictness::Inferred, Location::Body), "body");
    }

    #[test]
    fn it_serialises_as_the_problem_member_errors_promises() {
        let json = serde_json::to_string(&violation(Strictness::Inferred)).unwrap();

        assert_eq!(json, r#"{"in":"query","name":"status","detail":"must not be empty"}"#);
    }
}
