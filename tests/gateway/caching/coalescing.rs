//! One upstream call for all who ask for the same.

use tokio::task::JoinSet;

use super::*;
use crate::support::until::until;

const GET: &[u8] = b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Callers that have sent the same request, and the upstream call that one of them caused.
async fn crowd(world: &World, count: u32) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = world.client().await;
        client.send(GET).await;
        clients.push(client);
    }
    world.until_metric("passport_gateway_requests_in_flight", f64::from(count)).await;
    clients
}

#[tokio::test]
async fn a_hundred_cold_callers_over_four_workers_cost_one_call() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 4\n{LOCAL}")).await;
    let clients = crowd(&world, 100).await;

    upstream.answer(ok(r#"{"accounts":[]}"#)).await;
    let mut answers = JoinSet::new();
    for mut client in clients {
        answers.spawn(async move { client.answer(false).await.unwrap() });
    }
    let answers = answers.join_all().await;

    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK && answer.text() == r#"{"accounts":[]}"#));
    assert_eq!(answers.iter().filter(|answer| told(answer).contains("collapsed")).count(), 99);
    assert!(!upstream.is_asked());
    assert_eq!(world.metric(&used("list_accounts", "collapsed")).await, 99.0);
    assert_eq!(world.metric(&used("list_accounts", "miss")).await, 1.0);
}

#[tokio::test]
async fn the_first_callers_leaving_strands_nobody() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let leader = crowd(&world, 1).await;
    let call = upstream.call().await;
    let mut followers = Vec::new();
    for _ in 0..5 {
        let mut client = world.client().await;
        client.send(GET).await;
        followers.push(client);
    }
    world.until_metric("passport_gateway_requests_in_flight", 6.0).await;

    drop(leader);
    world.until_metric("passport_gateway_requests_in_flight", 5.0).await;
    call.answer(&ok("{}")).await;

    for mut client in followers {
        assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    }
    assert!(!upstream.is_asked());
}

#[tokio::test]
async fn a_failure_is_shared() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("retry.attempts = 0\n{LOCAL}")).await;
    for (bytes, status) in [(answer("500 Oops", "", "{}"), 500), ("nonsense\r\n\r\n".to_owned(), 502)] {
        let clients = crowd(&world, 10).await;

        upstream.call().await.close(&bytes).await;

        for mut client in clients {
            assert_eq!(client.answer(false).await.unwrap().status.as_u16(), status);
        }
        assert!(!upstream.is_asked());
    }
}

#[tokio::test]
async fn an_answer_for_one_receiver_goes_to_one_receiver() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let clients = crowd(&world, 3).await;

    for body in ["1", "2", "3"] {
        upstream.answer(answer("200 OK", "Cache-Control: private\r\n", body)).await;
    }

    let mut bodies = Vec::new();
    for mut client in clients {
        bodies.push(client.answer(false).await.unwrap().text());
    }
    bodies.sort_unstable();
    assert_eq!(bodies, ["1", "2", "3"]);
}

#[tokio::test]
async fn callers_that_want_different_things_do_not_share() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut spanish = world.client().await.with("Accept-Language: es");
    let mut english = world.client().await.with("Accept-Language: en");

    let answers = async {
        let (first, second) = (upstream.call().await, upstream.call().await);
        for call in [first, second] {
            let body = format!(r#""{}""#, call.field("accept-language"));
            call.answer(&ok(&body)).await;
        }
    };
    let (es, en, ()) = tokio::join!(spanish.get("/v1/accounts"), english.get("/v1/accounts"), answers);

    assert_eq!((es.text().as_str(), en.text().as_str()), (r#""es""#, r#""en""#));
}

#[tokio::test]
async fn a_caller_that_does_not_want_to_be_told_old_news_starts_its_own_call() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut first = crowd(&world, 1).await;
    let early = upstream.call().await;

    let mut second = world.client().await.with("Cache-Control: no-cache");
    let (late, _) = tokio::join!(second.get("/v1/accounts"), upstream.answer(ok(r#""late""#)));
    early.answer(&ok(r#""early""#)).await;
    let early = first[0].answer(false).await.unwrap();

    assert_eq!((late.text().as_str(), early.text().as_str()), (r#""late""#, r#""early""#));
    until("nothing is left in flight", async || world.metric("passport_gateway_requests_in_flight").await == 0.0).await;
    assert_eq!(world.get("/v1/accounts").await.text(), r#""late""#, "what was asked for later stays");
}

#[tokio::test]
async fn a_thousand_cold_callers_of_one_list_cost_one_call() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, &format!("server.workers = 4\n{LOCAL}")).await;
    let clients = crowd(&world, 1000).await;

    upstream.answer(ok(r#"{"accounts":[]}"#)).await;
    let mut answers = JoinSet::new();
    for mut client in clients {
        answers.spawn(async move { client.answer(false).await.unwrap() });
    }
    let answers = answers.join_all().await;

    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK && answer.text() == r#"{"accounts":[]}"#));
    assert!(!upstream.is_asked());
    assert_eq!(world.metric(&used("list_accounts", "collapsed")).await, 999.0);
}

#[tokio::test]
async fn an_answer_that_comes_after_a_purge_is_for_those_who_asked_before_it() {
    const CONTROL: &str = "a-token-of-more-than-16-bytes";
    let mut upstream = Scripted::start().await;
    let lines = format!("control = {{ listen = \"127.0.0.1:0\", token = \"{CONTROL}\" }}\n{LOCAL}");
    let world = World::before(&upstream, &lines).await;
    let mut early = crowd(&world, 1).await;
    let old = upstream.call().await;

    let mut control = Client::connect(world.control.unwrap()).await.with(format!("Authorization: Bearer {CONTROL}"));
    let purged = control.post("/cache/purge", r#"{"tenant":"acme","operation":"list_accounts"}"#).await;
    let (late, _) = tokio::join!(world.get("/v1/accounts"), upstream.answer(ok(r#""new""#)));
    old.answer(&ok(r#""old""#)).await;
    let early = early[0].answer(false).await.unwrap();
    let next = world.get("/v1/accounts").await;
    let forgotten = control.post("/cache/purge", "{}").await;

    assert_eq!((purged.status, purged.json()["purged"].as_u64()), (StatusCode::OK, Some(0)));
    assert_eq!((early.text().as_str(), late.text().as_str(), next.text().as_str()), (r#""old""#, r#""new""#, r#""new""#));
    assert!(told(&next).starts_with("hit"), "{}", told(&next));
    assert_eq!(forgotten.json()["purged"].as_u64(), Some(1));
}
