use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::upstream::token::refusals::COOL_DOWN;
use crate::upstream::token::testing::minted;

const SECOND: Duration = Duration::from_secs(1);
const DAY: u64 = 86_400;
const REJECTED: Failure = Failure::Rejected(StatusCode::UNAUTHORIZED);

/// A source that got a token of so many seconds at `now`.
fn supplied(now: Instant, expires_in: u64) -> Life {
    let mut life = Life::new(now);
    renewed(&mut life, now, expires_in);
    life
}

fn renewed(life: &mut Life, now: Instant, expires_in: u64) {
    life.begin();
    life.finish(Ok((minted(expires_in), now)), now, 0.0);
}

fn failed(life: &mut Life, failure: Failure, now: Instant) {
    life.begin();
    life.finish(Err(failure), now, 0.5);
}

fn current(life: &Life) -> Arc<Token> {
    Arc::clone(life.token().unwrap())
}

fn operation(name: &str) -> Arc<str> {
    name.into()
}

fn withheld(standing: &Standing) -> Option<Withheld> {
    match standing {
        Standing::Withheld(withheld) => Some(*withheld),
        Standing::Ready(_) | Standing::Wait => None,
    }
}

#[test]
fn the_first_attempt_is_due_at_once_and_waited_for() {
    let now = Instant::now();
    let mut life = Life::new(now);

    assert_eq!(life.due(), now);
    assert!(matches!(life.standing(now), Standing::Wait));
    life.begin();
    assert!(matches!(life.standing(now + SECOND), Standing::Wait));
}

#[test]
fn a_token_is_ready_until_its_margin_and_not_after() {
    let now = Instant::now();
    let mut life = supplied(now, 100);
    failed(&mut life, Failure::Unreachable, now + SECOND * 50);

    let margin = now + SECOND * 100 - Duration::from_millis(250);
    assert!(matches!(life.standing(margin - Duration::from_nanos(1)), Standing::Ready(_)));
    assert!(!matches!(life.standing(margin), Standing::Ready(_)));
}

#[test]
fn the_margin_of_a_short_life_is_its_hundredth() {
    let now = Instant::now();
    let life = supplied(now, 3);

    assert!(matches!(life.standing(now + Duration::from_millis(2969)), Standing::Ready(_)));
    assert!(matches!(life.standing(now + Duration::from_millis(2970)), Standing::Wait));
}

#[test]
fn without_a_token_a_failure_is_told_with_the_time_to_the_next_attempt() {
    let now = Instant::now();
    let mut life = Life::new(now);
    for _ in 0..5 {
        failed(&mut life, Failure::Timeout, now);
    }

    assert_eq!(life.due(), now + SECOND * 4);
    assert_eq!(withheld(&life.standing(now + SECOND)), Some(Withheld::For(SECOND * 3)));
    assert_eq!(withheld(&life.standing(now + Duration::from_millis(3900))), Some(Withheld::For(SECOND)));
    assert!(matches!(life.standing(now + SECOND * 4), Standing::Wait));
}

#[test]
fn a_rejection_is_remembered_for_long_and_told_as_such() {
    let now = Instant::now();
    let mut life = Life::new(now);
    failed(&mut life, REJECTED, now);

    assert!(life.due() >= now + SECOND * 15);
    assert_eq!(withheld(&life.standing(now + SECOND * 14)), Some(Withheld::Rejected));
}

#[test]
fn failures_of_another_sort_begin_their_own_count() {
    let now = Instant::now();
    let mut life = Life::new(now);
    for _ in 0..20 {
        failed(&mut life, Failure::Unreachable, now);
    }

    failed(&mut life, REJECTED, now);
    assert!(life.due() <= now + SECOND * 30);
    failed(&mut life, Failure::Unreachable, now);
    assert!(life.due() <= now + SECOND);
}

#[test]
fn a_success_ends_the_count_of_failures() {
    let now = Instant::now();
    let mut life = Life::new(now);
    for _ in 0..20 {
        failed(&mut life, Failure::Unreachable, now);
    }
    renewed(&mut life, now, DAY);
    failed(&mut life, Failure::Unreachable, now);

    assert!(life.due() <= now + SECOND);
}

#[test]
fn a_refused_token_is_renewed_once_however_many_are_refused() {
    let now = Instant::now();
    let mut life = supplied(now, DAY);
    let token = current(&life);

    let verdicts: Vec<_> = (0..500).map(|_| life.refused(&operation("list_payments"), &token, now + SECOND * 60)).collect();

    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Replaced(Ended(1))), "{verdicts:?}");
    assert_eq!(life.due(), now + SECOND * 60);
    renewed(&mut life, now + SECOND * 61, DAY);
    assert!(life.due() > now + SECOND * 3600);
    let late = life.refused(&operation("list_payments"), &token, now + SECOND * 62);
    assert_eq!(late, Verdict::Replaced(Ended(2)));
    assert!(life.due() > now + SECOND * 3600, "a newer token is there: nothing to renew");
}

#[test]
fn who_waits_for_a_successor_gets_the_newer_token_or_the_failure() {
    let now = Instant::now();
    let mut life = supplied(now, DAY);
    let Verdict::Replaced(then) = life.refused(&operation("list_payments"), &current(&life), now) else { unreachable!() };

    assert!(matches!(life.successor(1, then, now), Standing::Wait));
    life.begin();
    assert!(matches!(life.successor(1, then, now), Standing::Wait));
    life.finish(Err(Failure::Unreachable), now, 0.5);
    assert_eq!(withheld(&life.successor(1, then, now)), Some(Withheld::For(SECOND)));
    renewed(&mut life, now, DAY);
    assert!(matches!(life.successor(1, then, now), Standing::Ready(token) if token.generation() == 2));
}

