//! Frames that RFC 9113 and RFC 7541 forbid, and those that they allow: the cases of h2spec, byte by byte.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

const NO_ERROR: u32 = 0x0;
const PROTOCOL: u32 = 0x1;
const FLOW_CONTROL: u32 = 0x3;
const STREAM_CLOSED: u32 = 0x5;
const FRAME_SIZE: u32 = 0x6;
const COMPRESSION: u32 = 0x9;

const PADDED: u8 = 0x8;
const WITH_PRIORITY: u8 = 0x20;
const PUSH_PROMISE: u8 = 5;

const ENABLE_PUSH: u16 = 2;
const INITIAL_WINDOW: u16 = 4;
const MOST_BYTES: u16 = 5;

fn setting(name: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// A GET that is whole.
fn whole(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields(&GET))
}

/// The head of a POST whose body is to come.
fn open(stream: u32) -> Vec<u8> {
    let post =
        [(":method", "POST"), GET[1], GET[2], (":path", "/v1/payments/breb/confirm"), ("content-type", "application/json")];
    frame(HEADERS, END_HEADERS, stream, &fields(&post))
}

/// How a server takes bytes that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It gives the connection up with this code.
    Farewell(u32),
    /// It resets the stream with this code.
    Reset(u32),
    /// It closes the connection and says nothing.
    Nothing,
    /// It goes on as if nothing were wrong.
    Taken,
}

impl Told {
    fn is_one_of(self, codes: &[u32]) -> bool {
        matches!(self, Self::Farewell(code) | Self::Reset(code) if codes.contains(&code))
    }
}

/// What the server says to these bytes.
async fn told(server: SocketAddr, bytes: &[u8]) -> Told {
    let mut peer = Peer::connect(server, &[]).await;
    peer.send([bytes, &frame(PING, 0, 0, b"taken it")].concat()).await;
    let mut pings = 0;
    while let Some(told) = peer.frame().await {
        let code = |at: usize| u32::from_be_bytes(told.payload[at..at + 4].try_into().unwrap());
        match told.kind {
            GOAWAY if code(4) != NO_ERROR => return Told::Farewell(code(4)),
            RST_STREAM if code(0) != NO_ERROR => return Told::Reset(code(0)),
            // What concerns one stream may be told after a ping is answered.
            PING if pings == 3 => return Told::Taken,
            PING => {
                pings += 1;
                peer.send(frame(PING, 0, 0, b"taken it")).await;
            }
            _ => {}
        }
    }
    Told::Nothing
}

/// hyper as it comes, without anything of ours: it reads each request to its end and answers 200.
async fn plain_hyper() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut serving = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(async |request: http::Request<Incoming>| {
                request.into_body().collect().await.map(|_| http::Response::new(Full::<Bytes>::default()))
            });
            serving.spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, accepting)
}

