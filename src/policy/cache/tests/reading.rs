//! What is stored, under which key, and how it is served.

use super::*;
use crate::catalogue::Catalogue;

#[tokio::test(start_paused = true)]
async fn a_second_request_is_answered_from_memory_with_its_age() {
    let mut bench = Bench::new();

    let first = bench.miss(LIST, with(ok("balances"), "content-type", "application/json")).await;
    bench.clock.advance(Duration::from_millis(2500));
    let second = bench.hit(LIST).await;

    assert_eq!((first.result(), first.stored(), first.field("age")), (CacheResult::Miss, true, None));
    assert_eq!(second.cache, Some(CacheStatus::hit(CacheResult::Hit, 2)));
    assert_eq!((second.field("age"), second.field("content-type")), (Some("2"), Some("application/json")));
    assert_eq!((second.body(), second.field("content-length")), (first.body(), Some("8")));
    assert!(second.field("etag").is_some() && second.field("etag") == first.field("etag"));
    assert!(second.field("date").is_some());
}

#[tokio::test(start_paused = true)]
async fn once_a_reload_changed_an_operation_what_it_answered_before_is_of_no_use() {
    let mut bench = Bench::new();
    let reloaded = |overrides: &str| {
        let catalogue = Catalogue::embedded(&toml::from_str(overrides).unwrap()).unwrap();
        let local = Some(config::Local { tenant: TenantName::new("acme"), scopes: None });
        let (tenants, credentials) = (vec![tenant("acme")], vec![credential("acme")]);
        let config = config::Config { catalogue: Arc::new(catalogue), local, tenants, credentials, ..BASE.clone() };
        snapshots(config, bench.clock.clone())
    };
    let (same, changed) = (reloaded(""), reloaded("list_accounts = { upstream = \"paas_dash\" }"));
    bench.miss(LIST, ok("of one host")).await;

    let before = bench.send(request(&same, Method::GET, LIST, &[]));
    bench.quiet().await;
    let after = bench.send(request(&changed, Method::GET, LIST, &[]));
    bench.asked().await.answer(ok("of another"));

    assert_eq!(before.await.unwrap().body(), "of one host");
    assert_eq!(after.await.unwrap().body(), "of another");
}

