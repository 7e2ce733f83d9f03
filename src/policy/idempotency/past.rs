//! What a repetition is told of a write whose answer nobody has: enough to look it up, and nothing personal.

use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::catalogue::{Catalogue, Operation};
use crate::refusal::{Refusal, UnknownOutcome};
use crate::stage::Validated;
use crate::store::records::{Millis, Outcome, Past};

/// How long before and after its beginning a write is looked for: clocks differ, and the budget of a write is shorter.
const AROUND: u64 = 300;

/// The refusal of a repetition, for what is known of the write itself.
pub(super) fn unknown(request: &Validated, past: &Past, outcome: Option<&Outcome>) -> Refusal {
    let catalogue = &request.snapshot().catalogue;
    let operation = catalogue.by_name(&past.trace.operation).map(|id| catalogue.operation(id));
    Refusal::OutcomeUnknown(Box::new(UnknownOutcome {
        operation: past.trace.operation.clone(),
        since: moment(past.begun),
        request_id: past.trace.request_id.clone(),
        look_up: operation.and_then(|operation| look_up(catalogue, operation, past.begun / 1000)),
        status: match outcome {
            Some(Outcome::Status(status)) => Some(*status),
            _ => None,
        },
        happened: outcome.is_some(),
    }))
}

/// The list in which the write would stand, narrowed to when it was made where the list can be.
fn look_up(catalogue: &Catalogue, operation: &Operation, began: u64) -> Option<String> {
    let resource = operation.resource.as_ref()?;
    let is_list = |list: &&Operation| {
        list.method == Method::GET && list.resource.as_ref() == Some(resource) && list.parameters.is_empty() && list.enabled
    };
    let list = catalogue.operations().map(|(_, operation)| operation).find(is_list)?;
    let takes = |name: &str| list.query.parameters().iter().any(|parameter| &*parameter.name == name);
    let path = list.path();
    if !takes("created_at_after.seconds") || !takes("created_at_before.seconds") {
        return Some(format!("GET {path}"));
    }
    let (after, before) = (began.saturating_sub(AROUND), began + AROUND);
    Some(format!("GET {path}?created_at_after.seconds={after}&created_at_before.seconds={before}"))
}

fn moment(at: Millis) -> String {
    let at = OffsetDateTime::from(UNIX_EPOCH + Duration::from_millis(at));
    at.format(&Rfc3339).unwrap_or_default()
}