/// Each case with the codes that the RFC names. hyper says `PROTOCOL_ERROR` of most frames that it cannot read; less than it says is
/// too little, and so is anything else that is not the RFC's.
#[tokio::test]
async fn what_is_forbidden_is_refused_with_the_code_that_says_why_or_as_hyper_refuses_it() {
    let world = World::new().await;
    let (hyper, _serving) = plain_hyper().await;
    let update = |stream: u32, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let block = fields(&GET);
    let mut otherwise = Vec::new();

    for (what, bytes, codes) in [
        ("4.2 a head beyond the frame size", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0].repeat(70_000)), &[FRAME_SIZE][..]),
        ("4.3 a block that does not decompress", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x40]), &[COMPRESSION]),
        ("5.1 a reset of an idle stream", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), &[PROTOCOL]),
        ("5.1 a window for an idle stream", update(1, 100), &[PROTOCOL]),
        ("5.1 a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &block), &[PROTOCOL]),
        (
            "5.1 data after the end",
            [open(1), frame(DATA, END_STREAM, 1, b"{}"), frame(DATA, 0, 1, b"x")].concat(),
            &[STREAM_CLOSED],
        ),
        ("5.1 a head after the end", [whole(1), whole(1)].concat(), &[STREAM_CLOSED, PROTOCOL]),
        ("5.1.1 an even stream", whole(2), &[PROTOCOL]),
        ("5.1.1 a stream behind the last", [whole(5), whole(3)].concat(), &[PROTOCOL, STREAM_CLOSED]),
        (
            "5.5 an unknown frame within a head",
            [frame(HEADERS, END_STREAM, 1, &block[..9]), frame(0xee, 0, 0, b"x")].concat(),
            &[PROTOCOL],
        ),
        ("6.1 data on no stream", frame(DATA, 0, 0, b"x"), &[PROTOCOL]),
        ("6.1 padding beyond the data", [open(1), frame(DATA, PADDED, 1, &[9, 1, 2])].concat(), &[PROTOCOL]),
        ("6.2 another stream within a head", [frame(HEADERS, END_STREAM, 1, &block[..9]), whole(3)].concat(), &[PROTOCOL]),
        ("6.2 a head on no stream", whole(0), &[PROTOCOL]),
        ("6.2 padding beyond the head", frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &[200, 0x82]), &[PROTOCOL]),
        ("6.3 a priority of no stream", frame(PRIORITY, 0, 0, &[0; 5]), &[PROTOCOL]),
        ("6.3 a priority of four bytes", [open(1), frame(PRIORITY, 0, 1, &[0; 4])].concat(), &[FRAME_SIZE]),
        ("6.4 a reset of no stream", frame(RST_STREAM, 0, 0, &[0; 4]), &[PROTOCOL]),
        ("6.4 a reset of three bytes", [open(1), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), &[FRAME_SIZE]),
        ("6.5 an acknowledgement that says more", frame(SETTINGS, ACK, 0, &[0; 6]), &[FRAME_SIZE]),
        ("6.5 settings on a stream", frame(SETTINGS, 0, 1, &[]), &[PROTOCOL]),
        ("6.5 settings of five bytes", frame(SETTINGS, 0, 0, &[0; 5]), &[FRAME_SIZE]),
        ("6.5.2 a push that is neither", setting(ENABLE_PUSH, 2), &[PROTOCOL]),
        ("6.5.2 a window beyond counting", setting(INITIAL_WINDOW, 1 << 31), &[FLOW_CONTROL]),
        ("6.5.2 frames too small", setting(MOST_BYTES, 16_383), &[PROTOCOL]),
        ("6.5.2 frames too large", setting(MOST_BYTES, 1 << 24), &[PROTOCOL]),
        ("6.6 a promise of a caller's", frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2], &block[..]].concat()), &[PROTOCOL]),
        ("6.7 a ping on a stream", frame(PING, 0, 1, &[0; 8]), &[PROTOCOL]),
        ("6.7 a ping of nine bytes", frame(PING, 0, 0, &[0; 9]), &[FRAME_SIZE]),
        ("6.8 a farewell on a stream", frame(GOAWAY, 0, 1, &[0; 8]), &[PROTOCOL]),
        ("6.9 a window of three bytes", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]), &[FRAME_SIZE]),
        ("6.9 no window more", update(0, 0), &[PROTOCOL]),
        ("6.9 no window more for a stream", [open(1), update(1, 0)].concat(), &[PROTOCOL]),
        ("6.9.1 a window beyond counting", [update(0, 0x7fff_ffff), update(0, 0x7fff_ffff)].concat(), &[FLOW_CONTROL]),
        ("6.9.1 the same for a stream", [open(1), update(1, 0x7fff_ffff)].concat(), &[FLOW_CONTROL]),
        ("6.10 a continuation after the end", [whole(1), frame(CONTINUATION, END_HEADERS, 1, &block)].concat(), &[PROTOCOL]),
        (
            "8.1 trailers that do not end",
            [open(1), frame(HEADERS, END_HEADERS, 1, &fields(&[("x-sum", "1")]))].concat(),
            &[PROTOCOL],
        ),
        (
            "HPACK 4.2 a table beyond the limit",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&[0x3f, 0xe1, 0xff, 0x03], &block[..]].concat()),
            &[COMPRESSION],
        ),
        (
            "HPACK 4.2 a new size within the block",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&block[..], &[0x20]].concat()),
            &[COMPRESSION],
        ),
        (
            "HPACK 5.2 padding of eight bits",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&block[..], &[0, 0x81, 0xff, 0x01, b'a']].concat()),
            &[COMPRESSION],
        ),
        (
            "HPACK 5.2 the end within a string",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&block[..], &[0, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, b'a']].concat()),
            &[COMPRESSION],
        ),
        ("HPACK 6.1 an index of nothing", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80]), &[COMPRESSION]),
    ] {
        let (ours, plain) = tokio::join!(told(world.server, &bytes), told(hyper, &bytes));
        if !ours.is_one_of(codes) && ours != plain {
            otherwise.push((what, ours, plain));
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
    let confirmed = world.arrived().iter().filter(|request| request.method == "POST").count();
    assert_eq!(confirmed, 0, "no body was whole: {:?}", world.arrived());
}

/// RFC 9113 §8.1 calls such a request malformed. hyper drops these fields unseen, and serves it.
#[tokio::test]
async fn pseudo_header_fields_in_trailers_are_taken_no_better_than_by_hyper_and_go_nowhere() {
    let world = World::new().await;
    let (hyper, _serving) = plain_hyper().await;
    let trailers = [(":method", "DELETE"), (":path", "/v1/accounts"), (":authority", "evil.example"), ("x-sum", "1")];
    let body = br#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;
    let bytes = [open(1), frame(DATA, 0, 1, body), frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields(&trailers))].concat();

    let (ours, plain) = tokio::join!(told(world.server, &bytes), told(hyper, &bytes));
    let mut peer = Peer::connect(world.server, &[]).await;
    peer.send(&bytes).await;
    let outcome = peer.outcome(1).await;

    assert!(ours.is_one_of(&[PROTOCOL]) || ours == plain, "{ours:?} {plain:?}");
    assert!(matches!(outcome, Outcome::Answered(..)) == (ours == Told::Taken), "{outcome:?}");
    for up in world.arrived() {
        assert_eq!((up.method.as_str(), up.path.as_str()), ("POST", "/v1/payments/breb/confirm"));
        assert!(!up.header_names.iter().any(|name| name == "x-sum" || name.starts_with(':')), "{:?}", up.header_names);
        assert_eq!(up.body, body.as_slice());
    }
}

