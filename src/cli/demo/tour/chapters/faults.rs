//! Requests that are not forwarded because of what they say.

use http::StatusCode;
use serde_json::json;

use crate::cli::demo::tour::call::Call;
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost, because};

/// No such direction; more nanoseconds than a second has; no number.
const QUERY: &str =
    "/v1/payments?order_params.order_direction=UP&created_at_after.nanos=1000000000&created_at_before.seconds=soon";

pub(super) async fn every_fault_at_once(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let acme = &guide.venue.callers.acme;
    let before = guide.received().len();

    let expect = Expect::problem(StatusCode::BAD_REQUEST, "invalid-request").errors(3);
    guide.call(Call::get(QUERY).by(acme), expect).await?;
    let person = json!({
        "type": "PERSON",
        "business_name": "",
        "email": "somebody.with.a.very.long.address@example.com",
        "mobile_phone_number": "none",
        "identification_number": "1",
    });
    let expect = Expect::problem(StatusCode::BAD_REQUEST, "invalid-request").errors(5);
    guide.call(Call::post("/v1/customers", person).by(acme), expect).await?;
    because(
        "Passport's pages document these rules; it would answer 400 itself. The gateway says so first, names every fault in \
         one answer, and repeats none of the values, which may be personal data.",
    );
    guide.claim(guide.received().len() == before, "Passport was not troubled.");
    Ok(())
}

pub(super) async fn no_idempotency_key(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let before = guide.received().len();
    let payment = json!({
        "account_id": "00000000-0000-4000-8000-000000000001",
        "resolution_id": "00000000-0000-4000-8000-000000000002",
        "amount": {"value": "25000", "currency": "COP"},
    });
    let call = Call::post("/v1/payments/breb", payment).by(&guide.venue.callers.acme);
    guide.call(call, Expect::problem(StatusCode::BAD_REQUEST, "idempotency-key-missing")).await?;
    because(
        "Should the answer to a payment get lost, its sender must be able to ask again without paying again. So what moves money \
         needs an Idempotency-Key, by which the gateway knows a repetition.",
    );
    guide.claim(guide.received().len() == before, "Nothing was sent to Passport.");
    Ok(())
}
