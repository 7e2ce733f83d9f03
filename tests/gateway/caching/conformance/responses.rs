//! What answers say: directives, `Expires`, `Age`, `Date`, `Vary`, statuses.

use super::*;

#[tokio::test]
async fn what_an_answer_forbids_is_never_served_again() {
    let mut conformance = Conformance::new().await;
    let forbidden = [
        "Cache-Control: no-store",
        "Cache-Control: No-StOrE",
        "Cache-Control: no-store, max-age=600",
        "Cache-Control: max-age=600\nCache-Control: no-store",
        "Cache-Control: max-age=600,,  ,no-store",
        "Cache-Control: extension=\"a, b\", no-store",
        "Cache-Control: must-understand, no-store, max-age=600",
        "Cache-Control: no-store\nExpires: Fri, 01 Jan 2100 00:00:00 GMT",
        "Cache-Control: no-cache",
        "Cache-Control: max-age=600, no-cache",
        "Cache-Control: no-cache=\"x-a\", max-age=600",
        "Cache-Control: no-cache\nETag: \"1\"",
        "Cache-Control: private",
        "Cache-Control: private, max-age=600",
        "Cache-Control: private=\"x-a\", s-maxage=600",
        "Cache-Control: public, private, max-age=600",
        "Pragma: no-cache",
        "CDN-Cache-Control: no-store\nCache-Control: max-age=600",
        "CDN-Cache-Control: private\nCache-Control: max-age=600",
        "CDN-Cache-Control: max-age=0\nCache-Control: max-age=600",
        "Set-Cookie: a=b\nCache-Control: max-age=600",
        "Content-Range: bytes 0-1/9\nCache-Control: max-age=600",
        "Vary: *\nCache-Control: max-age=600",
        "Vary: *, accept\nCache-Control: max-age=600",
        "Vary: accept\nVary: *\nCache-Control: max-age=600",
        "Vary: ,,*\nCache-Control: max-age=600",
        "Vary: acc ept\nCache-Control: max-age=600",
    ];

    conformance.expect(Next::Miss, forbidden.map(Case::answered)).await;
}

#[tokio::test]
async fn what_is_stale_when_it_comes_or_has_become_stale_is_not_served() {
    let mut conformance = Conformance::new().await;
    let (past, soon) = (conformance.date(-5), conformance.date(3));
    let stale = [
        "Cache-Control: max-age=0".to_owned(),
        "Cache-Control: max-age=-5".to_owned(),
        "Cache-Control: max-age=1.5".to_owned(),
        "Cache-Control: max-age='600'".to_owned(),
        "Cache-Control: max-age=soon".to_owned(),
        "Cache-Control: max-age".to_owned(),
        "Cache-Control: max-age=600, max-age=0".to_owned(),
        "Cache-Control: max-age=600\nCache-Control: max-age=0".to_owned(),
        "Cache-Control: s-maxage=0, max-age=600".to_owned(),
        "Cache-Control: max-age=0\nExpires: Fri, 01 Jan 2100 00:00:00 GMT".to_owned(),
        "Cache-Control: max-age=600\nAge: 600".to_owned(),
        "Cache-Control: max-age=600\nAge: 99999999999999999999".to_owned(),
        "Cache-Control: max-age=600\nAge: 7200\nAge: 0".to_owned(),
        format!("Cache-Control: max-age=4\nDate: {past}"),
        "Expires: 0".to_owned(),
        "Expires: -1".to_owned(),
        "Expires: soon".to_owned(),
        "Expires: Thu, 18 Aug 2050 02:01:18 AEST".to_owned(),
        "Expires: Thu, 18 Aug 2050 2:01:18 GMT".to_owned(),
        format!("Expires: {past}"),
        format!("Expires: {past}\nDate: {past}"),
        format!("Expires: {soon}\nAge: 3"),
    ];
    let became = ["Cache-Control: max-age=2", "Cache-Control: s-maxage=2, max-age=600", "Cache-Control: max-age=10\nAge: 8"];

    conformance.expect(Next::Miss, stale.iter().map(|fields| Case::answered(fields))).await;
    conformance.expect(Next::Miss, became.map(|fields| Case::answered(fields).after(2))).await;
    let soon = conformance.date(2);
    conformance.expect(Next::Miss, [Case::answered(&format!("Expires: {soon}")).after(2)]).await;
}

