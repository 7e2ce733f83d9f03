use std::sync::atomic::Ordering::Relaxed;

use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio_util::task::TaskTracker;

use super::*;
use crate::body::Cut;
use crate::metrics::UpstreamStatus;
use crate::testing::config;
use crate::upstream::testing::{
    FarEnds, Wires, answered, closed, destinations, heard, ok, outbound, passport, read, text, write,
};

mod sockets;

struct Fixture {
    forward: Forward<Wires>,
    wires: Arc<Wires>,
    far_ends: FarEnds,
    metrics: Arc<Metrics>,
}

fn fixture() -> Fixture {
    let (wires, far_ends) = Wires::new();
    let metrics = Arc::new(Metrics::new());
    let pool = Pool::new(&wires, &destinations(&config()), &passport(), &TaskTracker::new(), &metrics);
    let forward = Forward::new(pool, &[], passport().stream_timeout, Arc::clone(&metrics));
    Fixture { forward, wires, far_ends, metrics }
}

impl Fixture {
    /// Forwards a read to a peer that answers so.
    async fn forward(&mut self, answer: &str) -> (Result<Response, Refusal>, DuplexStream) {
        let call = self.forward.call(outbound(read()));
        let peer = async {
            let mut io = self.far_ends.recv().await.unwrap();
            answered(&mut io, answer).await;
            io
        };
        tokio::join!(call, peer)
    }

    /// Forwards a read to a peer that answers so and closes.
    async fn forward_and_close(&mut self, answer: &str) -> Result<Response, Refusal> {
        let call = self.forward.call(outbound(read()));
        let peer = async {
            let mut io = self.far_ends.recv().await.unwrap();
            answered(&mut io, answer).await;
        };
        tokio::join!(call, peer).0
    }

    fn counted(&self, status: &str) -> u64 {
        self.metrics.upstream_requests_total.with(UpstreamStatus { upstream: "paas_dash", status }).get()
    }
}

#[tokio::test]
async fn an_answer_comes_down_as_it_is() {
    let mut fixture = fixture();
    let request = read();
    let exchange = request.exchange().clone();

    let call = fixture.forward.call(outbound(request));
    let peer = async {
        let mut io = fixture.far_ends.recv().await.unwrap();
        answered(&mut io, "HTTP/1.1 404 Not Found\r\nX-Trace: 7\r\ncontent-length: 4\r\n\r\nnone").await
    };
    let (answer, heard) = tokio::join!(call, peer);

    let answer = answer.unwrap();
    assert!(heard.starts_with("GET /v1/payments HTTP/1.1\r\n"), "{heard}");
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-trace"]), (404, &"7".parse().unwrap()));
    assert_eq!(text(answer.into_body()).await.unwrap(), "none");
    assert_eq!((exchange.attempts(), fixture.counted("404")), (1, 1));
}

#[tokio::test]
async fn a_write_goes_up_byte_for_byte() {
    let mut fixture = fixture();
    let body = write().body().clone();

    let call = fixture.forward.call(outbound(write()));
    let peer = async { answered(&mut fixture.far_ends.recv().await.unwrap(), &ok("")).await };
    let (answer, heard) = tokio::join!(call, peer);

    assert_eq!(answer.unwrap().status(), 200);
    assert!(heard.starts_with("POST /v1/keys HTTP/1.1\r\n"), "{heard}");
    assert!(heard.as_bytes().ends_with(&body), "{heard}");
}

#[tokio::test]
async fn fields_of_the_connection_stay_behind_and_set_cookie_is_for_the_cache_to_see() {
    let fields = "connection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\nset-cookie: a=b\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n");

    let (answer, _io) = fixture().forward(&answer).await;

    let answer = answer.unwrap();
    assert_eq!(answer.headers().keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["set-cookie"]);
    assert_eq!(text(answer.into_body()).await.unwrap(), "ab");
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let (answer, _io) = fixture().forward(&format!("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{}", ok("late"))).await;

    assert_eq!(text(answer.unwrap().into_body()).await.unwrap(), "late");
}

#[tokio::test]
async fn an_answer_without_length_ends_with_its_connection() {
    for version in ["1.0", "1.1"] {
        let answer = fixture().forward_and_close(&format!("HTTP/{version} 200 OK\r\n\r\nto the end")).await;

        assert_eq!(text(answer.unwrap().into_body()).await.unwrap(), "to the end");
    }
}

#[tokio::test]
async fn an_answer_cut_short_ends_in_a_cut() {
    let answers = ["content-length: 10\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"];
    for answer in answers {
        let answer = fixture().forward_and_close(&format!("HTTP/1.1 200 OK\r\n{answer}")).await;

        assert_eq!(text(answer.unwrap().into_body()).await, Err(Cut::Truncated));
    }
}

