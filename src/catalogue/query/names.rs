//! The order of parameter names: each is looked up once, and names are then compared as numbers.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::bytes::Text;

/// The names an operation knows, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    ordered: Box<[Box<str>]>,
    /// By their length, those that are their own canonical form, as nearly all are.
    canonical: Vec<SmallVec<[usize; 2]>>,
}

/// Where a name stands among those that the operation knows: known ones have odd places, strangers the even ones between them. Names of
/// different places are ordered as their places are, and those of one odd place are one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(usize);

/// A name and its place, to look a parameter up by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) place: Place,
    text: Box<str>,
}

impl Names {
    /// Takes distinct names in ascending order.
    pub(super) fn ordered<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let ordered: Box<[Box<str>]> = names.map(Into::into).collect();
        let longest = ordered.iter().map(|name| name.len()).max().unwrap_or_default();
        let mut canonical = vec![SmallVec::new(); longest + 1];
        for (at, name) in ordered.iter().enumerate().filter(|(_, name)| Text::of(name).is_canonical()) {
            canonical[name.len()].push(at);
        }
        Self { ordered, canonical }
    }

    /// The place of a known name that was sent in its canonical form: it need not be decoded to be found.
    pub(super) fn canonical(&self, sent: &str) -> Option<Place> {
        let of_this_length = self.canonical.get(sent.len())?;
        of_this_length.iter().find(|at| *self.ordered[**at] == *sent).map(|at| Place::of_known(*at))
    }

    /// Where this name stands.
    pub(super) fn place(&self, name: &str) -> Place {
        match self.ordered.binary_search_by(|known| (**known).cmp(name)) {
            Ok(at) => Place::of_known(at),
            Err(between) => Place(2 * between),
        }
    }

    /// The name and its place.
    pub(super) fn name(&self, text: String) -> Name {
        Name { place: self.place(&text), text: text.into() }
    }
}

impl Place {
    fn of_known(at: usize) -> Self {
        Self(2 * at + 1)
    }

    /// A bit that few other places share.
    pub(super) fn bit(self) -> u64 {
        1 << (self.0 / 2 % 64)
    }

    /// Which of the known names it is.
    pub(super) fn known(self) -> Option<usize> {
        (self.0 % 2 == 1).then_some(self.0 / 2)
    }

    /// How `name` at this place and `other` at its own are ordered.
    pub(super) fn compare(self, name: &str, at: Self, other: &str) -> Ordering {
        self.cmp(&at).then_with(|| if self.known().is_some() { Ordering::Equal } else { name.cmp(other) })
    }
}

impl Name {
    /// How `name` at `place` is ordered to this one.
    pub(super) fn compared_to_this(&self, place: Place, name: &str) -> Ordering {
        place.compare(name, self.place, &self.text)
    }
}
