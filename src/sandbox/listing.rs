//! Lists of every resource: filters, order and pages, all by table.

use serde_json::{Map, Value};

use super::call::Answer;
use super::error::ApiError;
use super::moment::Timestamp;
use super::pagination::Page;
use super::query::{Query, invalid};
use super::state::table::Resource;

/// What can be asked of one list.
pub(crate) struct Listing {
    /// The member that holds the records.
    pub(crate) plural: &'static str,
    /// Query parameter → JSON pointer into a record; a record matches if the values are equal.
    pub(crate) filters: &'static [(&'static str, &'static str)],
    /// Whether `created_at_after`, `updated_at_before` and their like are understood.
    pub(crate) by_time: bool,
    /// Whether an empty list is a 404, as S0 and S3 document: "none exist for the entity".
    pub(crate) empty_is_not_found: bool,
}

impl Listing {
    /// Answers a list request over `records`; a walk that begins with it sees the snapshot `now`.
    pub(crate) fn answer<'a, R: Resource + 'a>(
        &self,
        records: impl Iterator<Item = &'a R>,
        query: &Query,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let page = Page::parse(query, now)?;
        let order = Order::parse(query)?;
        let window = if self.by_time { Window::parse(query)? } else { Window::default() };
        let wanted: Vec<_> = self.filters.iter().filter_map(|(name, at)| query.text(name).map(|value| (*at, value))).collect();

        let seen = records.filter(|record| record.created_at() <= page.first_request && window.holds(*record));
        let mut found: Vec<Value> = seen.map(to_json).filter(|record| matches(record, &wanted)).collect();
        if found.is_empty() && self.empty_is_not_found {
            return Err(ApiError::not_found(R::KIND));
        }
        order.sort(&mut found)?;
        Ok(Answer::ok(self.envelope(&page, &found)))
    }

    fn envelope(&self, page: &Page, found: &[Value]) -> Value {
        let mut list = Map::new();
        list.insert(self.plural.to_owned(), page.slice(found).into());
        list.insert("pagination_info".to_owned(), page.info(found.len()));
        list.into()
    }
}

/// A record as it is answered.
pub(crate) fn to_json(record: &impl Resource) -> Value {
    serde_json::to_value(record).expect("a record has string keys and no fallible member")
}

fn matches(record: &Value, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(pointer, value)| record.pointer(pointer).and_then(Value::as_str) == Some(value))
}

/// `order_params`: by creation, oldest first, unless asked otherwise.
struct Order {
    key: String,
    descending: bool,
}

impl Order {
    fn parse(query: &Query) -> Result<Self, ApiError> {
        let descending = match query.text("order_params.order_direction") {
            None | Some("ORDER_DIRECTION_ENUM_UNSPECIFIED" | "ASC") => false,
            Some("DESC") => true,
            Some(_) => return Err(invalid("order_params.order_direction")),
        };
        Ok(Self { key: query.text("order_params.order_key").unwrap_or("created_at").to_owned(), descending })
    }

    fn sort(&self, records: &mut [Value]) -> Result<(), ApiError> {
        let key = |record: &Value| record.get(&self.key).and_then(Value::as_str).map(str::to_owned);
        if !records.is_empty() && !records.iter().any(|record| key(record).is_some()) {
            return Err(invalid("order_params.order_key"));
        }
        records.sort_by_cached_key(key);
        if self.descending {
            records.reverse();
        }
        Ok(())
    }
}

/// Bounds on creation and update: `after` inclusive (S3), `before` exclusive, so that adjacent windows share nothing.
#[derive(Default)]
struct Window {
    created: (Option<Timestamp>, Option<Timestamp>),
    updated: (Option<Timestamp>, Option<Timestamp>),
}

impl Window {
    fn parse(query: &Query) -> Result<Self, ApiError> {
        Ok(Self {
            created: (query.timestamp("created_at_after")?, query.timestamp("created_at_before")?),
            updated: (query.timestamp("updated_at_after")?, query.timestamp("updated_at_before")?),
        })
    }

    fn holds(&self, record: &impl Resource) -> bool {
        let within = |(after, before): (Option<Timestamp>, Option<Timestamp>), at| {
            after.is_none_or(|after| after <= at) && before.is_none_or(|before| at < before)
        };
        within(self.created, record.created_at()) && within(self.updated, record.updated_at())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Thing {
        id: &'static str,
        colour: &'static str,
        owner: Owner,
        created_at: Timestamp,
    }

    #[derive(Serialize)]
    struct Owner {
        name: &'static str,
    }

    impl Resource for Thing {
        const KIND: &'static str = "thing";

        fn id(&self) -> &str {
            self.id
        }

        fn created_at(&self) -> Timestamp {
            self.created_at
        }

        fn updated_at(&self) -> Timestamp {
            self.created_at
        }
    }

    const THINGS: Listing = Listing {
        plural: "things",
        filters: &[("colour", "/colour"), ("owner_name", "/owner/name")],
        by_time: true,
        empty_is_not_found: true,
    };

    fn thing(id: &'static str, colour: &'static str, owner: &'static str, second: i64) -> Thing {
        Thing { id, colour, owner: Owner { name: owner }, created_at: Timestamp::from_parts(second, 0) }
    }

    fn ids(raw: &str) -> Result<Vec<String>, ApiError> {
        let things = [thing("a", "red", "Uno", 1), thing("b", "blue", "Uno", 2), thing("c", "red", "Dos", 3)];
        let list = THINGS.answer(things.iter(), &Query::parse(raw)?, Timestamp::from_parts(100, 0))?.body.unwrap();
        Ok(list["things"].as_array().unwrap().iter().map(|thing| thing["id"].as_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn every_filter_must_match_exactly() {
        assert_eq!(ids("colour=red").unwrap(), ["a", "c"]);
        assert_eq!(ids("colour=red&owner_name=Dos").unwrap(), ["c"]);
        assert_eq!(ids("colour=Red").unwrap_err().status, 404);
    }

    #[test]
    fn records_come_oldest_first_or_as_ordered() {
        assert_eq!(ids("").unwrap(), ["a", "b", "c"]);
        assert_eq!(ids("order_params.order_direction=DESC").unwrap(), ["c", "b", "a"]);
        assert_eq!(ids("order_params.order_key=colour").unwrap(), ["b", "a", "c"]);
        assert_eq!(ids("order_params.order_direction=ORDER_DIRECTION_ENUM_UNSPECIFIED").unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn an_order_nobody_documents_is_a_bad_request() {
        assert_eq!(ids("order_params.order_direction=asc").unwrap_err().status, 400);
        assert_eq!(ids("order_params.order_key=shape").unwrap_err().status, 400);
    }

    #[test]
    fn records_made_after_the_first_request_are_not_in_the_walk() {
        assert_eq!(ids("page_params.first_request_timestamp.seconds=2").unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_window_includes_its_lower_bound_only() {
        assert_eq!(ids("created_at_after.seconds=1&created_at_before.seconds=3").unwrap(), ["a", "b"]);
        assert_eq!(ids("updated_at_after.seconds=3").unwrap(), ["c"]);
    }
}
