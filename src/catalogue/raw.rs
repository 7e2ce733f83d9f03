//! The catalogue's file just as it is written, each value with its place: checked by [`build`](super::build()), not here.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::fault::{Fault, SourceId};

/// A name to something written, in the file's order once sorted by span.
pub type Named<T> = BTreeMap<String, Spanned<T>>;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCatalogue {
    /// Where tokens are made.
    pub token_endpoint: Option<Spanned<RawTokenEndpoint>>,
    /// The hosts, by name.
    #[serde(default)]
    pub upstreams: Named<RawUpstream>,
    /// Rules for path parameters, by the parameter's name, for whatever operation has it.
    #[serde(default)]
    pub path_parameters: RawRules,
    /// Groups of rules for query parameters, by the name under which operations ask for them.
    #[serde(default)]
    pub query: BTreeMap<String, RawRules>,
    /// Parts of JSON Schemas, which every body finds under `#/$defs/`.
    #[serde(default)]
    pub definitions: Named<serde_json::Value>,
    /// What answers to writes that bear a key mean, by effect.
    #[serde(default)]
    pub answers: Named<RawAnswers>,
    /// The operations, by name.
    #[serde(default)]
    pub operations: Named<RawOperation>,
}

/// The endpoint at which the gateway asks for tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTokenEndpoint {
    /// The upstream that serves it.
    pub upstream: Spanned<String>,
    /// Its path there.
    pub path: Spanned<String>,
}

/// A host's documented base URLs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawUpstream {
    /// In the sandbox.
    pub sandbox: Option<Spanned<String>>,
    /// In production.
    pub production: Option<Spanned<String>>,
}

/// Rules by parameter, parted by how they are known.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRules {
    /// Rules that Passport's pages state.
    #[serde(default)]
    pub documented: Named<RawRule>,
    /// Rules that only examples and clients suggest.
    #[serde(default)]
    pub inferred: Named<RawRule>,
}

/// One rule: a kind, and what that kind needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// `any`, `integer`, `one_of`, `pattern`, `uuid`, `text`, `timestamp`, `requires` or `not_after`.
    pub kind: Option<Spanned<String>>,
    /// The least, for `integer`, and for the seconds of a `timestamp`.
    pub min: Option<Spanned<i64>>,
    /// The greatest, likewise; the most characters, for `text`.
    pub max: Option<Spanned<i64>>,
    /// The values, for `one_of`.
    pub values: Option<Spanned<Vec<String>>>,
    /// The regular expression, for `pattern`.
    pub pattern: Option<Spanned<String>>,
    /// The other parameter, for `requires` and `not_after`.
    pub other: Option<Spanned<String>>,
}

/// An operation, or those of its values that a configuration overrides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOperation {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: Option<Spanned<String>>,
    /// The path it answers at.
    pub path: Option<Spanned<String>>,
    /// More paths it answers at.
    pub aliases: Option<Spanned<Vec<Spanned<String>>>>,
    /// The name of its upstream.
    pub upstream: Option<Spanned<String>>,
    /// Its path there, if another.
    pub upstream_path: Option<Spanned<String>>,
    /// The scope it requires.
    pub scope: Option<Spanned<String>>,
    /// Whether nobody documents the scope.
    pub scope_inferred: Option<Spanned<bool>>,
    /// `read`, `write` or `money`; a GET is a read.
    pub effect: Option<Spanned<String>>,
    /// The resource it belongs to; whoever invalidates the resource invalidates the GETs among its operations.
    pub resource: Option<Spanned<String>>,
    /// How long its answers are fresh; `"0s"`: not cached.
    pub cache_ttl: Option<Spanned<String>>,
    /// Whether a 404 is cached too.
    pub cache_not_found: Option<Spanned<bool>>,
    /// The operations and resources whose cached answers it makes untrue.
    pub invalidates: Option<Spanned<Vec<Spanned<String>>>>,
    /// The groups of query rules it takes.
    pub query: Option<Spanned<Vec<Spanned<String>>>>,
    /// Query rules of its own; each takes the place of the group's rule for the same parameter.
    #[serde(default)]
    pub query_parameters: RawRules,
    /// Rules of its own for path parameters; each takes the place of the general one.
    #[serde(default)]
    pub path_parameters: RawRules,
    /// Its body, if it has one.
    pub body: Option<Spanned<RawBody>>,
    /// The time to the head of its answer.
    pub timeout: Option<Spanned<String>>,
    /// Whether it may be used.
    pub enabled: Option<Spanned<bool>>,
}

/// Answers by what they mean for the key of the request: statuses such as `429`, or classes of them such as `2xx`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAnswers {
    /// The outcome is known; it is kept and repeated.
    #[serde(default)]
    pub done: Vec<Spanned<String>>,
    /// Nothing was done: the key may be used again.
    #[serde(default)]
    pub free: Vec<Spanned<String>>,
    /// Nobody can know; so is whatever is not named.
    #[serde(default)]
    pub unknown: Vec<Spanned<String>>,
}

/// A body's rules: JSON Schemas of draft 2020-12.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawBody {
    /// Whether there must be one; by default there must.
    pub required: Option<Spanned<bool>>,
    /// What Passport's pages state.
    pub documented: Option<Spanned<serde_json::Value>>,
    /// What only examples and clients suggest.
    pub inferred: Option<Spanned<serde_json::Value>>,
}

impl RawCatalogue {
    /// Reads a catalogue's text.
    ///
    /// # Errors
    /// What is no TOML, or not of this shape.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        toml::from_str(text).map_err(|error| {
            let fault = Fault::error("", error.message(), "correct the catalogue file").in_source(SourceId::Catalogue);
            match error.span() {
                Some(span) => fault.at(span),
                None => fault,
            }
        })
    }
}