#[tokio::test(start_paused = true)]
async fn an_entry_ends_with_the_catalogues_ttl() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("old")).await;

    bench.clock.advance(TTL);

    assert_eq!(bench.goes_up(LIST).await.body(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_has_aged_when_it_comes() {
    let mut bench = Bench::new();
    let reply = bench.get(LIST);
    let call = bench.asked().await;

    bench.clock.advance(Duration::from_secs(3));
    call.answer(ok("old"));
    reply.await.unwrap();

    assert_eq!(bench.hit(LIST).await.field("age"), Some("3"));
    bench.clock.advance(Duration::from_secs(2));
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn other_queries_paths_and_tenants_have_entries_of_their_own() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("all")).await;
    bench.miss("/v1/accounts?status=active", ok("active")).await;
    bench.miss(ACCOUNT, ok("one")).await;

    let foreign = bench.send(request(&bench.globex, Method::GET, LIST, &[]));
    bench.asked().await.answer(ok("of globex"));

    assert_eq!(foreign.await.unwrap().body(), "of globex");
    assert_eq!(bench.hit(LIST).await.body(), "all");
    assert_eq!(bench.hit("/v1/accounts?status=active").await.body(), "active");
    assert_eq!(bench.hit(ACCOUNT).await.body(), "one");
}

#[tokio::test(start_paused = true)]
async fn order_and_needless_encoding_of_a_query_fold() {
    let mut bench = Bench::new();
    bench.miss("/v1/accounts?status=active&account_type=savings", ok("one")).await;

    bench.hit("/v1/accounts?account_type=savings&status=%61ctive").await;
    bench.goes_up("/v1/accounts?account_type=Savings&status=active").await;
}

#[tokio::test(start_paused = true)]
async fn tenants_of_one_credential_share_nothing() {
    let mut bench = Bench::with(|config| config.tenants[1].credential = CredentialName::new("acme"));
    bench.miss(LIST, ok("of acme")).await;

    let other = bench.send(request(&bench.globex, Method::GET, LIST, &[]));
    bench.asked().await.answer(ok("of globex"));

    assert_eq!(other.await.unwrap().body(), "of globex");
    assert_eq!(bench.hit(LIST).await.body(), "of acme");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_another_credential_sees_nothing_that_was_fetched_with_the_first() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("by the first")).await;

    let moved = bench.send(request(&bench.moved, Method::GET, LIST, &[]));
    bench.asked().await.answer(ok("by the second"));

    assert_eq!(moved.await.unwrap().body(), "by the second");
    assert_eq!(bench.hit(LIST).await.body(), "by the first");
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_a_cache_rule_is_passed_by() {
    let mut bench = Bench::new();
    let payment = "/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc";

    let first = bench.miss(payment, ok("pending")).await;
    let second = bench.miss(payment, ok("settled")).await;

    assert_eq!((first.cache.as_ref(), second.cache.as_ref()), (None, None));
    assert_eq!(second.body(), "settled");
}

#[tokio::test(start_paused = true)]
async fn a_read_by_post_is_passed_by_and_invalidates_nothing() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("all")).await;
    let decode = validated(&bench.acme, arrival(Method::POST, "/v1/qrcodes/decode", "{}"));

    let reply = bench.send(decode);
    bench.asked().await.answer(ok("decoded"));

    assert_eq!(reply.await.unwrap().cache, None);
    bench.hit(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn with_no_bytes_allowed_the_cache_is_off() {
    let mut bench = Bench::with(|config| config.cache.max_bytes = 0);

    let (one, two) = (bench.get(LIST), bench.get(LIST));
    bench.asked().await.answer(ok("one"));
    bench.asked().await.answer(ok("two"));

    assert_eq!((one.await.unwrap().result(), two.await.unwrap().result()), (CacheResult::Bypass, CacheResult::Bypass));
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_must_not_be_stored_is_not() {
    let mut bench = Bench::new();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cache-control", "private"),
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("vary", "*"),
        ("set-cookie", "session=1"),
        ("content-range", "bytes 0-1/2"),
    ] {
        let first = bench.miss(LIST, with(ok("secret"), name, value)).await;

        assert!(!first.stored(), "{name}: {value}");
        let second = bench.goes_up_with(LIST, &[("cache-control", "no-cache")]).await;
        assert_eq!((second.result(), second.body().as_ref()), (CacheResult::Miss, &b"new"[..]));
        bench.service.cache.purge(None, None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unstored_answer_reaches_its_caller_whole() {
    let mut bench = Bench::new();
    let response = with(with(ok("secret"), "cache-control", "no-store"), "set-cookie", "session=1");

    let reply = bench.miss(LIST, with(response, "x-request-id", "1")).await;

    assert_eq!((reply.field("set-cookie"), reply.field("x-request-id")), (Some("session=1"), Some("1")));
    assert!(reply.field("etag").is_some());
}

#[tokio::test(start_paused = true)]
async fn errors_are_not_stored_but_a_lists_documented_404_is() {
    let mut bench = Bench::new();
    for status in [301, 400, 403, 404, 429, 500, 503] {
        assert!(!bench.miss(ACCOUNT, answer(status, "no")).await.stored(), "{status}");
    }

    let none = bench.miss(PAYMENTS, answer(404, "none exist")).await;

    assert!(none.stored());
    let hit = bench.hit(PAYMENTS).await;
    assert_eq!((hit.status(), hit.body().as_ref(), hit.result()), (StatusCode::NOT_FOUND, &b"none exist"[..], CacheResult::Hit));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_upstream_freshness_wins() {
    let mut bench = Bench::new();
    bench.miss(LIST, with(ok("old"), "cache-control", "max-age=2")).await;

    bench.clock.advance(Duration::from_secs(1));
    bench.hit(LIST).await;
    bench.clock.advance(Duration::from_secs(1));
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn a_callers_no_store_keeps_the_cache_out_of_it() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("old")).await;

    let alone = bench.goes_up_with(LIST, &[("cache-control", "no-store")]).await;

    assert_eq!(alone.result(), CacheResult::Bypass);
    assert_eq!(bench.hit(LIST).await.body(), "old");
}

#[tokio::test(start_paused = true)]
async fn a_callers_no_cache_asks_upstream_and_renews_the_entry() {
    let mut bench = Bench::new();
    for line in [("cache-control", "no-cache"), ("cache-control", "max-age=0"), ("pragma", "no-cache")] {
        bench.service.cache.purge(None, None);
        bench.miss(LIST, ok("old")).await;
        bench.clock.advance(Duration::from_secs(1));

        let renewed = bench.goes_up_with(LIST, &[line]).await;

        assert_eq!(renewed.result(), CacheResult::Miss);
        assert_eq!(bench.hit(LIST).await.body(), "new");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_ask_for_younger_or_accept_older() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("old")).await;

    bench.clock.advance(Duration::from_secs(3));
    bench.hit_with(LIST, &[("cache-control", "max-age=3, min-fresh=2")]).await;
    bench.clock.advance(Duration::from_secs(3));
    let stale = bench.hit_with(LIST, &[("cache-control", "max-stale=1")]).await;

    assert_eq!(stale.cache, Some(CacheStatus::hit(CacheResult::Stale, -1)));
    bench.goes_up_with(LIST, &[("cache-control", "max-stale=0")]).await;
}

#[tokio::test(start_paused = true)]
async fn answers_that_vary_are_kept_apart_by_what_they_vary_by() {
    let mut bench = Bench::new();
    let vary = |body| with(ok(body), "vary", "Accept-Language");
    let spanish = [("accept-language", "es")];
    let english = [("accept-language", "en")];

    let reply = bench.get_with(LIST, &spanish);
    bench.asked().await.answer(vary("hola"));
    assert!(reply.await.unwrap().stored());
    let reply = bench.get_with(LIST, &english);
    bench.asked().await.answer(vary("hello"));
    assert!(reply.await.unwrap().stored());

    assert_eq!(bench.hit_with(LIST, &spanish).await.body(), "hola");
    assert_eq!(bench.hit_with(LIST, &english).await.body(), "hello");
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_vary_by_what_does_not_even_go_up() {
    let mut bench = Bench::new();
    let one = bench.get_with(LIST, &[("foo", "1")]);
    bench.asked().await.answer(with(ok("of one"), "vary", "Foo"));
    one.await.unwrap();

    bench.hit_with(LIST, &[("foo", "1")]).await;
    bench.goes_up_with(LIST, &[("foo", "2")]).await;
}

#[tokio::test(start_paused = true)]
async fn who_has_the_answer_gets_a_304() {
    let mut bench = Bench::new();
    let tag = bench.miss(LIST, ok("all")).await.field("etag").unwrap().to_owned();

    let held = bench.hit_with(LIST, &[("if-none-match", &format!("\"x\", W/{tag}"))]).await;
    let other = bench.hit_with(LIST, &[("if-none-match", "\"x\"")]).await;

    assert_eq!((held.status(), held.body().len(), held.result()), (StatusCode::NOT_MODIFIED, 0, CacheResult::Hit));
    assert_eq!((held.field("etag"), held.field("age")), (Some(tag.as_str()), Some("0")));
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_answer_is_a_304_even_when_it_was_fetched_anew() {
    let mut bench = Bench::new();
    let tag = bench.miss(LIST, ok("all")).await.field("etag").unwrap().to_owned();
    bench.clock.advance(TTL);

    let reply = bench.get_with(LIST, &[("if-none-match", &tag)]);
    bench.asked().await.answer(ok("all"));

    assert_eq!(reply.await.unwrap().status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test(start_paused = true)]
async fn head_and_get_use_the_same_entry() {
    let mut bench = Bench::new();
    let head = |bench: &Bench| bench.send(request(&bench.acme, Method::HEAD, LIST, &[]));

    let first = head(&bench);
    bench.asked().await.answer(ok("12345"));
    let first = first.await.unwrap();
    let get = bench.hit(LIST).await;
    let second = head(&bench);
    bench.quiet().await;
    let second = second.await.unwrap();

    assert_eq!((first.body().len(), first.field("content-length")), (0, Some("5")));
    assert_eq!(get.body(), "12345");
    assert_eq!((second.result(), second.body().len(), second.field("content-length")), (CacheResult::Hit, 0, Some("5")));
    assert_eq!(second.field("etag"), get.field("etag"));
}

#[tokio::test(start_paused = true)]
async fn a_purge_forgets_what_belongs_to_a_tenant_or_an_operation() {
    let mut bench = Bench::new();
    bench.miss(LIST, ok("accounts")).await;
    bench.miss(PAYMENTS, ok("payments")).await;

    assert_eq!(bench.service.cache.purge(Some(&TenantName::new("globex")), None), 0);
    assert_eq!(bench.service.cache.purge(Some(&TenantName::new("acme")), Some("list_payments")), 1);

    bench.hit(LIST).await;
    bench.goes_up(PAYMENTS).await;
    assert_eq!(bench.service.cache.purge(None, None), 2);
    bench.goes_up(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_before_a_purge_is_not_kept() {
    let mut bench = Bench::new();
    let reply = bench.get(LIST);
    let call = bench.asked().await;

    bench.service.cache.purge(None, Some("list_accounts"));
    call.answer(ok("old"));

    assert!(!reply.await.unwrap().stored());
    bench.goes_up(LIST).await;
}
