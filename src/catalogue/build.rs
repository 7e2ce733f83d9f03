//! From what is written to a catalogue that cannot be wrong; every fault is found, not only the first.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use toml::Spanned;

use self::layers::{Faults, Layers, Place, Written};
use self::operation::{Draft, Shared};
use self::rules::RuleGroup;
use super::matcher::Matcher;
use super::operation::{Operation, Upstream, UpstreamId};
use super::path::Template;
use super::raw::{Named, RawCatalogue, RawOperation, RawUpstream};
use super::set::{OperationId, OperationSet};
use super::{Catalogue, Effect};
use crate::fault::{Fault, SourceId};
use crate::nearest::nearest;

mod answers;
mod layers;
mod operation;
mod rules;
#[cfg(test)]
mod tests;

/// Checks a catalogue with the operator's `[operations]` laid over it, value by value.
///
/// # Errors
/// All faults, each in the file that its value came from.
pub fn build(base: &RawCatalogue, overrides: &Named<RawOperation>) -> Result<Catalogue, Vec<Fault>> {
    let mut faults = Faults::default();
    let upstreams = upstreams(&base.upstreams, &mut faults);
    let token_endpoint = token_endpoint(base, &upstreams, &mut faults);
    let answers = answers::answers(&base.answers, &mut faults);
    let layers = Layers::of(&base.operations, overrides, &mut faults);
    let shared = Shared {
        upstreams: &upstreams,
        groups: groups(base, &mut faults),
        path_parameters: RuleGroup::of_catalogue("path_parameters", &base.path_parameters, &mut faults),
        definitions: base.definitions.iter().map(|(name, written)| (name.clone(), written.get_ref().clone())).collect(),
        targets: layers.iter().flat_map(|layers| [Some(layers.name), layers.resource()]).flatten().collect(),
    };
    let mut drafts: Vec<Draft<'_>> = layers.into_iter().filter_map(|layers| Draft::of(layers, &shared, &mut faults)).collect();
    resolve_invalidations(&mut drafts, &mut faults);
    let matcher = matcher(&drafts, &mut faults);
    let operations: Vec<Operation> = drafts.into_iter().map(|draft| draft.operation).collect();
    match token_endpoint {
        Some(token_endpoint) if faults.is_empty() => {
            let by_name =
                (0..).map(OperationId).zip(&operations).map(|(id, operation)| (Arc::clone(&operation.name), id)).collect();
            Ok(Catalogue { operations, by_name, upstreams, token_endpoint, answers, matcher })
        }
        _ => Err(faults.into_vec()),
    }
}

fn groups<'r>(base: &'r RawCatalogue, faults: &mut Faults) -> BTreeMap<&'r str, RuleGroup> {
    let mut group =
        |(name, raw): (&'r String, _)| (name.as_str(), RuleGroup::of_catalogue(&format!("query.{name}"), raw, faults));
    base.query.iter().map(&mut group).collect()
}

fn upstreams(raw: &Named<RawUpstream>, faults: &mut Faults) -> Vec<Upstream> {
    let mut written: Vec<(&String, &Spanned<RawUpstream>)> = raw.iter().collect();
    written.sort_by_key(|(_, upstream)| upstream.span().start);
    if let Some((name, excess)) = written.get(usize::from(u8::MAX)) {
        let place = Place::new(SourceId::Catalogue, excess.span(), format!("upstreams.{name}"));
        faults.add(&place, "there are too many upstreams", "name at most 255");
    }
    let mut base_url = |name: &str, environment: &str, written: Option<&Spanned<String>>| {
        let written = written?;
        if !is_base_url(written.get_ref()) {
            let place = Place::new(SourceId::Catalogue, written.span(), format!("upstreams.{name}.{environment}"));
            faults.add(&place, "this is no base URL", "write scheme and host only, such as `https://api.example.com`");
        }
        Some(Arc::from(written.get_ref().as_str()))
    };
    let upstreams = written.into_iter().map(|(name, upstream)| Upstream {
        name: name.as_str().into(),
        sandbox: base_url(name, "sandbox", upstream.get_ref().sandbox.as_ref()),
        production: base_url(name, "production", upstream.get_ref().production.as_ref()),
    });
    upstreams.collect()
}

