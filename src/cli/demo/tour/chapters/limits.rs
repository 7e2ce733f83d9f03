//! Limits on tenants.

use http::StatusCode;

use crate::cli::demo::tour::call::Call;
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost};

/// More calls than the limit admits, however slow the machine.
const MOST: usize = 12;

pub(super) async fn a_limit_reached(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let callers = &guide.venue.callers;
    let list = Call::get("/v1/accounts?page_params.page_size=1");
    let mut admitted = 0;
    while admitted < MOST && guide.ask(&list.clone().by(&callers.reports)).await?.status == StatusCode::OK {
        admitted += 1;
    }
    guide.claim((1..MOST).contains(&admitted), &format!("Of the tenant's burst of three, {admitted} were left; they were admitted."));

    let expect = Expect::problem(StatusCode::TOO_MANY_REQUESTS, "rate-limited").seconds("retry-after", 1, 10);
    let expect = expect.field("ratelimit-policy", r#""tenant";q=3;w=30"#).field("ratelimit", "r=0");
    guide.call(list.clone().by(&callers.reports), expect).await?;
    guide.because(
        "Six requests a minute, at most three at once: `RateLimit` and `Retry-After` name the same instant. What is answered \
         from memory counts as well; what was refused for lack of a scope did not.",
    );
    guide.call(list.by(&callers.acme), Expect::ok().field("ratelimit-policy", r#""tenant";q=200;w=2"#)).await?;
    guide.because("Another tenant's limit is another.");
    Ok(())
}
