//! Floods and bombs: the connection is given up, memory stays, and other callers see nothing of it.

use passport_gateway::sandbox::{Options, Sandbox};
use tokio::task::JoinSet;

use super::*;
use crate::support::process::Process;
use crate::support::{Client, LOCAL};

/// What an attack may leave behind in the gateway's memory.
const MOST_GROWTH: u64 = 5 << 20;

/// The program before a sandbox, with a good caller on each protocol.
struct Scene {
    gateway: Process,
    good: Client,
    before: u64,
    _passport: JoinSet<()>,
}

impl Scene {
    async fn new(lines: &str) -> Self {
        let sandbox = Sandbox::bind(Options::default()).await.unwrap();
        let config = format!(
            "server.listen = [\"127.0.0.1:0\"]\nserver.workers = 1\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
             passport.environment = \"custom\"\npassport.base_url = \"http://{}\"\ntelemetry.access_log = false\n{lines}\n{LOCAL}",
            sandbox.address()
        );
        let mut passport = JoinSet::new();
        passport.spawn(sandbox.serve(std::future::pending()));
        let gateway = Process::run(&config).await;
        let mut good = Client::connect(gateway.server).await;
        for _ in 0..50 {
            assert_eq!(good.get("/v1/accounts").await.status, StatusCode::OK);
        }
        // What the first connection of its kind allocates once is no growth.
        let mut first = Peer::connect(gateway.server, &[]).await;
        for stream in (1..100).step_by(2) {
            first.get(stream, &GET).await;
            assert_eq!(status(&first.outcome(stream).await), 200);
        }
        let before = resident(&gateway).await;
        Self { gateway, good, before, _passport: passport }
    }

    async fn attacker(&self) -> Peer {
        Peer::connect(self.gateway.server, &[]).await
    }

    /// The good callers are served, and memory is where it was.
    async fn assert_unharmed(mut self, attack: &str) {
        assert_eq!(self.good.get("/v1/accounts").await.status, StatusCode::OK, "{attack}");
        let mut other = self.attacker().await;
        other.get(1, &GET).await;
        assert_eq!(status(&other.outcome(1).await), 200, "{attack}");
        let growth = resident(&self.gateway).await.saturating_sub(self.before);
        assert!(growth < MOST_GROWTH, "{attack}: {growth} bytes more");
        assert_eq!(self.gateway.end().await.0, Some(0), "{attack}");
    }
}

/// The gateway's memory, in bytes.
async fn resident(gateway: &Process) -> u64 {
    let text = gateway.admin("/metrics").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    line.unwrap().parse().unwrap()
}

/// Sends `make(n)` until the gateway gives up, at most so often; fails if it never does.
async fn flood(attack: &str, scene: &Scene, most: u32, mut make: impl FnMut(u32) -> Vec<u8>) {
    let mut peer = scene.attacker().await;
    for round in 0..most / 50 {
        let burst: Vec<u8> = (0..50).flat_map(|n| make(round * 50 + n)).collect();
        let sent = tokio::time::timeout(std::time::Duration::from_secs(5), peer.try_send(burst)).await;
        if sent != Ok(true) {
            break;
        }
    }
    assert!(peer.is_given_up().await, "{attack}: the connection lives on");
}

fn stream(number: u32) -> u32 {
    2 * number + 1
}

#[tokio::test]
async fn rapid_reset() {
    let scene = Scene::new("").await;
    let block = fields(&GET);

    flood("rapid reset", &scene, 20_000, |n| {
        let (stream, cancel) = (stream(n), 8_u32.to_be_bytes());
        [frame(HEADERS, END_HEADERS | END_STREAM, stream, &block), frame(RST_STREAM, 0, stream, &cancel)].concat()
    })
    .await;

    scene.assert_unharmed("rapid reset").await;
}

/// Resets that come after the request was taken up: the library does not count those.
#[tokio::test]
async fn rapid_reset_with_a_pause_between() {
    let scene = Scene::new("").await;
    let mut peer = scene.attacker().await;
    let slow = [GET[0], GET[1], GET[2], (":path", "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001")];

    let mut number = 0;
    while number < 2_000 && peer.try_send(frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &fields(&slow))).await {
        tokio::task::yield_now().await;
        peer.send(frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes())).await;
        number += 1;
    }

    assert!(number < 2_000 || peer.is_given_up().await);
    scene.assert_unharmed("rapid reset, slower").await;
}

/// The server is made to reset streams itself (CVE-2025-8671), in each of the ways there are.
#[tokio::test]
async fn made_you_reset() {
    type Provoke = fn(u32) -> Vec<u8>;
    let ways: [(&str, Provoke); 4] = [
        ("a window of nothing", |stream| frame(WINDOW_UPDATE, 0, stream, &[0; 4])),
        ("a window too large", |stream| frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes())),
        ("data after the end", |stream| frame(DATA, END_STREAM, stream, b"x")),
        ("a stream that depends on itself", |stream| frame(PRIORITY, 0, stream, &[&stream.to_be_bytes()[..], &[1]].concat())),
    ];
    let block = fields(&GET);

    for (way, provoke) in ways {
        let scene = Scene::new("").await;
        flood(way, &scene, 20_000, |n| {
            [frame(HEADERS, END_HEADERS | END_STREAM, stream(n), &block), provoke(stream(n))].concat()
        })
        .await;
        scene.assert_unharmed(way).await;
    }
}

