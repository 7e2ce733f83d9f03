//! Freshness by examples from the RFCs, and by properties.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::testing::wall;

const TTL: Duration = Duration::from_secs(30);

struct Case {
    fields: HeaderMap,
    status: StatusCode,
    not_found: bool,
    settings: config::Cache,
}

fn case(lines: &[(&'static str, &str)]) -> Case {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let settings = config::Cache { max_bytes: 1, stale_while_revalidate: Duration::ZERO, stale_if_error: Duration::ZERO };
    Case { fields, status: StatusCode::OK, not_found: false, settings }
}

impl Case {
    fn freshness(&self, asked: Instant, now: Instant) -> Option<Freshness> {
        let received = Received { status: self.status, fields: &self.fields, asked, came: asked, wall: wall() };
        Freshness::of(&received, CacheRule { ttl: TTL, not_found: self.not_found }, self.settings, now)
    }

    fn lifetime(&self) -> Option<Duration> {
        let now = Instant::now();
        self.freshness(now, now).map(|freshness| freshness.lifetime.saturating_sub(freshness.initial_age))
    }
}

fn lifetime(lines: &[(&'static str, &str)]) -> Option<u64> {
    case(lines).lifetime().map(|lifetime| lifetime.as_secs())
}

fn http_time(offset: i64) -> String {
    let offset_abs = Duration::from_secs(offset.unsigned_abs());
    httpdate::fmt_http_date(if offset < 0 { wall() - offset_abs } else { wall() + offset_abs })
}

#[test]
fn the_catalogues_ttl_holds_where_the_upstream_is_silent() {
    assert_eq!(lifetime(&[]), Some(30));
    assert_eq!(lifetime(&[("cache-control", "public, no-transform")]), Some(30));
}

#[test]
fn a_shorter_upstream_freshness_wins_and_a_longer_one_does_not() {
    assert_eq!(lifetime(&[("cache-control", "max-age=7")]), Some(7));
    assert_eq!(lifetime(&[("cache-control", "max-age=7, s-maxage=9")]), Some(9));
    assert_eq!(lifetime(&[("cache-control", "max-age=3600")]), Some(30));
    assert_eq!(lifetime(&[("cache-control", "max-age=7"), ("expires", "0")]), Some(7));
}

#[test]
fn what_has_no_life_is_not_stored() {
    assert_eq!(lifetime(&[("cache-control", "max-age=0")]), None);
    assert_eq!(lifetime(&[("cache-control", "s-maxage=0, max-age=60")]), None);
    assert_eq!(lifetime(&[("cache-control", "max-age=soon")]), None);
    assert_eq!(lifetime(&[("cache-control", "max-age=10"), ("age", "10")]), None);
    assert_eq!(lifetime(&[("age", "30")]), None);
}

#[test]
fn expires_counts_from_date_and_what_is_no_date_is_past() {
    let expires = |at: i64, date: i64| lifetime(&[("expires", &http_time(at)), ("date", &http_time(date))]);

    assert_eq!(expires(20, 0), Some(20));
    assert_eq!(expires(40, 20), Some(20));
    assert_eq!(expires(10, 10), None);
    assert_eq!(expires(5, 10), None);
    assert_eq!(lifetime(&[("expires", &http_time(12))]), Some(12));
    assert_eq!(lifetime(&[("expires", "0")]), None);
    assert_eq!(lifetime(&[("expires", &http_time(20)), ("expires", &http_time(25))]), None);
}

#[test]
fn an_age_is_taken_off_and_a_senseless_one_is_none() {
    assert_eq!(lifetime(&[("age", "12")]), Some(18));
    assert_eq!(lifetime(&[("age", "12, 29")]), Some(18));
    assert_eq!(lifetime(&[("age", "-12")]), Some(30));
    assert_eq!(lifetime(&[("age", "old")]), Some(30));
    assert_eq!(lifetime(&[("age", "99999999999999999999999")]), None);
}

#[test]
fn an_answer_is_as_old_as_its_date_says_where_the_upstream_sets_its_life() {
    let dated = |age: i64, lines: &[(&'static str, &str)]| lifetime(&[&[("date", http_time(-age).as_str())], lines].concat());

    assert_eq!(dated(8, &[("cache-control", "max-age=20")]), Some(12));
    assert_eq!(dated(8, &[("cache-control", "max-age=20"), ("age", "15")]), Some(5));
    assert_eq!(dated(20, &[("cache-control", "max-age=20")]), None);
    assert_eq!(dated(-8, &[("cache-control", "max-age=20")]), Some(20));
    assert_eq!(dated(80, &[("expires", &http_time(-60))]), None);
    assert_eq!(dated(80, &[]), Some(30), "the catalogue's own life counts from the asking");
    assert_eq!(dated(80, &[("age", "12")]), Some(18));
}

#[test]
fn age_counts_from_the_asking() {
    let asked = Instant::now();

    let freshness = case(&[("age", "2")]).freshness(asked, asked + Duration::from_secs(5)).unwrap();

    assert_eq!(freshness.age(asked + Duration::from_secs(5)), Duration::from_secs(7));
    assert_eq!(case(&[]).freshness(asked, asked + TTL), None);
}

#[test]
fn what_is_forbidden_or_meant_for_one_receiver_is_not_stored() {
    for forbidden in ["no-store", "private", "private=\"x\"", "no-cache", "no-cache=\"x\"", "NO-STORE, max-age=5"] {
        assert_eq!(lifetime(&[("cache-control", forbidden)]), None, "{forbidden}");
    }
    assert_eq!(lifetime(&[("pragma", "no-cache")]), None);
    assert_eq!(lifetime(&[("vary", "accept"), ("vary", "*")]), None);
    assert_eq!(lifetime(&[("set-cookie", "a=b")]), None);
    assert_eq!(lifetime(&[("content-range", "bytes 0-1/2")]), None);
}

#[test]
fn only_a_200_and_a_documented_404_are_stored() {
    for status in [201, 203, 204, 206, 301, 304, 400, 404, 410, 500] {
        let case = Case { status: StatusCode::from_u16(status).unwrap(), ..case(&[("cache-control", "max-age=9")]) };
        assert_eq!(case.lifetime(), None, "{status}");
    }
    let documented = Case { status: StatusCode::NOT_FOUND, not_found: true, ..case(&[]) };
    assert_eq!(documented.lifetime(), Some(TTL));
}

#[test]
fn ttl_is_told_in_whole_seconds_and_is_negative_once_stale() {
    let now = Instant::now();
    let freshness = case(&[]).freshness(now, now).unwrap();

    let ttl = |millis| freshness.ttl(now + Duration::from_millis(millis));

    assert_eq!([ttl(0), ttl(1), ttl(29_999), ttl(30_000), ttl(30_001), ttl(32_000)], [30, 29, 0, 0, -1, -2]);
}

fn stale_case(lines: &[(&'static str, &str)], swr: u64, sie: u64) -> Freshness {
    let mut case = case(lines);
    case.settings.stale_while_revalidate = Duration::from_secs(swr);
    case.settings.stale_if_error = Duration::from_secs(sie);
    let now = Instant::now();
    case.freshness(now, now).unwrap()
}

fn after(freshness: Freshness, seconds: u64, request: &str) -> Use {
    let mut fields = HeaderMap::new();
    if !request.is_empty() {
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_str(request).unwrap());
    }
    freshness.good_for(&CacheControl::of(&fields), freshness.asked + Duration::from_secs(seconds))
}

#[test]
fn stale_windows_follow_each_other_and_end() {
    let freshness = stale_case(&[], 10, 20);

    assert_eq!(after(freshness, 29, ""), Use::Fresh);
    assert_eq!(after(freshness, 30, ""), Use::WhileRevalidate);
    assert_eq!(after(freshness, 40, ""), Use::IfError);
    assert_eq!(after(freshness, 50, ""), Use::Not);
    assert_eq!(after(stale_case(&[], 0, 0), 30, ""), Use::Not);
}

#[test]
fn the_upstream_narrows_a_stale_window_and_never_widens_it() {
    let narrowed = stale_case(&[("cache-control", "stale-while-revalidate=2, stale-if-error=3")], 10, 20);
    assert_eq!(after(narrowed, 31, ""), Use::WhileRevalidate);
    assert_eq!(after(narrowed, 32, ""), Use::IfError);
    assert_eq!(after(narrowed, 33, ""), Use::Not);

    let off = stale_case(&[("cache-control", "stale-while-revalidate=60, stale-if-error=60")], 0, 0);
    assert_eq!(after(off, 30, ""), Use::Not);
}

#[test]
fn what_must_be_revalidated_is_never_served_stale() {
    for directive in ["must-revalidate", "proxy-revalidate", "s-maxage=30"] {
        let freshness = stale_case(&[("cache-control", directive)], 10, 20);
        assert_eq!(after(freshness, 31, ""), Use::Not, "{directive}");
        assert_eq!(after(freshness, 31, "max-stale"), Use::Not, "{directive}");
    }
}

#[test]
fn a_callers_directives_narrow_and_accept() {
    let freshness = stale_case(&[], 10, 20);

    assert_eq!(after(freshness, 5, "no-cache"), Use::Not);
    assert_eq!(after(freshness, 0, "max-age=0"), Use::Not);
    assert_eq!(after(freshness, 5, "max-age=5"), Use::Fresh);
    assert_eq!(after(freshness, 6, "max-age=5"), Use::Not);
    assert_eq!(after(freshness, 20, "min-fresh=10"), Use::Fresh);
    assert_eq!(after(freshness, 21, "min-fresh=10"), Use::Not);
    assert_eq!(after(freshness, 35, "max-stale=5"), Use::AcceptedStale);
    assert_eq!(after(freshness, 55, "max-stale=5"), Use::Not);
    assert_eq!(after(freshness, 5000, "max-stale"), Use::AcceptedStale);
    assert_eq!(after(freshness, 35, "max-stale, max-age=31"), Use::Not);
    assert_eq!(after(freshness, 35, "max-stale, no-cache"), Use::Not);
    assert_eq!(after(freshness, 35, "min-fresh=0"), Use::Not);
}

proptest! {
    #[test]
    fn nothing_lives_longer_than_the_catalogue_or_the_upstream_allows(
        max_age in prop::option::of(0_u64..100), s_maxage in prop::option::of(0_u64..100), age in prop::option::of(0_u64..100),
        delay in 0_u64..10,
    ) {
        let mut control = Vec::new();
        control.extend(max_age.map(|seconds| format!("max-age={seconds}")));
        control.extend(s_maxage.map(|seconds| format!("s-maxage={seconds}")));
        let control = control.join(", ");
        let age = age.map(|age| age.to_string());
        let mut lines = vec![("cache-control", control.as_str())];
        lines.extend(age.as_deref().map(|age| ("age", age)));
        let asked = Instant::now();

        let freshness = case(&lines).freshness(asked, asked + Duration::from_secs(delay));

        let allowed = s_maxage.or(max_age).unwrap_or(30).min(30).saturating_sub(age.map_or(0, |age| age.parse().unwrap()));
        prop_assert_eq!(freshness.is_some(), allowed > delay);
        if let Some(freshness) = freshness {
            prop_assert_eq!(after(freshness, allowed, ""), Use::Not);
            prop_assert_eq!(after(freshness, allowed - 1, ""), Use::Fresh);
        }
    }

    #[test]
    fn no_directive_of_a_caller_but_max_stale_makes_more_usable(
        elapsed in 0_u64..60, directive in "(no-cache|max-age=[0-9]{1,2}|min-fresh=[0-9]{1,2}|no-store|only-if-cached|x=y)",
    ) {
        let freshness = stale_case(&[], 5, 10);

        let (plain, asked) = (after(freshness, elapsed, ""), after(freshness, elapsed, &directive));

        prop_assert!(asked == plain || asked == Use::Not);
    }
}
