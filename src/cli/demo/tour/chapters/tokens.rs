//! The gateway's own tokens for Passport.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use crate::cli::demo::tour::call::Call;
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost, because};
use crate::sandbox::Received;

/// How often the caller calls.
const PERIOD: Duration = Duration::from_millis(150);
/// How much longer than a token's life to wait for the next one.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn an_expiry(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let call = Call::get("/v1/accounts").by(&guide.venue.callers.acme).with("cache-control", "no-cache");
    let seen = guide.received().len();
    guide.call(call.clone(), Expect::ok().shows("/pagination_info/total_elements")).await?;
    let ttl = guide.venue.token_ttl;
    because(&format!(
        "`no-cache` makes the gateway ask Passport. The bearer it carried lives {} seconds from when it was minted. The same \
         caller goes on calling until it has surely expired.",
        ttl.as_secs()
    ));

    let first = Instant::now();
    let (mut calls, mut refused) = (0, 0);
    while first.elapsed() <= ttl || (since(guide, seen).tokens < 2 && first.elapsed() < ttl + GRACE) {
        calls += 1;
        refused += usize::from(guide.ask(&call).await?.status != StatusCode::OK);
        sleep(PERIOD).await;
    }

    let Seen { tokens, unfit } = since(guide, seen);
    guide.claim(refused == 0, &format!("{calls} more calls in {:.1} s: each was answered 200.", first.elapsed().as_secs_f32()));
    guide.claim(tokens > 1, &format!("Passport saw {tokens} different bearers meanwhile, one after another."));
    guide.claim(unfit == 0, "None of them had expired: Passport refused nothing.");
    because(
        "A token is renewed in the background at half of its life, so no caller waits for it, and \
         none arrives expired. Had Passport refused one all the same, reads would have been repeated with a new one.",
    );
    Ok(())
}

/// What Passport saw of calls.
struct Seen {
    /// Different bearers.
    tokens: usize,
    /// Requests whose bearer was not good.
    unfit: usize,
}

/// What Passport's double saw after so many requests.
fn since(guide: &Guide<'_>, seen: usize) -> Seen {
    let received = guide.received();
    let calls = || received.iter().skip(seen).filter(|request: &&Received| request.route == "GET /v1/accounts");
    let tokens: BTreeSet<_> = calls().filter_map(|request| request.token_id.as_deref()).collect();
    Seen { tokens: tokens.len(), unfit: calls().filter(|request| request.bearer != "valid").count() }
}