#[tokio::test]
async fn continuation_floods() {
    let scene = Scene::new("").await;
    let block = fields(&[("x-a", &"a".repeat(1000))]);

    for (attack, piece) in [("empty", Vec::new()), ("full", block)] {
        let mut begun = false;
        flood(attack, &scene, 100_000, |_| {
            let first =
                if std::mem::replace(&mut begun, true) { Vec::new() } else { frame(HEADERS, END_STREAM, 1, &fields(&GET)) };
            [first, frame(CONTINUATION, 0, 1, &piece)].concat()
        })
        .await;
    }

    scene.assert_unharmed("continuations").await;
}

#[tokio::test]
async fn empty_data_flood() {
    let scene = Scene::new("").await;
    let post =
        [(":method", "POST"), GET[1], GET[2], (":path", "/v1/payments/breb/confirm"), ("content-type", "application/json")];
    let mut begun = false;

    flood("empty data", &scene, 200_000, |_| {
        let first = if std::mem::replace(&mut begun, true) { Vec::new() } else { frame(HEADERS, END_HEADERS, 1, &fields(&post)) };
        [first, frame(DATA, 0, 1, &[])].concat()
    })
    .await;

    scene.assert_unharmed("empty data").await;
}

#[tokio::test]
async fn floods_of_what_must_be_acknowledged_or_means_nothing() {
    let scene = Scene::new("").await;
    let of = |kind: u8, payload: &'static [u8]| move |_| frame(kind, 0, 0, payload);

    flood("pings", &scene, 20_000, of(PING, &[0; 8])).await;
    flood("settings", &scene, 20_000, of(SETTINGS, &[0, 3, 0, 0, 0, 100])).await;
    flood("unknown frames", &scene, 20_000, of(0x2a, &[0; 100])).await;
    flood("priorities", &scene, 20_000, |n| frame(PRIORITY, 0, stream(n + 1), &[0, 0, 0, 0, 16])).await;
    flood("a tree of priorities", &scene, 20_000, |n| {
        frame(PRIORITY, 0, stream(n + 1), &[&stream(n).to_be_bytes()[..], &[255]].concat())
    })
    .await;

    scene.assert_unharmed("acknowledgements").await;
}

/// A field of 4,000 bytes is put into the table once and then named by one byte, as often as fits.
#[tokio::test]
async fn hpack_bomb() {
    let scene = Scene::new("").await;
    let value = "a".repeat(4000);
    let mut entry = fields(&[("x-bomb", &value)]);
    entry[0] = 0x40;
    let block = [fields(&GET), entry, vec![0xbe; 10_000]].concat();

    let mut peer = scene.attacker().await;
    peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)).await;
    let outcome = peer.outcome(1).await;
    assert!(matches!(outcome, Outcome::Answered(431, _) | Outcome::Reset(_) | Outcome::Closed), "{outcome:?}");
    flood("bombs", &scene, 2_000, |n| frame(HEADERS, END_HEADERS | END_STREAM, stream(n), &block)).await;

    scene.assert_unharmed("bomb").await;
}

#[tokio::test]
async fn windows_that_stay_shut() {
    let scene = Scene::new("passport.stream_timeout = \"1s\"").await;
    // SETTINGS_INITIAL_WINDOW_SIZE of nothing: no byte of an answer may be sent.
    let mut peer = Peer::connect(scene.gateway.server, &[(4, 0)]).await;
    for number in 0..100 {
        peer.get(stream(number), &GET).await;
    }

    assert!(peer.is_given_up().await, "the connection lives on");
    scene.assert_unharmed("shut windows").await;
}

#[tokio::test]
async fn more_streams_than_may_be_open_are_refused() {
    let scene = Scene::new("server.http2 = { max_concurrent_streams = 10 }").await;
    let mut peer = Peer::connect(scene.gateway.server, &[(4, 0)]).await;
    assert!(peer.settle().await.is_some());
    for number in 0..20 {
        peer.get(stream(number), &GET).await;
    }

    let refused = peer.outcome(stream(15)).await;

    assert!(matches!(refused, Outcome::Reset(_) | Outcome::Closed), "{refused:?}");
    drop(peer);
    scene.assert_unharmed("too many streams").await;
}

#[tokio::test]
async fn frames_that_are_none_end_the_connection() {
    let scene = Scene::new("").await;

    for (what, bytes) in [
        ("a frame too large", [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1][..], &[0; 100]].concat()),
        ("data on no stream", frame(DATA, 0, 0, b"x")),
        ("data on an idle stream", frame(DATA, 0, 1, b"x")),
        ("an even stream", frame(HEADERS, END_HEADERS | END_STREAM, 2, &fields(&GET))),
        ("a head on no stream", frame(HEADERS, END_HEADERS | END_STREAM, 0, &fields(&GET))),
        ("a lone continuation", frame(CONTINUATION, END_HEADERS, 1, &fields(&GET))),
        ("settings on a stream", frame(SETTINGS, 0, 1, &[])),
        ("settings of five bytes", frame(SETTINGS, 0, 0, &[0; 5])),
        ("a ping of seven bytes", frame(PING, 0, 0, &[0; 7])),
        ("a window beyond counting", frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes())),
        ("a window of nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        ("a block that is no block", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0xff, 0xff, 0xff, 0xff])),
        ("an index of nothing", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80])),
        ("padding beyond the frame", frame(HEADERS, END_HEADERS | END_STREAM | 0x8, 1, &[200, 0x82])),
    ] {
        let mut peer = scene.attacker().await;
        peer.send(bytes).await;
        assert!(peer.is_given_up().await, "{what}");
    }

    scene.assert_unharmed("broken frames").await;
}
