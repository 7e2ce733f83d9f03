//! A connection to Redis that loses answers: what was done is found out, and never done twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::support::scripted::answer;

/// Stands between a gateway and Redis, and cuts a connection once a script was run on it and before its answer is passed on.
struct Lossy {
    address: SocketAddr,
    /// Answers of scripts that are still to be lost.
    losses: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Lossy {
    async fn before(redis: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, losses) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (mut serving, counted) = (JoinSet::new(), Arc::clone(&losses));
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(redis).await.unwrap();
                connections.spawn(carry(near, far, Arc::clone(&counted)));
            }
        });
        Self { address, losses, _serving: serving }
    }
}

/// Carries bytes both ways until either end closes, or an answer is to be lost. What is said here comes in one piece.
async fn carry(mut near: TcpStream, mut far: TcpStream, losses: Arc<AtomicUsize>) {
    let (mut asked, mut told) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut runs_script = false;
    loop {
        tokio::select! {
            Ok(count @ 1..) = near.read(&mut asked) => {
                runs_script |= asked[..count].windows(7).any(|window| window == b"EVALSHA");
                far.write_all(&asked[..count]).await.unwrap();
            }
            Ok(count @ 1..) = far.read(&mut told) => {
                let was_run = runs_script && !told.starts_with(b"-NOSCRIPT");
                if was_run && losses.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
                    return;
                }
                runs_script &= !was_run;
                near.write_all(&told[..count]).await.unwrap();
            }
            else => return,
        }
    }
}

/// A gateway whose connections to Redis lose answers.
async fn replica(upstream: &Scripted, lossy: &Lossy, lines: &str) -> World {
    let store = format!("store.kind = \"redis\"\nstore.url = \"redis://{}\"\n", lossy.address);
    let world = World::before(upstream, &format!("{store}idempotency.required_for = \"money\"\n{lines}\n{LOCAL}")).await;
    until("the records are open", async || condition(&world).await.0 == "open").await;
    world
}

/// Asks until it is told what became of the payment.
async fn insisting(world: &World) -> Answer {
    loop {
        let answer = pay(world, "k").await;
        if !matches!(answer.problem().as_str(), "idempotency-unavailable" | "idempotency-in-flight") {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_found_again_and_forwarded_once() {
    for losses in 1..=2 {
        let (mut upstream, redis) = (Scripted::start().await, durable().await);
        let lossy = Lossy::before(redis.address).await;
        let world = replica(&upstream, &lossy, "").await;

        lossy.losses.store(losses, SeqCst);
        let (paid, _) = tokio::join!(insisting(&world), upstream.answer(ok(r#"{"id":"1"}"#)));

        assert_eq!((paid.status, lossy.losses.load(SeqCst)), (StatusCode::OK, 0));
        assert_eq!(pay(&world, "k").await.field("idempotent-replayed"), "true");
        assert!(!upstream.is_asked());
    }
}

#[tokio::test]
async fn an_owners_word_whose_answer_is_lost_is_taken_once() {
    for status in ["200 OK", "429 Too Many Requests"] {
        let (mut upstream, redis) = (Scripted::start().await, durable().await);
        let lossy = Lossy::before(redis.address).await;
        let world = replica(&upstream, &lossy, "").await;
        let mut client = paying(&world, "k").await;
        let call = upstream.call().await;

        lossy.losses.store(1, SeqCst);
        call.answer(&answer(status, "", "")).await;
        let answered = client.answer(false).await.unwrap();

        assert_eq!((answered.status.to_string(), lossy.losses.load(SeqCst)), (status.to_owned(), 0));
        if status == "200 OK" {
            assert_eq!(insisting(&world).await.field("idempotent-replayed"), "true");
        } else {
            let (paid, _) = tokio::join!(insisting(&world), upstream.answer(ok("{}")));
            assert_eq!((paid.status, paid.field("idempotent-replayed")), (StatusCode::OK, ""));
        }
        assert!(!upstream.is_asked());
    }
}

#[tokio::test]
async fn a_claim_that_nobody_learns_of_in_time_is_given_back() {
    let (mut upstream, redis) = (Scripted::start().await, durable().await);
    let lossy = Lossy::before(redis.address).await;
    let world = replica(&upstream, &lossy, "idempotency.lease = \"5m\"").await;

    lossy.losses.store(usize::MAX, SeqCst);
    let refused = pay(&world, "k").await;
    lossy.losses.store(0, SeqCst);
    let (paid, _) = tokio::join!(insisting(&world), upstream.answer(ok("{}")));

    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "idempotency-unavailable"));
    assert_eq!(paid.status, StatusCode::OK);
    assert!(!upstream.is_asked());
}
