//! One operation, from its layers to what cannot be wrong in itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::layers::{Faults, Layers, Place, Written};
use super::rules::RuleGroup;
use super::{same_parameters, upstream};
use crate::catalogue::body::BodyRules;
use crate::catalogue::operation::{CacheRule, Effect, Operation, PathParameter, Upstream, UpstreamId};
use crate::catalogue::path::Template;
use crate::catalogue::query::QueryRules;
use crate::catalogue::set::OperationSet;
use crate::catalogue::violation::Strictness;
use crate::scope::Scope;
use crate::units::parse_duration;

/// What all operations draw upon.
pub(super) struct Shared<'r> {
    pub(super) upstreams: &'r [Upstream],
    pub(super) groups: BTreeMap<&'r str, RuleGroup>,
    pub(super) path_parameters: RuleGroup,
    pub(super) definitions: BTreeMap<String, Value>,
    /// The names of all operations and resources.
    pub(super) targets: BTreeSet<&'r str>,
}

/// An operation whose relations to others are still to be settled.
pub(super) struct Draft<'r> {
    pub(super) operation: Operation,
    pub(super) layers: Layers<'r>,
    pub(super) invalidates: Vec<Written<'r, String>>,
    pub(super) path_places: Vec<Place>,
}

impl<'r> Draft<'r> {
    /// Checks all of an operation; `None` when a fault leaves nothing to go on with.
    pub(super) fn of(layers: Layers<'r>, shared: &Shared<'_>, faults: &mut Faults) -> Option<Self> {
        let mut reader = Reader { layers, shared, faults };
        let method = reader.method();
        let paths = reader.paths();
        let upstream = reader.upstream();
        let scope = reader.scope();
        let effect = reader.effect(method.as_ref());
        let cache = reader.cache(method.as_ref());
        let query = reader.query();
        let body = reader.body(method.as_ref());
        let timeout = reader.timeout();
        let invalidates = reader.invalidates();
        let (paths, path_places) = paths?;
        let upstream_path = reader.upstream_path(&paths[0]);
        let parameters = reader.parameters(&paths[0]);
        let operation = Operation {
            name: layers.name.into(),
            effect: effect?,
            method: method?,
            paths,
            parameters,
            upstream: upstream?,
            upstream_path: upstream_path?,
            scope: scope?,
            scope_inferred: reader.scope_inferred(),
            resource: layers.resource().map(Into::into),
            cache,
            invalidates: OperationSet::new(),
            query,
            body,
            timeout,
            enabled: layers.pick("enabled", |raw| raw.enabled.as_ref()).is_none_or(|written| *written.value),
        };
        Some(Self { operation, layers, invalidates, path_places })
    }
}

/// Reads the keys of one operation; whatever is wrong is a fault.
struct Reader<'a, 'r, 's> {
    layers: Layers<'r>,
    shared: &'a Shared<'s>,
    faults: &'a mut Faults,
}

impl<'r> Reader<'_, 'r, '_> {
    fn method(&mut self) -> Option<Method> {
        let written = self.layers.need("method", "\"GET\"", self.faults, |raw| raw.method.as_ref())?;
        let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let method = methods.iter().find(|method| method.as_str() == written.value);
        if method.is_none() {
            self.faults.unknown(&written, "method of an operation", methods.iter().map(Method::as_str));
        }
        method.cloned()
    }

    /// The principal path and its aliases, all with the same parameters, and where each is written.
    fn paths(&mut self) -> Option<(Vec<Template>, Vec<Place>)> {
        let path = self.layers.need("path", "\"/v1/…\"", self.faults, |raw| raw.path.as_ref())?;
        let mut written = vec![path];
        written.extend(self.layers.names("aliases", |raw| raw.aliases.as_ref()));
        let read: Vec<_> = written.iter().filter_map(|text| self.template(text)).collect();
        let principal = read.first().filter(|_| read.len() == written.len())?;
        for (template, text) in read.iter().zip(&written) {
            if !same_parameters(principal, template) {
                let remedy = format!("give it the parameters of `{principal}`");
                self.faults.add(&text.place, "all paths of an operation have the same parameters", remedy);
            }
        }
        Some((read, written.into_iter().map(|text| text.place).collect()))
    }

    fn template(&mut self, written: &Written<'_, String>) -> Option<Template> {
        self.sound(written, "path template", Template::parse(written.value))
    }

    fn upstream(&mut self) -> Option<UpstreamId> {
        let written = self.layers.need("upstream", "\"paas\"", self.faults, |raw| raw.upstream.as_ref())?;
        upstream(&written, self.shared.upstreams, self.faults)
    }

    fn upstream_path(&mut self, principal: &Template) -> Option<Template> {
        let Some(written) = self.layers.pick("upstream_path", |raw| raw.upstream_path.as_ref()) else {
            return Some(principal.clone());
        };
        let template = self.template(&written)?;
        for stranger in template.parameters().filter(|name| !principal.parameters().any(|own| own == *name)) {
            let message = format!("`{{{stranger}}}` is no parameter of `{principal}`");
            self.faults.add(&written.place, message, "use the parameters of `path`");
        }
        Some(template)
    }

    fn scope(&mut self) -> Option<Scope> {
        let written = self.layers.need("scope", "\"paas.core.….get\"", self.faults, |raw| raw.scope.as_ref())?;
        self.sound(&written, "scope", written.value.parse())
    }

