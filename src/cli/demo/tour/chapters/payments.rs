//! Money moves.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::cli::demo::tour::call::{Answer, Call};
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost, because};

/// The newest payment.
const NEWEST: &str = "/v1/payments?order_params.order_direction=DESC&page_params.page_size=1";
/// How long to ask for the settlement, and how often.
const PATIENCE: Duration = Duration::from_secs(5);
const PERIOD: Duration = Duration::from_millis(100);

pub(super) async fn a_payment(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let acme = &guide.venue.callers.acme;
    let list = || Call::get(NEWEST).by(acme);
    let accounts = Call::get("/v1/accounts?page_params.page_size=1").by(acme);
    let balance = Expect::ok().shows("/accounts/0/available_balance/value");
    let account = guide.call(accounts, balance).await?;
    let field = |pointer| account.text(pointer).unwrap_or_default();
    because("Money stays text: beyond 2^53 a float would begin to lose pesos, and this balance comes through to the last digit.");

    let key = json!({"key_type": "ALPHA", "key_value": "@almacen01"});
    let resolve = json!({"customer_id": field("/accounts/0/customer_id"), "key": key});
    let resolution = guide.call(Call::post("/v1/key-resolution", resolve).by(acme), Expect::ok().shows("/resolution_id")).await?;
    guide.call(list(), Expect::ok().field("cache-status", "stored").member("/payments/0/status", "SETTLED")).await?;

    let payment = json!({
        "account_id": field("/accounts/0/id"),
        "resolution_id": resolution.text("/resolution_id"),
        "amount": {"value": "25000", "currency": "COP"},
    });
    let pay = || Call::post("/v1/payments/breb", payment.clone()).by(acme).with("idempotency-key", "order-4711");
    let made = guide.call(pay(), Expect::ok().member("/status", "PENDING").shows("/id")).await?;
    let id = made.text("/id").unwrap_or_default();
    repeated(guide, pay(), &made).await?;
    let expect = Expect::ok().field("cache-status", "fwd=uri-miss").member("/payments/0/status", "PENDING");
    let newest = guide.call(list(), expect.member("/payments/0/id", id)).await?;
    guide.claim(
        newest.text("/payments/0/id") == Some(id),
        "The list was forgotten when the payment was made, and now begins with it.",
    );

    let confirm =
        Call::post("/v1/payments/breb/confirm", json!({"id": id})).by(acme).with("idempotency-key", "order-4711-confirm");
    guide.call(confirm, Expect::ok().shows("/status")).await?;
    settled(guide, id).await?;
    because(
        "A single payment is never answered from memory: whoever asks for it waits for its state to change. Writes run in a \
         task of their own: had the caller hung up, the payment would have been seen through and the lists forgotten.",
    );
    Ok(())
}

/// The same payment again, as an application sends it that has not seen the answer.
async fn repeated(guide: &mut Guide<'_>, again: Call<'_>, made: &Answer) -> Result<(), Lost> {
    let before = guide.received().len();
    let answer = guide.call(again, Expect::ok().field("idempotent-replayed", "true").shows("/id")).await?;
    guide.claim(
        answer.body == made.body && guide.received().len() == before,
        "Asked again under the same key, the gateway repeated the answer; Passport was not asked, and nobody paid twice.",
    );
    Ok(())
}

async fn settled(guide: &mut Guide<'_>, id: &str) -> Result<(), Lost> {
    let call = Call::get(format!("/v1/payments/{id}")).by(&guide.venue.callers.acme);
    let deadline = Instant::now() + PATIENCE;
    let mut payment = guide.ask(&call).await?;
    while payment.text("/status") != Some("SETTLED") && Instant::now() < deadline {
        sleep(PERIOD).await;
        payment = guide.ask(&call).await?;
    }
    guide.show(&call, &payment, &Expect::ok().member("/status", "SETTLED"));
    Ok(())
}
