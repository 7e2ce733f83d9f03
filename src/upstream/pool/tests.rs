use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncWriteExt;

use super::*;
use crate::metrics::UpstreamState;
use crate::upstream::testing::{FarEnds, Wires, answered, closed, destinations, heard, ok, passport};

struct Fixture {
    pool: Pool<Wires>,
    far_ends: FarEnds,
    metrics: Metrics,
}

fn fixture() -> Fixture {
    let (wires, far_ends) = Wires::new();
    let metrics = Metrics::new();
    let pool = Pool::new(&wires, &destinations(&crate::testing::config()), &passport(), &TaskTracker::new(), &metrics);
    Fixture { pool, far_ends, metrics }
}

impl Fixture {
    fn host(&self) -> &Host<Wires> {
        self.pool.0[0].as_ref().unwrap()
    }

    /// Active and idle connections.
    fn gauges(&self) -> (i64, i64) {
        let upstream = &*self.host().destination.name;
        let gauge = |state| self.metrics.upstream_connections.with(UpstreamState { upstream, state }).get();
        (gauge("active"), gauge("idle"))
    }

    /// One whole exchange on a connection, which is given back.
    async fn exchange(
        &mut self,
        connection: Connection,
        io: Option<tokio::io::DuplexStream>,
        answer: &str,
    ) -> tokio::io::DuplexStream {
        let mut io = match io {
            Some(io) => io,
            None => self.far_ends.recv().await.unwrap(),
        };
        let (sent, _) = tokio::join!(connection.send(request()), answered(&mut io, answer));
        let (answer, connection) = sent.unwrap();
        answer.into_body().collect().await.unwrap();
        connection.release();
        io
    }
}

fn request() -> Request<Full<Bytes>> {
    Request::get("/").header("host", "upstream.test").body(Full::default()).unwrap()
}

#[tokio::test]
async fn a_connection_is_used_again_once_its_answer_was_read() {
    let mut fixture = fixture();
    let first = fixture.host().connection().await.unwrap();
    assert_eq!(fixture.gauges(), (1, 0));
    let io = fixture.exchange(first, None, &ok("one")).await;
    assert_eq!(fixture.gauges(), (0, 1));

    let second = fixture.host().connection().await.unwrap();

    assert!(second.is_reused());
    assert_eq!(fixture.gauges(), (1, 0));
    fixture.exchange(second, Some(io), &ok("two")).await;
    assert_eq!(fixture.gauges(), (0, 1));
}

#[tokio::test]
async fn the_connection_used_last_is_used_first() {
    let mut fixture = fixture();
    let old = fixture.host().connection().await.unwrap();
    let new = fixture.host().connection().await.unwrap();
    let _old = fixture.exchange(old, None, &ok("")).await;
    let new = fixture.exchange(new, None, &ok("")).await;

    let next = fixture.host().connection().await.unwrap();

    fixture.exchange(next, Some(new), &ok("")).await;
    assert_eq!(fixture.gauges(), (0, 2));
}

#[tokio::test]
async fn an_answer_that_says_close_ends_its_connection() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();

    let mut io = fixture.exchange(connection, None, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;

    closed(&mut io).await;
    assert!(!fixture.host().connection().await.unwrap().is_reused());
}

#[tokio::test]
async fn an_abandoned_answer_ends_its_connection() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let mut io = fixture.far_ends.recv().await.unwrap();
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

    let (sent, _) = tokio::join!(connection.send(request()), answered(&mut io, half));
    drop(sent);

    closed(&mut io).await;
    assert_eq!(fixture.gauges(), (0, 0));
}

#[tokio::test]
async fn a_request_that_is_dropped_ends_its_connection() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let mut io = fixture.far_ends.recv().await.unwrap();

    tokio::select! {
        _ = connection.send(request()) => unreachable!("there is no answer"),
        _ = heard(&mut io) => {}
    }

    closed(&mut io).await;
    assert_eq!(fixture.gauges(), (0, 0));
}

#[tokio::test]
async fn a_connection_that_its_peer_closed_is_skipped_and_no_longer_counted() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let io = fixture.exchange(connection, None, &ok("")).await;

    drop(io);
    tokio::task::yield_now().await;

    assert_eq!(fixture.gauges(), (0, 0));
    assert!(!fixture.host().connection().await.unwrap().is_reused());
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_end_a_resting_connection() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let mut io = fixture.exchange(connection, None, &ok("")).await;

    io.write_all(ok("somebody else's").as_bytes()).await.unwrap();
    closed(&mut io).await;

    assert!(!fixture.host().connection().await.unwrap().is_reused());
}

#[tokio::test(start_paused = true)]
async fn what_rested_too_long_is_closed_though_nobody_asks() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let mut io = fixture.exchange(connection, None, &ok("")).await;
    let rested = Instant::now();

    closed(&mut io).await;

    assert!(rested.elapsed() >= passport().idle_timeout);
    assert!(rested.elapsed() <= passport().idle_timeout * 2);
    assert_eq!(fixture.gauges(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_rested_too_long_is_not_used_even_before_it_is_closed() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let _io = fixture.exchange(connection, None, &ok("")).await;
    let late = Instant::now() + passport().idle_timeout;

    assert!(Connection::reused(&fixture.host().idle, late).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_connection_retires_at_its_age_however_busy_it_is() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let mut io = fixture.exchange(connection, None, &ok("")).await;
    let made = Instant::now();

    while made.elapsed() < passport().max_connection_age {
        let connection = fixture.host().connection().await.unwrap();
        assert!(connection.is_reused());
        io = fixture.exchange(connection, Some(io), &ok("")).await;
        tokio::time::advance(passport().idle_timeout / 2).await;
    }

    assert!(!fixture.host().connection().await.unwrap().is_reused());
}

#[tokio::test]
async fn connections_end_with_the_pool() {
    let mut fixture = fixture();
    let connection = fixture.host().connection().await.unwrap();
    let mut io = fixture.exchange(connection, None, &ok("")).await;

    drop(fixture.pool);

    closed(&mut io).await;
}
