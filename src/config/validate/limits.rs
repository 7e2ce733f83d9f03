//! Rates: limits of tenants, of classes of operations, and quotas toward Passport.

use std::time::Duration;

use crate::catalogue::Effect;
use crate::config::raw::{Table, Value};
use crate::config::settings::{ClassLimit, Limit};
use crate::rate::Rate;

const EFFECTS: [Effect; 3] = [Effect::Read, Effect::Write, Effect::Money];

/// The longest time in which a whole burst may be earned: limiters count nanoseconds in 64 bits.
const LONGEST_WINDOW: Duration = Duration::from_hours(30 * 24);

/// A rate: `{ requests, per, burst, mode, jitter }`.
pub(super) fn limit(value: &Value<'_>) -> Option<Limit> {
    let table = Table::open(value, &["requests", "per", "burst", "mode", "jitter"])?;
    let requests = table.required("requests", "say how many requests are admitted, such as requests = 100", Value::requests);
    let per = table.required("per", "say in which time, such as per = \"1s\"", Value::time);
    let burst = table.read("burst", Value::requests);
    let shadow = table.or("mode", false, |value| value.word(&[("enforce", false), ("shadow", true)]));
    let jitter = table.or("jitter", Duration::ZERO, Value::duration);
    let (requests, per) = (requests?, per?);
    let rate = Rate { requests, per, burst: burst.unwrap_or(requests) };
    let window = rate.interval().checked_mul(rate.burst.get());
    if window.is_none_or(|window| window > LONGEST_WINDOW) {
        return value.fault("takes more than 30 days to earn its burst", "lower `burst` or `per`, or raise `requests`");
    }
    Some(Limit { rate, shadow, jitter })
}

/// Limits by class of operations: `{ money = { … }, write = { … } }`.
pub(super) fn class_limits(value: &Value<'_>) -> Option<Vec<ClassLimit>> {
    let table = Table::open(value, &EFFECTS.map(Effect::as_str))?;
    let class = |effect: Effect| table.read(effect.as_str(), limit).map(|limit| ClassLimit { effect, limit });
    Some(EFFECTS.into_iter().filter_map(class).collect())
}
