//! Operations as small numbers, and sets of them as bits: authorization is one bit test.

use std::fmt;

use smallvec::SmallVec;

/// An operation of one catalogue. Means nothing in another catalogue, so it never outlives a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(pub(super) u16);

impl OperationId {
    /// Its place in the catalogue, from 0 to one below [`Catalogue::len`](super::Catalogue::len): an index for tables by operation.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

const BITS: usize = u64::BITS as usize;

/// A set of operations. Up to 128 operations it needs no heap; the last word is never zero, so that equal sets are equal values.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OperationSet(SmallVec<[u64; 2]>);

impl OperationSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an operation.
    pub fn insert(&mut self, id: OperationId) {
        let word = id.index() / BITS;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (id.index() % BITS);
    }

    /// Whether the operation is in the set.
    #[must_use]
    pub fn contains(&self, id: OperationId) -> bool {
        self.0.get(id.index() / BITS).is_some_and(|word| word >> (id.index() % BITS) & 1 == 1)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let mut words: SmallVec<[u64; 2]> = self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect();
        while words.last() == Some(&0) {
            words.pop();
        }
        Self(words)
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (longer, shorter) = if self.0.len() < other.0.len() { (other, self) } else { (self, other) };
        let mut words = longer.0.clone();
        for (word, other) in words.iter_mut().zip(&shorter.0) {
            *word |= other;
        }
        Self(words)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The operations in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = OperationId> {
        self.0.iter().zip(0_u16..).flat_map(|(word, place)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit: u16| OperationId(place * 64 + bit))
        })
    }
}

impl FromIterator<OperationId> for OperationSet {
    fn from_iter<I: IntoIterator<Item = OperationId>>(ids: I) -> Self {
        let mut set = Self::new();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

impl fmt::Debug for OperationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(OperationId::index)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set(ids: &BTreeSet<u16>) -> OperationSet {
        ids.iter().copied().map(OperationId).collect()
    }

    #[test]
    fn an_intersection_of_strangers_is_the_empty_set() {
        let low: OperationSet = [OperationId(1)].into_iter().collect();
        let high: OperationSet = [OperationId(300)].into_iter().collect();

        assert!(low.intersect(&high).is_empty());
        assert_eq!(low.intersect(&high), OperationSet::new());
    }

    proptest! {
        #[test]
        fn it_behaves_as_a_set(a in prop::collection::btree_set(0_u16..400, 0..40), b in prop::collection::btree_set(0_u16..400, 0..40)) {
            let (left, right) = (set(&a), set(&b));

            prop_assert_eq!(left.intersect(&right), set(&(&a & &b)));
            prop_assert_eq!(left.union(&right), set(&(&a | &b)));
            prop_assert_eq!(left.iter().map(|id| id.0).collect::<BTreeSet<_>>(), a.clone());
            prop_assert_eq!(left.is_empty(), a.is_empty());
            prop_assert!((0..400).all(|id| left.contains(OperationId(id)) == a.contains(&id)));
        }
    }
}
