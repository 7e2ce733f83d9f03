//! Limits on tenants.

use http::StatusCode;

use crate::cli::demo::tour::call::Call;
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost, because};

/// More calls than the limit admits, however slow the machine.
const MOST: usize = 12;

pub(super) async fn a_limit_reached(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let callers = &guide.venue.callers;
    let list = Call::get("/v1/accounts?page_params.page_size=1");
    let reports = list.clone().by(&callers.reports);
    let policy = r#""tenant";q=3;w=30"#;
    guide.call(reports.clone(), Expect::ok().field("ratelimit-policy", policy).field("ratelimit", r#""tenant";r="#)).await?;
    because("Once more, until it is too often:");
    let mut answer = guide.ask(&reports).await?;
    for _ in 0..MOST {
        if answer.status != StatusCode::OK {
            break;
        }
        answer = guide.ask(&reports).await?;
    }

    let expect = Expect::problem(StatusCode::TOO_MANY_REQUESTS, "rate-limited").seconds("retry-after", 1, 10);
    guide.show(&reports, &answer, &expect.field("ratelimit-policy", policy).field("ratelimit", "r=0"));
    because(
        "Six requests a minute, at most three at once: `RateLimit` and `Retry-After` name the same instant. What is answered \
         from memory counts as well; what was refused for lack of a scope did not.",
    );
    guide.call(list.by(&callers.acme), Expect::ok().field("ratelimit-policy", r#""tenant";q=200;w=2"#)).await?;
    because("Another tenant's limit is another.");
    Ok(())
}
