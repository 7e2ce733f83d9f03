//! Who calls, and what it may do.

use http::StatusCode;
use serde_json::json;

use crate::cli::demo::tour::call::Call;
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost, because};

pub(super) async fn without_a_credential(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let call = Call::get("/v1/customers");
    let expect = Expect::problem(StatusCode::UNAUTHORIZED, "missing-credential");
    guide.call(call, expect.field("www-authenticate", "Bearer realm=")).await?;
    because(
        "Without exactly one identity there is no tenant, and without a tenant no Passport token to use. There is no switch \
         that turns this off. The answer is a problem document (RFC 9457), and says what to send (RFC 6750).",
    );
    Ok(())
}

pub(super) async fn without_the_scope(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let callers = &guide.venue.callers;
    let before = guide.received().len();

    let expect = Expect::problem(StatusCode::FORBIDDEN, "insufficient-scope");
    let expect = expect.field("www-authenticate", r#"error="insufficient_scope""#);
    let expect = expect.member("/required_scope", "paas.core.entity_customers.list.get");
    guide.call(Call::get("/v1/customers").by(&callers.clerk), expect).await?;
    because("This token is good for `paas.core.accounts.*`, and customers are no accounts.");

    let expect = Expect::problem(StatusCode::FORBIDDEN, "insufficient-scope");
    let expect = expect.member("/required_scope", "paas.core.entity_customers.post");
    guide.call(Call::post("/v1/customers", json!({})).by(&callers.reports), expect).await?;
    because(
        "This token claims `paas.core.*`, but its tenant is configured to read three lists: what counts is what both hold. \
         Nobody has looked at the body, which is not valid either.",
    );
    guide.claim(guide.received().len() == before, "Passport has not heard of any of this.");
    Ok(())
}