fn is_base_url(text: &str) -> bool {
    let Ok(url) = text.parse::<http::Uri>() else { return false };
    let host_alone = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    host_alone
        && matches!(url.scheme_str(), Some("http" | "https"))
        && url.path() == "/"
        && url.query().is_none()
        && !text.ends_with('/')
}

fn token_endpoint(base: &RawCatalogue, upstreams: &[Upstream], faults: &mut Faults) -> Option<(UpstreamId, Box<str>)> {
    let Some(written) = &base.token_endpoint else {
        let place = Place::new(SourceId::Catalogue, 0..0, "token_endpoint");
        faults.add(
            &place,
            "the catalogue does not say where tokens are made",
            "add `[token_endpoint]` with `upstream` and `path`",
        );
        return None;
    };
    let raw = written.get_ref();
    let path = raw.path.get_ref();
    if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
        let place = Place::new(SourceId::Catalogue, raw.path.span(), "token_endpoint.path");
        faults.add(&place, "this is no path", "begin it with `/`");
    }
    let place = Place::new(SourceId::Catalogue, raw.upstream.span(), "token_endpoint.upstream");
    let upstream = upstream(&Written { value: raw.upstream.get_ref(), place }, upstreams, faults)?;
    Some((upstream, path.as_str().into()))
}

/// The upstream of this name.
fn upstream(name: &Written<'_, String>, upstreams: &[Upstream], faults: &mut Faults) -> Option<UpstreamId> {
    let found = (0..).map(UpstreamId).zip(upstreams).find(|(_, upstream)| *upstream.name == **name.value);
    if found.is_none() {
        faults.unknown(name, "upstream", upstreams.iter().map(|upstream| &*upstream.name));
    }
    found.map(|(id, _)| id)
}

/// Turns the names of operations and resources that writes invalidate into sets of operations.
fn resolve_invalidations(drafts: &mut [Draft<'_>], faults: &mut Faults) {
    let mut sets: BTreeMap<&str, OperationSet> = BTreeMap::new();
    for (id, draft) in (0..).map(OperationId).zip(drafts.iter()) {
        if let Some(resource) = draft.layers.resource().filter(|_| draft.operation.method == Method::GET) {
            sets.entry(resource).or_default().insert(id);
        }
    }
    for (id, draft) in (0..).map(OperationId).zip(drafts.iter()) {
        sets.insert(draft.layers.name, [id].into_iter().collect());
    }
    for draft in drafts {
        for set in draft.invalidates.iter().filter_map(|name| sets.get(name.value.as_str())) {
            draft.operation.invalidates = draft.operation.invalidates.union(set);
        }
        if let (Some(first), Effect::Read) = (draft.invalidates.first(), draft.operation.effect) {
            faults.add(&first.place, "a read changes nothing that could be invalidated", "remove this, or correct `effect`");
        }
    }
}

fn matcher(drafts: &[Draft<'_>], faults: &mut Faults) -> Matcher {
    let mut matcher = Matcher::default();
    for (id, draft) in (0..).map(OperationId).zip(drafts) {
        let operation = &draft.operation;
        let names: Vec<&str> = operation.parameters.iter().map(|parameter| &*parameter.name).collect();
        for (template, place) in operation.paths.iter().zip(&draft.path_places) {
            if let Err(taken) = matcher.insert(&operation.method, template, &names, id) {
                let message = format!("{} {template} is taken by `{}`", operation.method, drafts[taken.index()].layers.name);
                faults.add(place, message, "give one of the two another path or method");
            }
        }
    }
    matcher
}

/// Says which of the known names was probably meant.
fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "none is known".to_owned(),
        None => format!("known are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Whether both templates name the same parameters, in whatever order.
fn same_parameters(one: &Template, other: &Template) -> bool {
    one.parameters().count() == other.parameters().count()
        && one.parameters().all(|name| other.parameters().any(|own| own == name))
}
