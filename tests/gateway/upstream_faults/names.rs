//! The upstream by its name: whose addresses change, are several, or are not to be had.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::future::BoxFuture;
use passport_gateway::gateway::Surroundings;
use passport_gateway::transport::Names;
use tokio::sync::watch;

use super::*;
use crate::support::scripted;

const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Where nobody listens.
const DESERTED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

const NAME: &str = "passport.test";
const RETRIES: &str = r#"passport_gateway_upstream_retries_total{reason="unreachable",upstream="paas"}"#;
const TOKENS: &str = r#"passport_gateway_upstream_token_requests_total{credential="acme",result="ok"}"#;
const IDLE: &str = r#"passport_gateway_upstream_connections{state="idle",upstream="paas"}"#;

/// What DNS says of the one name that there is.
#[derive(Clone, Debug)]
enum Says {
    These(Vec<IpAddr>),
    Failure,
    /// Nothing, until it says something else.
    Nothing,
}

#[derive(Debug)]
struct Zone {
    says: watch::Sender<Says>,
    asked: AtomicUsize,
}

impl Zone {
    fn of(addresses: &[IpAddr]) -> Arc<Self> {
        Arc::new(Self { says: watch::Sender::new(Says::These(addresses.to_vec())), asked: AtomicUsize::new(0) })
    }

    fn say(&self, addresses: &[IpAddr]) {
        self.says.send_replace(Says::These(addresses.to_vec()));
    }

    fn fail(&self) {
        self.says.send_replace(Says::Failure);
    }

    fn fall_silent(&self) {
        self.says.send_replace(Says::Nothing);
    }

    fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

impl Names for Zone {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        assert_eq!(name, NAME);
        self.asked.fetch_add(1, Relaxed);
        let mut says = self.says.subscribe();
        Box::pin(async move {
            let said = says.wait_for(|says| !matches!(says, Says::Nothing)).await.map_err(io::Error::other)?.clone();
            match said {
                Says::These(addresses) => Ok(addresses),
                _ => Err(io::Error::other("SERVFAIL")),
            }
        })
    }
}

/// Upstreams at these addresses, which have one port in common.
async fn upstreams<const N: usize>(addresses: [IpAddr; N]) -> [Scripted; N] {
    loop {
        let port = nobody().await.port();
        let mut upstreams = VecDeque::new();
        for address in addresses {
            upstreams.extend(Scripted::try_at(SocketAddr::new(address, port)).await);
        }
        if let Ok(upstreams) = Vec::from(upstreams).try_into() {
            return upstreams;
        }
    }
}

/// A gateway that knows its upstream by its name alone.
async fn named(zone: &Arc<Zone>, port: u16, lines: &str) -> World {
    let surroundings = Surroundings { names: Some(Arc::clone(zone) as Arc<dyn Names>), ..Surroundings::default() };
    let lines = format!("passport.base_url = \"http://{NAME}:{port}\"\nserver.workers = 1\n{lines}\n{LOCAL}");
    let world = World::within(surroundings, &lines).await;
    until("a token is there", async || world.metric(TOKENS).await == 1.0).await;
    world
}