#[tokio::test]
async fn what_is_no_valid_answer_is_refused() {
    let answers = [
        "SMTP ready\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ];
    for text in answers {
        let mut fixture = fixture();

        let (answer, mut io) = fixture.forward(text).await;

        assert_eq!(answer.unwrap_err(), Refusal::UpstreamInvalidResponse, "{text}");
        closed(&mut io).await;
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let fixture = fixture();
    fixture.wires.refuses.store(true, Relaxed);

    let refusal = fixture.forward.call(outbound(write())).await.unwrap_err();

    assert_eq!(refusal, Refusal::UpstreamUnreachable(Sent::Nothing));
}

#[tokio::test]
async fn a_reset_after_the_request_leaves_its_outcome_unknown() {
    let mut fixture = fixture();

    let call = fixture.forward.call(outbound(write()));
    let peer = async { _ = heard(&mut fixture.far_ends.recv().await.unwrap()).await };
    let (answer, ()) = tokio::join!(call, peer);

    assert_eq!(answer.unwrap_err(), Refusal::UpstreamUnreachable(Sent::Something));
}

#[tokio::test]
async fn a_write_that_a_dying_connection_hands_back_goes_over_a_new_one() {
    let mut fixture = fixture();
    let (first, io) = fixture.forward(&ok("first")).await;
    text(first.unwrap().into_body()).await.unwrap();

    // The peer closes, and before the connection can notice it is given the write.
    drop(io);
    let call = fixture.forward.call(outbound(write()));
    let peer = async { answered(&mut fixture.far_ends.recv().await.unwrap(), &ok("second")).await };
    let (second, heard) = tokio::join!(call, peer);

    assert_eq!(text(second.unwrap().into_body()).await.unwrap(), "second");
    assert!(heard.starts_with("POST"), "{heard}");
    assert_eq!(fixture.wires.attempts.load(Relaxed), 2);
}

#[tokio::test]
async fn bytes_sent_unasked_never_answer_the_next_request() {
    let mut fixture = fixture();
    let (first, mut io) = fixture.forward(&ok("first")).await;
    text(first.unwrap().into_body()).await.unwrap();

    io.write_all(ok("forged").as_bytes()).await.unwrap();
    let (second, _io) = fixture.forward(&ok("second")).await;

    assert_eq!(text(second.unwrap().into_body()).await.unwrap(), "second");
}

#[tokio::test]
async fn more_than_the_announced_length_never_answers_the_next_request() {
    let mut fixture = fixture();
    let (first, _io) = fixture.forward(&format!("{}{}", ok("first"), ok("forged"))).await;
    assert_eq!(first.unwrap_err(), Refusal::UpstreamInvalidResponse);

    let (second, _io) = fixture.forward(&ok("second")).await;

    assert_eq!(text(second.unwrap().into_body()).await.unwrap(), "second");
}

#[tokio::test(start_paused = true)]
async fn a_late_head_is_a_deadline_that_leaves_the_outcome_unknown() {
    let mut fixture = fixture();
    let request = write();
    let deadline = request.deadline();

    let call = fixture.forward.call(outbound(request));
    let peer = async {
        let mut io = fixture.far_ends.recv().await.unwrap();
        heard(&mut io).await;
        closed(&mut io).await;
    };
    let (answer, ()) = tokio::join!(call, peer);

    assert_eq!(answer.unwrap_err(), Refusal::DeadlineExceeded(Sent::Something));
    assert!(Instant::now() >= deadline);
    assert_eq!(fixture.metrics.upstream_requests_total.with(UpstreamStatus { upstream: "paas", status: "error" }).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_late_connection_is_a_deadline_with_nothing_sent() {
    let fixture = fixture();
    fixture.wires.hangs.store(true, Relaxed);

    let refusal = fixture.forward.call(outbound(write())).await.unwrap_err();

    assert_eq!(refusal, Refusal::DeadlineExceeded(Sent::Nothing));
}

#[tokio::test(start_paused = true)]
async fn with_no_time_left_nothing_is_sent() {
    let mut fixture = fixture();
    let request = write();
    tokio::time::sleep_until(request.deadline()).await;

    let refusal = fixture.forward.call(outbound(request)).await.unwrap_err();

    assert_eq!(refusal, Refusal::DeadlineExceeded(Sent::Nothing));
    closed(&mut fixture.far_ends.recv().await.unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_end_in_time_is_cut() {
    let mut fixture = fixture();
    let (answer, mut io) = fixture.forward("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let began = Instant::now();

    assert_eq!(text(answer.unwrap().into_body()).await, Err(Cut::Timeout));

    assert_eq!(began.elapsed().as_secs(), passport().stream_timeout.as_secs());
    closed(&mut io).await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_head_and_body_counts_as_the_upstreams_time() {
    let mut fixture = fixture();
    let request = read();
    let exchange = request.exchange().clone();

    let call = async {
        let answer = fixture.forward.call(outbound(request)).await.unwrap();
        text(answer.into_body()).await.unwrap()
    };
    let peer = async {
        let mut io = fixture.far_ends.recv().await.unwrap();
        heard(&mut io).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na").await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        io.write_all(b"b").await.unwrap();
    };
    tokio::join!(call, peer);

    assert_eq!(exchange.upstream().as_secs(), 3);
}

#[tokio::test]
async fn an_abandoned_request_is_counted_and_its_connection_closed() {
    let mut fixture = fixture();
    let mut peer = None;

    tokio::select! {
        _ = fixture.forward.call(outbound(read())) => unreachable!("there is no answer"),
        () = async {
            let mut io = fixture.far_ends.recv().await.unwrap();
            heard(&mut io).await;
            peer = Some(io);
        } => {}
    }

    closed(&mut peer.unwrap()).await;
    assert_eq!(fixture.counted("abandoned"), 1);
}