#[tokio::test]
async fn what_is_fresh_is_served() {
    let mut conformance = Conformance::new().await;
    let (now, later) = (conformance.date(0), conformance.date(50));
    let fresh = [
        String::new(),
        "Cache-Control: max-age=600".to_owned(),
        "Cache-Control: MaX-aGe=600".to_owned(),
        "Cache-Control: max-age=0600".to_owned(),
        "Cache-Control: max-age=\"600\"".to_owned(),
        "Cache-Control: max-age=99999999999".to_owned(),
        "Cache-Control: extension=\"max-age=0\", max-age=600".to_owned(),
        "Cache-Control: max-age=600\nExpires: 0".to_owned(),
        "Cache-Control: s-maxage=600, max-age=0".to_owned(),
        "Cache-Control: max-age=600, must-revalidate".to_owned(),
        "Cache-Control: max-age=600\nPragma: no-cache".to_owned(),
        "Cache-Control: max-age=600\nAge: 30".to_owned(),
        "Cache-Control: max-age=600\nAge: old".to_owned(),
        format!("Expires: {later}"),
        format!("Expires: {later}\nDate: {now}"),
        "Vary: Accept-Language".to_owned(),
    ];

    conformance.expect(Next::Hit, fresh.iter().map(|fields| Case::answered(fields).after(1))).await;
}

#[tokio::test]
async fn no_status_but_200_is_stored_for_a_record_or_a_list_that_has_no_documented_404() {
    let mut conformance = Conformance::new().await;
    let statuses = [
        "201 Created",
        "203 Other",
        "206 Partial Content",
        "299 Odd",
        "301 Moved Permanently",
        "302 Found",
        "400 Bad Request",
        "403 Forbidden",
        "410 Gone",
        "499 Odd",
        "500 Oops",
        "502 Bad Gateway",
        "503 Busy",
        "504 Late",
        "599 Odd",
    ];

    let cases = statuses.map(|status| Case::answered("Cache-Control: max-age=600").status(status));

    conformance.expect(Next::Miss, cases).await;
}

#[tokio::test]
async fn what_varies_is_served_to_those_who_ask_alike() {
    let mut conformance = Conformance::new().await;
    let es = ["Accept-Language: es"];
    let varying = |fields: &str| Case::answered(&format!("Vary: {fields}"));

    let unlike = [
        varying("Accept-Language").asked_with(&es),
        varying("Accept-Language").again_with(&es),
        varying("Accept-Language").asked_with(&es).again_with(&["Accept-Language: en"]),
        varying("accept-language, foo").asked_with(&["Accept-Language: es", "Foo: 1"]).again_with(&es),
        varying("Foo\nVary: Bar").asked_with(&["Foo: 1", "Bar: 1"]).again_with(&["Foo: 1", "Bar: 2"]),
        varying("Foo").asked_with(&["Foo: 1"]).again_with(&["Foo: 1", "Foo: 2"]),
        varying("Foo").asked_with(&["Foo: 1, 2"]).again_with(&["Foo: 2, 1"]),
        varying("Foo").asked_with(&["Foo:"]),
    ];
    let alike = [
        varying("Accept-Language").asked_with(&es).again_with(&es),
        varying("Accept-Language").again_with(&["Foo: 1"]),
        varying("Foo, Bar").asked_with(&["Foo: 1", "Bar: 2"]).again_with(&["Bar: 2", "Foo: 1", "Other: 3"]),
    ];

    conformance.expect(Next::Miss, unlike).await;
    conformance.expect(Next::Hit, alike).await;
}