    /// Whether the scope is a guess. Whoever writes a scope of their own knows it, unless they say otherwise.
    fn scope_inferred(&self) -> bool {
        let last = self.layers.each().filter(|(_, raw)| raw.scope.is_some() || raw.scope_inferred.is_some()).last();
        last.and_then(|(_, raw)| raw.scope_inferred.as_ref()).is_some_and(|written| *written.get_ref())
    }

    fn effect(&mut self, method: Option<&Method>) -> Option<Effect> {
        let is_get = method == Some(&Method::GET);
        let Some(written) = self.layers.pick("effect", |raw| raw.effect.as_ref()) else {
            if !is_get {
                self.layers.need("effect", "\"write\"", self.faults, |raw| raw.effect.as_ref());
            }
            return is_get.then_some(Effect::Read);
        };
        let effects = [Effect::Read, Effect::Write, Effect::Money];
        let effect = effects.into_iter().find(|effect| effect.as_str() == written.value);
        match effect {
            None => self.faults.unknown(&written, "effect", effects.into_iter().map(Effect::as_str)),
            Some(Effect::Write | Effect::Money) if is_get => {
                self.faults.add(
                    &written.place,
                    "a GET is a read: it may be repeated and cached",
                    "use another method or `effect = \"read\"`",
                );
            }
            Some(_) => {}
        }
        effect
    }

    fn cache(&mut self, method: Option<&Method>) -> Option<CacheRule> {
        let written = self.layers.pick("cache_ttl", |raw| raw.cache_ttl.as_ref())?;
        let ttl = self.duration(&written)?;
        if method.is_some_and(|method| method != Method::GET) && !ttl.is_zero() {
            self.faults.add(&written.place, "only answers to GET are cached", "remove `cache_ttl`");
        }
        let not_found =
            self.layers.pick("cache_not_found", |raw| raw.cache_not_found.as_ref()).is_some_and(|written| *written.value);
        (!ttl.is_zero()).then_some(CacheRule { ttl, not_found })
    }

    fn invalidates(&mut self) -> Vec<Written<'r, String>> {
        let names = self.layers.names("invalidates", |raw| raw.invalidates.as_ref());
        for name in names.iter().filter(|name| !self.shared.targets.contains(name.value.as_str())) {
            self.faults.unknown(name, "operation or resource", self.shared.targets.iter().copied());
        }
        names
    }

    fn timeout(&mut self) -> Option<Duration> {
        let written = self.layers.pick("timeout", |raw| raw.timeout.as_ref())?;
        let timeout = self.duration(&written)?;
        if timeout.is_zero() {
            self.faults.add(&written.place, "no operation can end in no time", "write a longer time, or `enabled = false`");
        }
        Some(timeout)
    }

    fn duration(&mut self, written: &Written<'_, String>) -> Option<Duration> {
        self.sound(written, "duration", parse_duration(written.value))
    }

    /// What was read, or a fault that says why it could not be.
    fn sound<T, E: ToString>(&mut self, written: &Written<'_, String>, what: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.faults.add(&written.place, format!("`{}` is no {what}", written.value), error.to_string())).ok()
    }

    fn query(&mut self) -> QueryRules {
        let mut rules = RuleGroup::default();
        for name in self.layers.names("query", |raw| raw.query.as_ref()) {
            match self.shared.groups.get(name.value.as_str()) {
                Some(group) => rules.extend(group),
                None => self.faults.unknown(&name, "group of query rules", self.shared.groups.keys().copied()),
            }
        }
        for (source, raw) in self.layers.each() {
            let key = format!("operations.{}.query_parameters", self.layers.name);
            rules.read(source, &key, &raw.query_parameters, self.faults);
        }
        rules.into_query(self.faults)
    }

    fn parameters(&mut self, principal: &Template) -> Vec<PathParameter> {
        let mut own = RuleGroup::default();
        for (source, raw) in self.layers.each() {
            let key = format!("operations.{}.path_parameters", self.layers.name);
            own.read(source, &key, &raw.path_parameters, self.faults);
        }
        let names: Vec<&str> = principal.parameters().collect();
        for (place, message) in own.inapplicable(&names) {
            self.faults.add(place, message, "remove the rule");
        }
        let mut rules = self.shared.path_parameters.clone();
        rules.extend(&own);
        names.into_iter().map(|name| PathParameter { name: name.into(), rules: rules.for_path_parameter(name) }).collect()
    }

    fn body(&mut self, method: Option<&Method>) -> Option<BodyRules> {
        let table = self.layers.pick("body", |raw| raw.body.as_ref())?;
        if method == Some(&Method::GET) {
            self.faults.add(&table.place, "a GET has no body", "remove `body`");
        }
        let required = self.layers.pick_body("required", |body| body.required.as_ref()).is_none_or(|written| *written.value);
        let documented = self.layers.pick_body("documented", |body| body.documented.as_ref());
        let inferred = self.layers.pick_body("inferred", |body| body.inferred.as_ref());
        let schemas = [(Strictness::Documented, &documented), (Strictness::Inferred, &inferred)];
        let written = schemas.into_iter().filter_map(|(strictness, written)| Some((strictness, written.as_ref()?.value.clone())));
        BodyRules::compile(required, written, &self.shared.definitions)
            .map_err(|wrong| {
                for (strictness, message) in wrong {
                    let written = if strictness == Strictness::Documented { &documented } else { &inferred };
                    let place = written.as_ref().map_or_else(|| table.place.clone(), |written| written.place.clone());
                    self.faults.add(
                        &place,
                        format!("this is no JSON Schema: {message}"),
                        "see draft 2020-12; patterns may not look around",
                    );
                }
            })
            .ok()
    }
}
