//! What goes up in place of a query means what the query meant, to a reader that is not ours, and is its own one form.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::{Corpus, fuzz_target};
use passport_gateway::catalogue::{Modes, Report};
use passport_gateway_fuzz::operation;

fuzz_target!(|query: &str| -> Corpus {
    if !query.is_ascii() {
        return Corpus::Reject;
    }
    let rules = &operation("list_payments").query;
    let mut report = Report::new(Modes::default());
    let Some(canonical) = rules.check(Some(query), &mut report) else {
        assert!(report.refuses(), "what cannot be read is refused");
        return Corpus::Keep;
    };

    let canonical = canonical.to_text();
    assert!(canonical.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(meaning(&canonical), meaning(query));
    let mut again = Report::new(Modes::default());
    assert_eq!(rules.check(Some(&canonical), &mut again).map(|query| query.to_text()).as_ref(), Some(&canonical));
    assert_eq!((again.refused, again.reported), (report.refused, report.reported));
    Corpus::Keep
});

/// The pairs as the URL standard reads them; one without a name and a value is none to us.
fn meaning(query: &str) -> BTreeSet<(String, String)> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let distinct: BTreeSet<_> = pairs.iter().cloned().collect();
    assert_eq!(distinct.len(), pairs.len(), "a pair that stands twice went through");
    distinct
}
