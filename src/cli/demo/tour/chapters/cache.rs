//! Lists from memory: for whom, for how long, and when they are forgotten.

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use crate::cli::demo::tour::call::Call;
use crate::cli::demo::tour::expect::Expect;
use crate::cli::demo::tour::guide::{Guide, Lost, because};
use crate::sandbox::{Fault, Kind};

/// The newest customers.
const NEWEST: &str = "/v1/customers?order_params.order_direction=DESC&page_params.page_size=2";
/// The same question, in other words.
const REORDERED: &str = "/v1/customers?page_params.page_size=2&order_params.order_direction=DESC";
/// A list that has nothing to do with customers.
const RECIPIENTS: &str = "/v1/recipients?page_params.page_size=1";
/// A list that nobody has asked for yet.
const KEYS: &str = "/v1/keys?page_params.page_size=1";
/// A business that nobody serves yet.
const BUSINESS: &str = "Café de la Esquina SAS";
/// How many there are.
const TOTAL: &str = "/pagination_info/total_elements";

pub(super) async fn a_list_twice(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let acme = &guide.venue.callers.acme;
    let before = guide.received().len();

    let expect = Expect::ok().field("cache-status", "fwd=uri-miss; stored").shows(TOTAL);
    let first = guide.call(Call::get(NEWEST).by(acme), expect).await?;
    let up = guide.received().pop();
    let valid = up.as_ref().is_some_and(|request| request.bearer == "valid");
    guide.claim(valid, "Passport saw a bearer of its own making; the caller's token went no further than the gateway.");

    let expect = Expect::ok().field("cache-status", "passport-gateway; hit").seconds("age", 0, 29).shows(TOTAL);
    let second = guide.call(Call::get(REORDERED).by(acme), expect).await?;
    because(
        "The second answer comes from memory: lists of customers are kept for 30 seconds, and the order of parameters makes \
         no other question of the same one. `Cache-Status` (RFC 9211) and `Age` tell it.",
    );
    guide.claim(first.body == second.body, "Both answers hold the same.");
    guide.claim(guide.received().len() == before + 1, "Passport was asked once.");
    Ok(())
}

pub(super) async fn the_same_list_of_another_tenant(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let callers = &guide.venue.callers;
    let own = guide.ask(&Call::get(NEWEST).by(&callers.acme)).await?;

    let expect = Expect::ok().field("cache-status", "fwd=uri-miss").shows(TOTAL);
    let others = guide.call(Call::get(NEWEST).by(&callers.reports), expect).await?;
    because(
        "acme's answer to this very question lies in memory, but entries belong to one tenant and one Passport credential, so \
         Passport was asked again, with the credential of `reports`.",
    );
    guide.claim(own.status == StatusCode::OK && names(&own.body) != names(&others.body), "The customers are others.");
    let mut clients: Vec<_> = guide.received().into_iter().rev().filter_map(|request| request.client_id).collect();
    clients.dedup();
    guide.claim(clients.len() > 1, "Passport saw another of its own clients than before.");
    Ok(())
}

pub(super) async fn a_list_asked_for_by_many(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let call = Call::get(KEYS).by(&guide.venue.callers.acme);
    let before = guide.received().len();
    let slow = Fault::new("GET /v1/keys", Kind::Latency { delay_ms: 500 }).times(1);
    guide.claim(guide.venue.passport.inject(slow).is_ok(), "Passport takes 500 ms for its next answer about keys.");

    let answers = join_all((0..10).map(|_| guide.ask(&call))).await;
    let mut collapsed = Vec::new();
    for answer in answers {
        let answer = answer?;
        if answer.field("cache-status").is_some_and(|status| status.contains("collapsed")) {
            collapsed.push(answer);
        }
    }

    if let Some(answer) = collapsed.last() {
        guide.show(&call, answer, &Expect::ok().field("cache-status", "collapsed").shows(TOTAL));
    }
    because(
        "Ten times at once, while the answer was not there yet. Whoever asks what is being asked already waits for that answer.",
    );
    guide.claim(collapsed.len() == 9, "Nine of the ten waited for the one that had gone up.");
    guide.claim(guide.received().len() == before + 1, "Passport was asked once.");
    Ok(())
}

pub(super) async fn a_list_after_a_write(guide: &mut Guide<'_>) -> Result<(), Lost> {
    let acme = &guide.venue.callers.acme;
    let known = guide.ask(&Call::get(NEWEST).by(acme)).await?.body.pointer(TOTAL).and_then(Value::as_u64).unwrap_or(0);

    guide.call(Call::get(RECIPIENTS).by(acme), Expect::ok().field("cache-status", "stored").shows(TOTAL)).await?;
    let created = Call::post("/v1/customers", customer()).by(acme);
    guide.call(created, Expect::ok().member("/business_name", BUSINESS).shows("/id")).await?;
    let went = guide.received().pop().map(|request| request.path);
    let legacy = "/v1/paas/entities/customers";
    guide.claim(
        went.as_deref() == Some(legacy),
        "Passport takes new customers on another host and path, which is no caller's concern.",
    );

    let expect = Expect::ok().field("cache-status", "fwd=uri-miss").member(TOTAL, known + 1);
    guide.call(Call::get(NEWEST).by(acme), expect.member("/customers/0/business_name", BUSINESS)).await?;
    guide.call(Call::get(RECIPIENTS).by(acme), Expect::ok().field("cache-status", "passport-gateway; hit")).await?;
    because(
        "A write names what it makes untrue. The lists of customers were forgotten with it, although they had some 30 seconds \
         to live; recipients were not. Whoever writes reads its own write.",
    );
    Ok(())
}

fn customer() -> Value {
    json!({
        "type": "BUSINESS",
        "business_name": BUSINESS,
        "email": "hola@cafe.example",
        "mobile_phone_number": "+573001234567",
        "identification_type": "NIT",
        "identification_number": "900123456",
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["customers"].as_array().into_iter().flatten().filter_map(|customer| customer["business_name"].as_str()).collect()
}
