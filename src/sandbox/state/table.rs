//! The records of one kind, in the order of their creation.

use serde::Serialize;

use crate::sandbox::error::ApiError;
use crate::sandbox::moment::Timestamp;

/// A record that Passport answers with.
pub(crate) trait Resource: Serialize {
    /// What errors call it.
    const KIND: &'static str;

    /// Its id.
    fn id(&self) -> &str;

    /// When it was made.
    fn created_at(&self) -> Timestamp;

    /// When it last changed.
    fn updated_at(&self) -> Timestamp;
}

/// Implements [`Resource`] for a type with the members `id`, `created_at` and `updated_at`.
macro_rules! resource {
    ($type:ty, $kind:literal) => {
        impl $crate::sandbox::state::table::Resource for $type {
            const KIND: &'static str = $kind;

            fn id(&self) -> &str {
                &self.id
            }

            fn created_at(&self) -> $crate::sandbox::moment::Timestamp {
                self.created_at
            }

            fn updated_at(&self) -> $crate::sandbox::moment::Timestamp {
                self.updated_at
            }
        }
    };
}
pub(crate) use resource;

/// Records, found by id.
pub(crate) struct Table<R>(Vec<R>);

/// Bounds the sandbox's memory; a test that needs more starts afresh with a reset.
const MOST_RECORDS: usize = 50_000;

impl<R: Resource> Table<R> {
    /// Adds a record and gives it back.
    pub(crate) fn insert(&mut self, record: R) -> Result<&R, ApiError> {
        if self.0.len() >= MOST_RECORDS {
            let full = "The sandbox holds no more of these; reset it";
            return Err(ApiError::new(http::StatusCode::INSUFFICIENT_STORAGE, R::KIND, full));
        }
        self.0.push(record);
        Ok(self.0.last().expect("a record was just pushed"))
    }

    /// The record with this id, or Passport's 404.
    pub(crate) fn find(&self, id: &str) -> Result<&R, ApiError> {
        self.iter().find(|record| record.id() == id).ok_or_else(|| ApiError::not_found(R::KIND))
    }

    /// The record with this id, to change it.
    pub(crate) fn find_mut(&mut self, id: &str) -> Result<&mut R, ApiError> {
        self.0.iter_mut().find(|record| record.id() == id).ok_or_else(|| ApiError::not_found(R::KIND))
    }

    /// Takes the record with this id out.
    pub(crate) fn remove(&mut self, id: &str) -> Result<R, ApiError> {
        let index = self.0.iter().position(|record| record.id() == id).ok_or_else(|| ApiError::not_found(R::KIND))?;
        Ok(self.0.remove(index))
    }

    /// Takes out the oldest records for as long as they are `done`.
    pub(crate) fn remove_while(&mut self, done: impl Fn(&R) -> bool) {
        let kept = self.0.iter().position(|record| !done(record)).unwrap_or(self.0.len());
        self.0.drain(..kept);
    }

    /// All records, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &R> {
        self.0.iter()
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