/// A good answer after which the connection is not used again.
async fn answer_last(upstream: &mut Scripted, body: &str) {
    upstream.answer(scripted::answer("200 OK", "Content-Type: application/json\r\nConnection: close\r\n", body)).await;
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_followed_with_the_next_connection() {
    let [mut old, mut new] = upstreams([FIRST, SECOND]).await;
    let zone = Zone::of(&[FIRST]);
    let world = named(&zone, old.address.port(), "").await;
    let (got, ()) = tokio::join!(world.get(STREAMED), async { _ = old.answer(ok(r#""old""#)).await });
    assert_eq!(got.text(), r#""old""#);
    let asked = zone.asked();

    zone.say(&[SECOND]);
    let (kept, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut old, r#""kept""#));
    assert_eq!((kept.text().as_str(), zone.asked()), (r#""kept""#, asked), "a connection that rests is good, whatever DNS says");
    let (read, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut new, r#""new""#));
    let (paid, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), answer_last(&mut new, r#""paid""#));

    assert_eq!((read.text().as_str(), paid.text().as_str()), (r#""new""#, r#""paid""#));
    assert_eq!(zone.asked(), asked + 2, "each connection asks anew");
    assert!(!old.is_asked() && !new.is_asked());
}

#[tokio::test]
async fn while_dns_fails_the_last_good_addresses_are_used() {
    let [mut old, mut new] = upstreams([FIRST, SECOND]).await;
    let zone = Zone::of(&[DESERTED, FIRST]);
    let world = named(&zone, old.address.port(), "retry.attempts = 0\npassport.connect_timeout = \"1s\"").await;

    for failure in [Zone::fail, |zone: &Zone| zone.say(&[]), Zone::fall_silent] {
        failure(&zone);
        let (read, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut old, r#""read""#));
        let (paid, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), answer_last(&mut old, r#""paid""#));
        assert_eq!((read.text().as_str(), paid.text().as_str()), (r#""read""#, r#""paid""#));
    }
    zone.say(&[SECOND]);
    let (moved, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut new, r#""new""#));

    assert_eq!(moved.text(), r#""new""#, "what was remembered gives way to what is known");
    assert!(!old.is_asked());
}

#[tokio::test]
async fn a_name_that_never_resolved_is_a_bad_gateway_until_it_does() {
    let [mut upstream] = upstreams([FIRST]).await;
    let zone = Zone::of(&[FIRST]);
    let lines = format!("passport.token_url = \"http://{}/v1/iam/oauth/tokens\"\nretry.attempts = 0", upstream.address);
    let lines = format!("{lines}\npassport.connect_timeout = \"200ms\"");
    zone.fail();
    let world = named(&zone, upstream.address.port(), &lines).await;

    for failure in [Zone::fail, Zone::fall_silent] {
        failure(&zone);
        assert_problem(&world.get(STREAMED).await, 502, "upstream-unreachable");
        assert_problem(&world.post("/v1/payments/breb/confirm", PAYMENT).await, 502, "upstream-unreachable");
    }
    zone.say(&[FIRST]);
    let (got, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut upstream, "{}"));

    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
}

#[tokio::test]
async fn if_one_address_refuses_the_next_is_tried_and_a_payment_arrives_once() {
    let [mut upstream, mut spare] = upstreams([FIRST, SECOND]).await;
    let zone = Zone::of(&[DESERTED, FIRST, SECOND]);
    let world = named(&zone, upstream.address.port(), "").await;
    let tokens = upstream.connections();

    let (read, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut upstream, "{}"));
    let (paid, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), answer_last(&mut upstream, "{}"));

    assert_eq!((read.status, paid.status), (StatusCode::OK, StatusCode::OK), "{} {}", read.text(), paid.text());
    assert_eq!(upstream.connections() - tokens, 2);
    assert!(!upstream.is_asked() && !spare.is_asked());
    assert_eq!((spare.connections(), world.metric(RETRIES).await), (0, 0.0), "nothing was tried that need not be");
}

#[tokio::test]
async fn if_one_address_is_silent_the_next_has_its_share_of_the_time() {
    let (_socket, address, _waiting) = connecting::full().await;
    let mut upstream = Scripted::at(SocketAddr::new(SECOND, address.port())).await;
    let zone = Zone::of(&[address.ip(), SECOND]);
    let world = named(&zone, address.port(), "passport.connect_timeout = \"1s\"").await;

    let (paid, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), answer_last(&mut upstream, "{}"));

    assert_eq!(paid.status, StatusCode::OK, "{}", paid.text());
    assert!(!upstream.is_asked());
    assert_eq!(world.metric(RETRIES).await, 0.0);
}

#[tokio::test]
async fn another_address_is_no_second_chance_for_a_payment_that_left() {
    let [mut first, mut second] = upstreams([FIRST, SECOND]).await;
    let zone = Zone::of(&[FIRST, SECOND]);
    let world = named(&zone, first.address.port(), "").await;

    let (lost, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), async { first.call().await.reset() });

    assert_problem(&lost, 502, "upstream-unreachable");
    assert!(!first.is_asked() && !second.is_asked());
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn a_payment_on_a_dead_connection_goes_to_the_new_address_once() {
    let [mut old, mut new] = upstreams([FIRST, SECOND]).await;
    let zone = Zone::of(&[FIRST]);
    let world = named(&zone, old.address.port(), "").await;
    let (got, ()) = tokio::join!(world.get(STREAMED), async { _ = old.call().await.close(&ok("{}")).await });
    assert_eq!(got.status, StatusCode::OK);

    zone.say(&[SECOND]);
    drop(old);
    world.until_metric(IDLE, 0.0).await;
    let (paid, ()) = tokio::join!(world.post("/v1/payments/breb/confirm", PAYMENT), answer_last(&mut new, "{}"));

    assert_eq!(paid.status, StatusCode::OK, "{}", paid.text());
    assert!(!new.is_asked());
}

#[tokio::test]
async fn a_breaker_finds_the_upstream_where_its_name_leads_now() {
    let [old, mut new] = upstreams([FIRST, SECOND]).await;
    let port = old.address.port();
    let zone = Zone::of(&[FIRST]);
    let world = named(&zone, port, "breaker.minimum = 4\nretry.attempts = 0").await;
    drop(old);
    until("it is gone", async || tokio::net::TcpStream::connect((FIRST, port)).await.is_err()).await;
    for _ in 0..4 {
        assert_problem(&world.get(STREAMED).await, 502, "upstream-unreachable");
    }
    assert_problem(&world.get(STREAMED).await, 503, "upstream-unavailable");

    zone.say(&[SECOND]);
    world.clock.advance(Duration::from_secs(5));
    world.until_metric(r#"passport_gateway_breaker_state{upstream="paas"}"#, 1.0).await;
    let (got, ()) = tokio::join!(world.get(STREAMED), answer_last(&mut new, "{}"));

    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
}
