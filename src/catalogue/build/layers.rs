//! The catalogue's own words for an operation, and the operator's above them; each value remembers where it was written.

use std::ops::Range;

use toml::Spanned;

use super::suggestion;
use crate::catalogue::raw::{Named, RawBody, RawOperation};
use crate::fault::{Fault, SourceId};

/// Where something was written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    source: SourceId,
    span: Range<usize>,
    key: String,
}

impl Place {
    pub(super) fn new(source: SourceId, span: Range<usize>, key: impl Into<String>) -> Self {
        Self { source, span, key: key.into() }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Written<'r, T> {
    pub(super) value: &'r T,
    pub(super) place: Place,
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, place: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Fault::error(&place.key, message, remedy).at(place.span.clone()).in_source(place.source));
    }

    /// A name that is none of those known.
    pub(super) fn unknown<'n>(&mut self, name: &Written<'_, String>, what: &str, known: impl Iterator<Item = &'n str>) {
        self.add(&name.place, format!("`{}` is no {what}", name.value), suggestion(name.value, known));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// One operation as it is written in up to two files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layers<'r> {
    pub(super) name: &'r str,
    base: Option<&'r Spanned<RawOperation>>,
    over: Option<&'r Spanned<RawOperation>>,
}

impl<'r> Layers<'r> {
    /// All operations: the catalogue's in the order of its file, then the operator's new ones in the order of theirs.
    pub(super) fn of(base: &'r Named<RawOperation>, over: &'r Named<RawOperation>, faults: &mut Faults) -> Vec<Self> {
        let mut layers: Vec<Self> = base.iter().map(|(name, own)| Self { name, base: Some(own), over: over.get(name) }).collect();
        let added = over.iter().filter(|(name, _)| !base.contains_key(*name));
        layers.extend(added.map(|(name, own)| Self { name, base: None, over: Some(own) }));
        layers.sort_by_key(|own| (own.base.is_none(), own.header().1.start));
        layers.retain(|own| own.has_a_known_or_new_name(base, faults));
        if let Some(excess) = layers.get(usize::from(u16::MAX)) {
            faults.add(&excess.place(), "there are too many operations", "name at most 65535");
            layers.truncate(usize::from(u16::MAX));
        }
        layers
    }

    /// Where its table begins.
    pub(super) fn place(&self) -> Place {
        let (source, span) = self.header();
        Place::new(source, span, format!("operations.{}", self.name))
    }

    /// The uppermost value of a key.
    pub(super) fn pick<T>(
        &self,
        key: &str,
        field: impl Fn(&'r RawOperation) -> Option<&'r Spanned<T>>,
    ) -> Option<Written<'r, T>> {
        let found = |layer: Option<&'r Spanned<RawOperation>>, source| {
            let written = field(layer?.get_ref())?;
            Some(Written { value: written.get_ref(), place: self.at(source, written.span(), key) })
        };
        found(self.over, SourceId::Config).or_else(|| found(self.base, SourceId::Catalogue))
    }

    /// The uppermost value of a key of the body's table.
    pub(super) fn pick_body<T>(
        &self,
        key: &str,
        field: impl Fn(&'r RawBody) -> Option<&'r Spanned<T>>,
    ) -> Option<Written<'r, T>> {
        self.pick(&format!("body.{key}"), |raw| field(raw.body.as_ref()?.get_ref()))
    }

    /// The resource it belongs to.
    pub(super) fn resource(&self) -> Option<&'r str> {
        self.pick("resource", |raw| raw.resource.as_ref()).map(|written| written.value.as_str())
    }

    /// The value of a key that an operation cannot do without.
    pub(super) fn need<T>(
        &self,
        key: &str,
        example: &str,
        faults: &mut Faults,
        field: impl Fn(&'r RawOperation) -> Option<&'r Spanned<T>>,
    ) -> Option<Written<'r, T>> {
        let written = self.pick(key, field);
        if written.is_none() {
            let (source, span) = self.header();
            let place = self.at(source, span, key);
            faults.add(&place, format!("a new operation needs `{key}`"), format!("add `{key} = {example}`"));
        }
        written
    }

    /// The names in a list, each with its own place.
    pub(super) fn names(
        &self,
        key: &str,
        field: impl Fn(&'r RawOperation) -> Option<&'r Spanned<Vec<Spanned<String>>>>,
    ) -> Vec<Written<'r, String>> {
        let list = self.pick(key, field);
        let name = |own: &'r Spanned<String>, source| Written { value: own.get_ref(), place: self.at(source, own.span(), key) };
        list.map(|list| list.value.iter().map(|own| name(own, list.place.source)).collect()).unwrap_or_default()
    }

    /// What is written below and above, for values that add up rather than replace each other.
    pub(super) fn each(&self) -> impl Iterator<Item = (SourceId, &'r RawOperation)> {
        let base = self.base.map(|own| (SourceId::Catalogue, own.get_ref()));
        base.into_iter().chain(self.over.map(|own| (SourceId::Config, own.get_ref())))
    }

    fn at(&self, source: SourceId, span: Range<usize>, key: &str) -> Place {
        Place::new(source, span, format!("operations.{}.{key}", self.name))
    }

    fn header(&self) -> (SourceId, Range<usize>) {
        match (self.base, self.over) {
            (Some(base), _) => (SourceId::Catalogue, base.span()),
            (None, Some(over)) => (SourceId::Config, over.span()),
            (None, None) => (SourceId::Config, 0..0),
        }
    }

    /// A name that only the operator knows must bring an operation with it; otherwise it is a slip.
    fn has_a_known_or_new_name(&self, base: &Named<RawOperation>, faults: &mut Faults) -> bool {
        let is_new =
            self.pick("path", |raw| raw.path.as_ref()).is_some() || self.pick("method", |raw| raw.method.as_ref()).is_some();
        if self.base.is_some() || is_new {
            return true;
        }
        let remedy = suggestion(self.name, base.keys().map(String::as_str));
        faults.add(
            &self.place(),
            format!("`{}` is no operation; a new one needs at least `method` and `path`", self.name),
            remedy,
        );
        false
    }
}