/// HTTP/1 and HTTP/2 share the port, so that what is no preface is a request line, if a bad one.
#[tokio::test]
async fn what_is_no_preface_opens_no_http_2() {
    let world = World::new().await;

    for preface in ["INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"] {
        let mut client = world.client().await;
        client.send([preface.as_bytes(), &setting(0xff, 1), &whole(1)].concat().as_slice()).await;

        assert_eq!(client.answer(false).await.map(|answer| answer.status), Some(StatusCode::BAD_REQUEST), "{preface:?}");
        assert!(client.is_closed().await, "{preface:?}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn what_is_allowed_is_served() {
    let world = World::new().await;
    let block = fields(&GET);
    let split =
        |at: usize| [frame(HEADERS, END_STREAM, 1, &block[..at]), frame(CONTINUATION, END_HEADERS, 1, &block[at..])].concat();
    let pieces = block.iter().map(|byte| frame(CONTINUATION, 0, 1, &[*byte])).collect::<Vec<_>>();

    for (what, bytes) in [
        ("an unknown frame", [frame(0xee, 0xff, 0, b"whatever"), whole(1)].concat()),
        ("an unknown setting", [setting(0xff, 1), whole(1)].concat()),
        ("flags without a meaning", [frame(SETTINGS, 0xfe, 0, &[]), frame(PING, 0xfe, 0, &[0; 8]), whole(1)].concat()),
        ("a padded head", frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, &[&[3], &block[..], &[0; 3]].concat())),
        (
            "a head with a priority",
            frame(HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, &[&[0, 0, 0, 0, 15], &block[..]].concat()),
        ),
        ("a priority of an idle stream", [frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15]), whole(1)].concat()),
        ("a head in two", split(block.len() / 2)),
        ("a head whose first frame is empty", split(0)),
        (
            "a head in many",
            [
                vec![frame(HEADERS, END_STREAM, 1, &[])],
                pieces[..3].to_vec(),
                vec![frame(CONTINUATION, END_HEADERS, 1, &block[3..])],
            ]
            .concat()
            .concat(),
        ),
        ("a smaller table", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[&[0x20], &block[..]].concat())),
    ] {
        let mut peer = Peer::connect(world.server, &[]).await;
        peer.send(bytes).await;

        assert_eq!(status(&peer.outcome(1).await), 200, "{what}");
    }
}

#[tokio::test]
async fn a_ping_comes_back_as_it_was_and_an_answered_one_does_not() {
    let world = World::new().await;
    let mut peer = Peer::connect(world.server, &[]).await;

    peer.send([frame(PING, ACK, 0, b"notasked"), frame(PING, 0, 0, b"12345678")].concat()).await;
    let mut pings = Vec::new();
    while pings.is_empty() {
        pings.extend(peer.frame().await.filter(|frame| frame.kind == PING));
    }

    assert_eq!((pings[0].flags, &pings[0].payload[..]), (ACK, &b"12345678"[..]));
}
