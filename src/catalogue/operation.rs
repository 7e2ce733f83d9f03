//! One operation: everything the gateway knows about one thing that callers may ask of Passport.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Method, Uri};

use super::body::BodyRules;
use super::path::{PathParameters, Segment, Template};
use super::query::{CanonicalQuery, QueryRules};
use super::rule::ValueRules;
use super::set::OperationSet;
use super::violation::{Location, Report};
use crate::scope::Scope;

/// The room that most targets need besides their queries.
const TYPICAL_TARGET: usize = 80;

/// What an operation does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Changes nothing; may be repeated at will, whatever its method.
    Read,
    /// Changes something other than money.
    Write,
    /// Moves money.
    Money,
}

impl Effect {
    /// The word for it in the catalogue and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Money => "money",
        }
    }
}

/// An upstream of one catalogue: its place in [`Catalogue::upstreams`](super::Catalogue::upstreams).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub(super) u8);

impl UpstreamId {
    /// Its place among the upstreams: an index for tables by upstream.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A host of Passport's, and where its pages say it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The name that operations and the configuration use.
    pub name: Arc<str>,
    /// The documented base URL of the sandbox: scheme and authority, no path, no trailing slash.
    pub sandbox: Option<Arc<str>>,
    /// The documented base URL of production, likewise; its operations are unavailable there without one.
    pub production: Option<Arc<str>>,
}

/// How long answers of an operation are fresh when Passport is silent about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRule {
    /// The life of an entry; never zero.
    pub ttl: Duration,
    /// Whether a 404 is stored too: on such a list it is the documented way to say that there are none.
    pub not_found: bool,
}

/// One operation of the catalogue.
#[derive(Debug)]
pub struct Operation {
    /// Its stable name: metric label and configuration key.
    pub name: Arc<str>,
    /// What it does to the world.
    pub effect: Effect,
    /// The method it is asked for with, here and upstream.
    pub method: Method,
    /// The paths it answers at, the principal one first.
    pub paths: Vec<Template>,
    /// The parameters of its paths, in the order of [`PathParameters`].
    pub parameters: Vec<PathParameter>,
    /// Which upstream serves it.
    pub upstream: UpstreamId,
    /// Its path there.
    pub upstream_path: Template,
    /// What a caller and its tenant must be granted, and a token of ours must have.
    pub scope: Scope,
    /// Whether the scope is nobody's documentation but a guess by the known pattern.
    pub scope_inferred: bool,
    /// The resource it belongs to, if any; writes invalidate by it.
    pub resource: Option<Arc<str>>,
    /// How its answers are cached; `None`: never.
    pub cache: Option<CacheRule>,
    /// The operations whose cached answers it makes untrue.
    pub invalidates: OperationSet,
    /// What its query may hold.
    pub query: QueryRules,
    /// What its body must be; `None`: it has no body.
    pub body: Option<BodyRules>,
    /// Its own time to the head of the answer, in place of the general one.
    pub timeout: Option<Duration>,
    /// Whether the operator lets it be used.
    pub enabled: bool,
}

/// A parameter of an operation's paths.
#[derive(Clone, Debug)]
pub struct PathParameter {
    /// The name between the braces.
    pub name: Box<str>,
    /// What its value must be, beyond a safe segment.
    pub rules: ValueRules,
}

impl Operation {
    /// The path it is known by.
    #[must_use]
    pub fn path(&self) -> &Template {
        &self.paths[0]
    }

    /// Whether the outcome is a change, of money or anything else.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.effect != Effect::Read
    }

    /// Checks the path's values against their documented and inferred rules; that they are safe segments is proven already.
    pub fn check_path(&self, parameters: &PathParameters, report: &mut Report) {
        for (parameter, value) in self.parameters.iter().zip(parameters.iter()) {
            parameter.rules.check(Location::Path, &parameter.name, value, report);
        }
    }

    /// The request target upstream, made from the template and validated parts, never from the caller's own bytes. If it comes out as
    /// the one that was asked for, that one is shared.
    ///
    /// # Panics
    /// If the parameters are those of another operation.
    #[must_use]
    pub fn target(&self, parameters: &PathParameters, query: &CanonicalQuery<'_>, asked: &Uri) -> PathAndQuery {
        let target = self.written_target(parameters, query, TYPICAL_TARGET + asked.query().map_or(0, str::len));
        match asked.path_and_query() {
            Some(asked) if *asked == *target => asked.clone(),
            _ => PathAndQuery::try_from(target).expect("safe segments and a canonical query are a request target"),
        }
    }

    fn written_target(&self, parameters: &PathParameters, query: &CanonicalQuery<'_>, capacity: usize) -> String {
        let mut target = String::with_capacity(capacity);
        for segment in self.upstream_path.segments() {
            target.push('/');
            target.push_str(match segment {
                Segment::Literal(literal) => literal,
                Segment::Parameter(name) => self.value(name, parameters),
            });
        }
        if !query.is_empty() {
            target.push('?');
            query.write_to(&mut target);
        }
        target
    }

    fn value<'p>(&self, name: &str, parameters: &'p PathParameters) -> &'p str {
        let place = self.parameters.iter().position(|parameter| *parameter.name == *name);
        place.and_then(|place| parameters.at(place)).expect("the parameters of the upstream path are those of the public paths")
    }
}
