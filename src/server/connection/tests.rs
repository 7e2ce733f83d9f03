use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::body::{Body, Cut, End, Tail};
use crate::service::Response;

use super::*;

const LIMITS: Limits = Limits {
    max_header_bytes: 32 * 1024,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_mins(2),
    answer_timeout: Duration::from_mins(1),
    http2: Some(HTTP2),
    http2_agreed: false,
};
const HTTP2: config::Http2 = config::Http2::SAFE;
const PEER: Peer = Peer { address: None, local: true, certificate: None };

/// Answers by path: `/wait` when it is let go, `/large` with a megabyte, `/cut` with a body that ends too early, `/refuse`
/// without reading the body, `/flaw` with what is wrong with the head's bytes, anything else with the path itself after reading the body.
#[derive(Default)]
struct Paths {
    let_go: Notify,
    peers: Mutex<Vec<Peer>>,
    ends: Arc<Mutex<Vec<End>>>,
}

struct Noted(Arc<Mutex<Vec<End>>>);

impl Tail for Noted {
    fn ended(&mut self, end: End) {
        self.0.lock().unwrap().push(end);
    }
}

/// One chunk, then, when that is on its way, the cut.
struct CutShort(Option<Bytes>, bool);

impl http_body::Body for CutShort {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(chunk) = self.0.take() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if !std::mem::replace(&mut self.1, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Cut::Truncated)))
    }
}

impl Service<Arrival> for Paths {
    type Error = Infallible;

    async fn call(&self, arrival: Arrival) -> Result<Response, Infallible> {
        self.peers.lock().unwrap().push(arrival.peer);
        let path = arrival.head.uri.path().to_owned();
        let body = match path.as_str() {
            "/wait" => {
                self.let_go.notified().await;
                Bytes::from_static(b"waited").into()
            }
            "/large" => Bytes::from(vec![b'x'; 1 << 20]).into(),
            "/cut" => Body::streamed(CutShort(Some(Bytes::from_static(b"half")), false)),
            "/refuse" => Bytes::from_static(b"refused").into(),
            "/flaw" => Bytes::from_static(arrival.flaw.unwrap_or("sound.").as_bytes()).into(),
            _ => {
                http_body_util::BodyExt::collect(arrival.body).await.ok();
                Bytes::from(path).into()
            }
        };
        Ok(Response::new(body.with_tail(Noted(Arc::clone(&self.ends)))))
    }
}

/// A connection in memory, with the caller's end in hand.
struct Fixture {
    caller: DuplexStream,
    paths: Arc<Paths>,
    drain: CancellationToken,
    served: JoinSet<Result<(), Reason>>,
}

impl Fixture {
    fn open() -> Self {
        let (caller, io) = duplex(16 * 1024);
        let (paths, drain) = (Arc::new(Paths::default()), CancellationToken::new());
        let mut served = JoinSet::new();
        served.spawn(serve_connection(io, PEER, Arc::clone(&paths), Arc::new(LIMITS), drain.clone()));
        Self { caller, paths, drain, served }
    }

    async fn send(&mut self, text: &str) {
        self.caller.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to and with `end`.
    async fn read_to(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            text.push(char::from(self.caller.read_u8().await.unwrap()));
        }
        text
    }

    async fn read_all(&mut self) -> String {
        let mut text = String::new();
        self.caller.read_to_string(&mut text).await.unwrap();
        text
    }

