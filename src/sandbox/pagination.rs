//! Pages of a snapshot: `page_params` and `pagination_info`.

use serde_json::{Value, json};

use super::error::ApiError;
use super::moment::Timestamp;
use super::query::Query;

/// Which part of which snapshot is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    size: usize,
    number: usize,
    /// The snapshot: records made later than this are not in the walk.
    pub(crate) first_request: Timestamp,
}

/// Undocumented; what a page holds when nobody says.
const DEFAULT_SIZE: u32 = 20;

impl Page {
    /// Reads `page_params.*`; a walk that begins now gets its snapshot from `now`.
    pub(crate) fn parse(query: &Query, now: Timestamp) -> Result<Self, ApiError> {
        let positive = |name| query.number(name, |n: &u32| *n >= 1);
        let size = positive("page_params.page_size")?.unwrap_or(DEFAULT_SIZE);
        let number = positive("page_params.page_number")?.unwrap_or(1);
        let first_request = query.timestamp("page_params.first_request_timestamp")?.unwrap_or(now);
        Ok(Self { size: widen(size), number: widen(number), first_request })
    }

    /// The records on this page.
    pub(crate) fn slice<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let start = (self.number - 1).saturating_mul(self.size).min(all.len());
        &all[start..start.saturating_add(self.size).min(all.len())]
    }

    /// What a list says about itself.
    pub(crate) fn info(&self, total: usize) -> Value {
        json!({
            "first_request_timestamp": self.first_request.as_first_request(),
            "current_page": self.number,
            "total_pages": total.div_ceil(self.size),
            "total_elements": total,
        })
    }
}

fn widen(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(raw: &str) -> Result<Page, ApiError> {
        Page::parse(&Query::parse(raw).unwrap(), Timestamp::from_parts(9, 0))
    }

    #[test]
    fn pages_cover_all_records_once() {
        let all = [1, 2, 3, 4, 5];
        let slice =
            |number| page(&format!("page_params.page_size=2&page_params.page_number={number}")).unwrap().slice(&all).to_vec();

        assert_eq!([slice(1), slice(2), slice(3), slice(4)], [vec![1, 2], vec![3, 4], vec![5], vec![]]);
    }

    #[test]
    fn the_info_counts_pages_and_elements() {
        let info = page("page_params.page_size=2").unwrap().info(5);
        assert_eq!(
            info,
            json!({"first_request_timestamp": "1970-01-01T00:00:09.00Z", "current_page": 1, "total_pages": 3, "total_elements": 5})
        );
    }

    #[test]
    fn a_given_timestamp_is_the_snapshot() {
        let page = page("page_params.first_request_timestamp.seconds=3&page_params.first_request_timestamp.nanos=4").unwrap();
        assert_eq!(page.first_request, Timestamp::from_parts(3, 4));
    }

    #[test]
    fn sizes_and_numbers_below_one_are_refused() {
        for bad in
            ["page_params.page_size=0", "page_params.page_number=0", "page_params.page_size=-1", "page_params.page_size=two"]
        {
            assert!(page(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_furthest_page_of_the_largest_size_is_empty() {
        let page = page("page_params.page_size=4294967295&page_params.page_number=4294967295").unwrap();
        assert!(page.slice(&[1, 2]).is_empty());
    }
}