#[test]
fn a_fresh_token_refused_again_means_a_missing_scope_and_renews_nothing() {
    let now = Instant::now();
    let mut life = supplied(now, DAY);
    life.refused(&operation("list_payments"), &current(&life), now);
    renewed(&mut life, now, DAY);
    let due = life.due();

    for later in 0..59 {
        let verdict = life.refused(&operation("list_payments"), &current(&life), now + SECOND * later);
        assert_eq!(verdict, Verdict::ScopeMissing, "{later}");
    }

    assert_eq!(life.due(), due);
}

#[test]
fn a_missing_scope_is_asked_for_once_per_cool_down() {
    let start = Instant::now();
    let mut life = supplied(start, DAY);
    let mut renewals = 0;

    for second in 0..600 {
        let now = start + SECOND * second;
        life.refused(&operation("list_payments"), &current(&life), now);
        if life.due() <= now {
            renewals += 1;
            renewed(&mut life, now, DAY);
        }
    }

    let cool_downs = 600 / COOL_DOWN.as_secs();
    assert!((1..=cool_downs).contains(&renewals), "{renewals}");
}

#[test]
fn other_operations_renew_at_once_while_one_lacks_its_scope() {
    let now = Instant::now();
    let mut life = supplied(now, DAY);
    life.refused(&operation("list_payments"), &current(&life), now);
    renewed(&mut life, now, DAY);
    assert_eq!(life.refused(&operation("list_payments"), &current(&life), now), Verdict::ScopeMissing);

    let later = now + RENEWAL_PERIOD;
    let verdict = life.refused(&operation("list_accounts"), &current(&life), later);

    assert_eq!(verdict, Verdict::Replaced(Ended(2)));
    assert_eq!(life.due(), later);
}

#[test]
fn refusals_renew_at_most_once_in_five_seconds() {
    let now = Instant::now();
    let mut life = supplied(now, DAY);
    life.refused(&operation("list_payments"), &current(&life), now);
    renewed(&mut life, now, DAY);
    let due = life.due();

    let verdict = life.refused(&operation("list_accounts"), &current(&life), now + SECOND * 2);

    assert_eq!(verdict, Verdict::Withheld(Withheld::For(SECOND * 3)));
    assert_eq!(life.due(), due);
}

#[test]
fn a_refusal_does_not_hasten_a_source_that_fails() {
    let now = Instant::now();
    for (failure, expected) in [(Failure::Unreachable, Withheld::For(SECOND)), (REJECTED, Withheld::Rejected)] {
        let mut life = supplied(now, DAY);
        failed(&mut life, failure, now);
        let due = life.due();

        let verdict = life.refused(&operation("list_payments"), &current(&life), now);

        assert_eq!(verdict, Verdict::Withheld(expected));
        assert_eq!(life.due(), due);
    }
}

#[test]
fn an_old_token_that_lacks_a_scope_is_renewed_to_see_whether_it_was_granted() {
    let now = Instant::now();
    let mut life = supplied(now, DAY);
    let due = life.due();

    life.lacking(&current(&life), now + REGRANT_PERIOD - SECOND);
    assert_eq!(life.due(), due);
    life.lacking(&current(&life), now + REGRANT_PERIOD);
    assert_eq!(life.due(), now + REGRANT_PERIOD);
}

#[test]
fn a_source_that_stopped_serves_its_token_and_keeps_nobody_waiting() {
    let now = Instant::now();
    let mut life = Life::new(now);
    life.begin();
    life.stop();
    assert!(withheld(&life.standing(now)).is_some());

    let mut life = supplied(now, DAY);
    life.stop();
    assert!(matches!(life.standing(now), Standing::Ready(_)));
    assert!(matches!(life.refused(&operation("list_payments"), &current(&life), now), Verdict::Withheld(_)));
}

/// What happens to a source in the property below.
#[derive(Clone, Debug)]
enum Event {
    Grant { expires_in: u64, flight: u64 },
    Fail,
    Reject,
    Refuse,
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (1..200_u64, 0..9_000_u64).prop_map(|(expires_in, flight)| Event::Grant { expires_in, flight }),
        Just(Event::Fail),
        Just(Event::Reject),
        Just(Event::Refuse),
        (0..60_000_u64).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #[test]
    fn whatever_happens_no_expired_token_is_served_and_no_attempt_follows_too_closely(
        events in events(),
        chance in 0.0..1.0_f64,
    ) {
        let mut now = Instant::now();
        let mut life = Life::new(now);
        let mut asked: Option<Instant> = None;
        for event in events {
            let before = life.due();
            match event {
                Event::Grant { expires_in, flight } => {
                    let sent = now;
                    life.begin();
                    now += Duration::from_millis(flight);
                    life.finish(Ok((minted(expires_in), sent)), now, chance);
                    prop_assert!(life.due() >= now + schedule::SHORTEST_PERIOD);
                }
                Event::Fail | Event::Reject => {
                    life.begin();
                    life.finish(Err(if matches!(event, Event::Fail) { Failure::Timeout } else { REJECTED }), now, chance);
                    prop_assert!(life.due() >= now + Duration::from_millis(100));
                }
                Event::Refuse => {
                    let Some(token) = life.token().cloned() else { continue };
                    life.refused(&operation("list_payments"), &token, now);
                    if life.due() < before {
                        prop_assert!(asked.is_none_or(|asked| now >= asked + RENEWAL_PERIOD));
                        asked = Some(now);
                    }
                }
                Event::Pass(millis) => now += Duration::from_millis(millis),
            }
            if let Standing::Ready(token) = life.standing(now) {
                prop_assert!(now < token.expires());
            }
        }
    }
}