    async fn ended(&mut self) -> Result<(), Reason> {
        self.served.join_next().await.unwrap().unwrap()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")
}

#[test]
fn what_an_idle_connection_holds_is_small() {
    let (_near, far) = duplex(1);

    let connection = serve_connection(far, PEER, Arc::new(Paths::default()), Arc::new(LIMITS), CancellationToken::new());

    assert!(size_of_val(&connection) <= 2 * 1024, "{} bytes", size_of_val(&connection));
}

#[tokio::test(start_paused = true)]
async fn a_head_with_a_flaw_is_answered_in_its_turn_and_is_the_last() {
    let mut connection = Fixture::open();
    let post = |fields: &str| format!("POST /flaw HTTP/1.1\r\nHost: gateway\r\n{fields}\r\n");
    let twice = post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "0\r\n\r\n";

    connection.send(&[get("/one"), post("Content-Length: 0\r\n"), twice, get("/two")].concat()).await;
    connection.read_to("/one").await;
    connection.read_to("sound.").await;
    let answer = connection.read_all().await;

    assert!(answer.contains("connection: close\r\n") && answer.ends_with("exclude each other."), "{answer}");
    assert_eq!(connection.ended().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_came_with_the_one_before_has_its_own_header_time_out() {
    let mut connection = Fixture::open();
    connection.send(&(get("/wait") + "GET /two HT")).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    connection.paths.let_go.notify_one();
    connection.read_to("waited").await;
    let start = Instant::now();

    assert_eq!(connection.ended().await, Err(Reason::HeaderTimeout));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_before_its_turn_is_answered_in_it() {
    let mut connection = Fixture::open();
    connection.send(&get("/wait")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    connection.send(&get("/two")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    connection.send(&get("/three")).await;
    connection.paths.let_go.notify_one();

    connection.read_to("waited").await;
    connection.read_to("/two").await;
    connection.read_to("/three").await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_serves_one_request_after_the_other() {
    let mut connection = Fixture::open();

    connection.send(&get("/one")).await;
    let one = connection.read_to("/one").await;
    connection.send("POST /two HTTP/1.1\r\nHost: gateway\r\nContent-Length: 3\r\n\r\nabc").await;
    let two = connection.read_to("/two").await;

    assert!(one.starts_with("HTTP/1.1 200 OK\r\n") && two.starts_with("HTTP/1.1 200 OK\r\n"), "{one}{two}");
    assert_eq!(*connection.paths.peers.lock().unwrap(), [PEER, PEER]);
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_their_order() {
    let mut connection = Fixture::open();

    connection.send(&[get("/one"), get("/two")].concat()).await;

    connection.read_to("/one").await;
    connection.read_to("/two").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_head_has_no_body_and_counts_as_sent() {
    let mut connection = Fixture::open();

    connection.send("HEAD /one HTTP/1.1\r\nHost: gateway\r\n\r\n").await;
    let head = connection.read_to("\r\n\r\n").await;
    connection.send(&get("/two")).await;
    let two = connection.read_to("/two").await;

    assert!(head.contains("content-length: 4"), "{head}");
    assert!(two.starts_with("HTTP/1.1 200"), "{two}");
    assert_eq!(connection.paths.ends.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_cut_at_the_header_time_out() {
    let mut connection = Fixture::open();
    let start = Instant::now();
    tokio::time::advance(Duration::from_secs(100)).await;

    for byte in get("/one").into_bytes().into_iter().cycle() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if connection.caller.write_u8(byte).await.is_err() {
            break;
        }
        assert!(start.elapsed() < Duration::from_mins(2), "dripping stretched the time-out");
    }

    assert_eq!(connection.ended().await, Err(Reason::HeaderTimeout));
    assert_eq!(connection.read_all().await, "");
}

#[tokio::test(start_paused = true)]
async fn the_header_time_out_holds_for_later_requests_too() {
    let mut connection = Fixture::open();
    connection.send(&get("/one")).await;
    connection.read_to("/one").await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    let start = Instant::now();

    connection.send("GET / HTTP/1.1\r\n").await;

    assert_eq!(connection.ended().await, Err(Reason::HeaderTimeout));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_first_byte_is_closed_when_idle_for_too_long() {
    let mut connection = Fixture::open();
    let start = Instant::now();

    assert_eq!(connection.ended().await, Ok(()));
    assert_eq!(start.elapsed().as_secs(), 120);
}

#[tokio::test(start_paused = true)]
async fn idle_time_counts_from_the_last_answer() {
    let mut connection = Fixture::open();
    tokio::time::sleep(Duration::from_secs(119)).await;
    connection.send(&get("/one")).await;
    connection.read_to("/one").await;
    let start = Instant::now();

    assert_eq!(connection.ended().await, Ok(()));

    assert_eq!(start.elapsed().as_secs(), 120);
}

#[tokio::test(start_paused = true)]
async fn no_time_out_of_the_connection_ends_a_request_that_the_stack_works_on() {
    let mut connection = Fixture::open();
    connection.send(&get("/wait")).await;

    tokio::time::sleep(Duration::from_hours(1)).await;
    connection.paths.let_go.notify_one();

    connection.read_to("waited").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_given_up() {
    let mut connection = Fixture::open();
    let start = Instant::now();

    connection.send(&get("/large")).await;

    assert_eq!(connection.ended().await, Err(Reason::AnswerTimeout));
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_is_seen_to_be_cut() {
    let mut connection = Fixture::open();

    connection.send(&get("/cut")).await;
    let answer = connection.read_all().await;

    assert!(answer.ends_with("4\r\nhalf\r\n"), "{answer}");
    assert_eq!(connection.ended().await, Err(Reason::Cut));
    assert_eq!(*connection.paths.ends.lock().unwrap(), [End::Cut(Cut::Truncated)]);
}

#[tokio::test(start_paused = true)]
async fn a_head_beyond_our_limit_still_reaches_the_stack() {
    let mut connection = Fixture::open();

    connection.send(&format!("GET /one HTTP/1.1\r\nHost: gateway\r\nX-Large: {}\r\n\r\n", "x".repeat(40 * 1024))).await;

    connection.read_to("/one").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_gets_400_and_a_close() {
    let mut connection = Fixture::open();

    connection.send("\u{1}\u{2}\u{3} nonsense\r\n\r\n").await;
    let answer = connection.read_all().await;

    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert_eq!(connection.ended().await, Err(Reason::Parse));
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_gets_431_and_a_close() {
    let mut connection = Fixture::open();

    let endless = format!("GET / HTTP/1.1\r\nX-Large: {}", "x".repeat(64 * 1024));
    connection.send(&endless).await;
    let answer = connection.read_all().await;

    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(connection.ended().await, Err(Reason::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_within_a_head_is_told_from_one_that_leaves_between_requests() {
    let (mut within, mut between) = (Fixture::open(), Fixture::open());
    between.send(&get("/one")).await;
    between.read_to("/one").await;

    within.send("GET / HT").await;
    within.caller.shutdown().await.unwrap();
    between.caller.shutdown().await.unwrap();

    assert_eq!(within.ended().await, Err(Reason::Incomplete));
    assert_eq!(between.ended().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_the_stack_works_takes_its_request_along() {
    let mut connection = Fixture::open();
    connection.send(&get("/wait")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();

    connection.caller.shutdown().await.unwrap();

    assert_eq!(connection.ended().await, Err(Reason::Incomplete));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(Arc::strong_count(&connection.paths), 1, "the request's future lives on");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_still_sends_its_body_reads_why_it_is_not_wanted() {
    let mut connection = Fixture::open();

    connection.send("POST /refuse HTTP/1.1\r\nHost: gateway\r\nContent-Length: 10000000\r\n\r\n").await;
    connection.send(&"x".repeat(100 * 1024)).await;
    let answer = connection.read_all().await;
    connection.send(&"x".repeat(100 * 1024)).await;
    let start = Instant::now();

    assert!(answer.ends_with("refused"), "{answer}");
    assert_eq!(connection.ended().await, Ok(()));
    assert!(start.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn drain_closes_an_idle_connection_at_once() {
    let mut connection = Fixture::open();
    connection.send(&get("/one")).await;
    connection.read_to("/one").await;
    let start = Instant::now();

    connection.drain.cancel();

    assert_eq!(connection.ended().await, Ok(()));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn drain_lets_a_request_finish_and_takes_no_other() {
    let mut connection = Fixture::open();
    connection.send(&get("/wait")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    connection.drain.cancel();
    tokio::time::sleep(Duration::from_secs(5)).await;
    connection.paths.let_go.notify_one();
    let answer = connection.read_all().await;

    assert!(answer.contains("connection: close\r\n") && answer.ends_with("waited"), "{answer}");
    assert_eq!(connection.ended().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn half_a_preface_has_the_time_of_a_head() {
    let mut connection = Fixture::open();
    let start = Instant::now();

    for byte in b"PRI * HTTP/2.0\r\n" {
        connection.caller.write_u8(*byte).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    assert_eq!(connection.ended().await, Err(Reason::HeaderTimeout));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_only_begins_like_the_preface_is_a_request() {
    let mut connection = Fixture::open();

    connection.send("P").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    connection.send("OST /one HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n").await;

    connection.read_to("/one").await;
}

mod http2 {
    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

    /// A connection on which a hyper client asks.
    async fn client(connection: &mut Fixture) -> (hyper::client::conn::http2::SendRequest<Body>, JoinSet<()>) {
        let (other, _) = duplex(1);
        let io = hyper_util::rt::TokioIo::new(std::mem::replace(&mut connection.caller, other));
        let mut builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
        let (sender, driver) = builder.initial_stream_window_size(65_535).handshake(io).await.unwrap();
        let mut driving = JoinSet::new();
        driving.spawn(async move { drop(driver.await) });
        (sender, driving)
    }

    fn request(path: &str) -> http::Request<Body> {
        http::Request::get(format!("http://gateway{path}")).body(Body::empty()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn streams_do_not_wait_for_each_other() {
        let mut connection = Fixture::open();
        let (mut sender, _driving) = client(&mut connection).await;

        let waiting = sender.send_request(request("/wait"));
        let one = sender.send_request(request("/one")).await.unwrap();
        connection.paths.let_go.notify_one();

        assert_eq!(http_body_util::BodyExt::collect(one.into_body()).await.unwrap().to_bytes(), "/one");
        assert_eq!(http_body_util::BodyExt::collect(waiting.await.unwrap().into_body()).await.unwrap().to_bytes(), "waited");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
        let mut connection = Fixture::open();
        let (mut sender, _driving) = client(&mut connection).await;
        let waiting = sender.send_request(request("/wait"));
        tokio::time::sleep(Duration::from_hours(1)).await;
        connection.paths.let_go.notify_one();
        drop(waiting.await.unwrap());
        let start = Instant::now();

        assert_eq!(connection.ended().await, Ok(()));
        assert!((110..=131).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_is_cut_at_the_header_time_out() {
        let mut connection = Fixture::open();
        connection.caller.write_all(PREFACE).await.unwrap();
        let start = Instant::now();

        // HEADERS without END_HEADERS, and then nothing.
        connection.caller.write_all(&[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]).await.unwrap();

        assert_eq!(connection.ended().await, Err(Reason::HeaderTimeout));
        assert!(start.elapsed().as_secs() <= 20, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_for_which_there_is_no_window_is_given_up() {
        let mut connection = Fixture::open();
        let (mut sender, _driving) = client(&mut connection).await;
        let start = Instant::now();

        // Never read, so that its window is not opened again.
        let answer = sender.send_request(request("/large")).await.unwrap();

        assert_eq!(connection.ended().await, Err(Reason::AnswerTimeout));
        assert!((60..=70).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        drop(answer);
    }

    #[tokio::test(start_paused = true)]
    async fn drain_lets_streams_finish_and_then_ends_though_the_peer_says_nothing() {
        let mut connection = Fixture::open();
        let (mut sender, _driving) = client(&mut connection).await;
        let waiting = sender.send_request(request("/wait"));
        tokio::time::sleep(Duration::from_secs(1)).await;

        connection.drain.cancel();
        tokio::time::sleep(Duration::from_secs(5)).await;
        connection.paths.let_go.notify_one();

        let answer = waiting.await.unwrap();
        assert_eq!(http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes(), "waited");
        assert_eq!(connection.ended().await, Ok(()));
        let mut silent = Fixture::open();
        silent.caller.write_all(PREFACE).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        silent.drain.cancel();
        assert_eq!(silent.ended().await, Ok(()));
        assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_takes_its_requests_along() {
        let mut connection = Fixture::open();
        let (mut sender, mut driving) = client(&mut connection).await;
        let waiting = sender.send_request(request("/wait"));
        tokio::time::sleep(Duration::from_secs(1)).await;

        driving.shutdown().await;
        drop((waiting, sender));

        let _ = connection.ended().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&connection.paths), 1, "a request's future lives on");
    }
}
