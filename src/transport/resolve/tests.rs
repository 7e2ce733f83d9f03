use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::watch;
use tokio::time::{advance, timeout};

use super::*;

const OLD: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const NEW: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const SECOND: Duration = Duration::from_secs(1);

/// What DNS says.
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
    fn new(says: Says) -> (Arc<Self>, Resolver) {
        let zone = Arc::new(Self { says: watch::Sender::new(says), asked: AtomicUsize::new(0) });
        (Arc::clone(&zone), Resolver::of(zone))
    }

    fn say(&self, says: Says) {
        self.says.send_replace(says);
    }
}

impl Names for Zone {
    fn addresses(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Relaxed);
        let mut says = self.says.subscribe();
        Box::pin(async move {
            let said = says.wait_for(|says| !matches!(says, Says::Nothing)).await.unwrap().clone();
            match said {
                Says::These(addresses) => Ok(addresses),
                _ => Err(io::Error::other("SERVFAIL")),
            }
        })
    }
}

async fn resolve(resolver: &Resolver) -> Result<Vec<IpAddr>, String> {
    resolver.look_up("api.example", SECOND).await.map(|addresses| addresses.to_vec()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_last_good_addresses_serve_while_dns_fails() {
    let (zone, resolver) = Zone::new(Says::Failure);

    assert_eq!(resolve(&resolver).await, Err("SERVFAIL".to_owned()));
    zone.say(Says::These(vec![]));
    assert_eq!(resolve(&resolver).await, Err("the name has no address".to_owned()));
    zone.say(Says::These(vec![OLD]));
    assert_eq!(resolve(&resolver).await, Ok(vec![OLD]));
    for failure in [Says::Failure, Says::These(vec![])] {
        zone.say(failure);
        assert_eq!(resolve(&resolver).await, Ok(vec![OLD]));
    }
    zone.say(Says::These(vec![NEW, OLD]));
    assert_eq!(resolve(&resolver).await, Ok(vec![NEW, OLD]));
}

#[tokio::test(start_paused = true)]
async fn who_is_known_is_not_waited_for_and_who_is_not_is() {
    let (zone, resolver) = Zone::new(Says::Nothing);
    assert!(timeout(100 * SECOND, resolve(&resolver)).await.is_err());
    zone.say(Says::These(vec![OLD]));
    assert_eq!(resolve(&resolver).await, Ok(vec![OLD]));

    zone.say(Says::Nothing);
    let begun = Instant::now();

    assert_eq!(resolve(&resolver).await, Ok(vec![OLD]));
    assert_eq!(begun.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn one_question_is_asked_for_all_who_wait_and_late_answers_count() {
    let (zone, resolver) = Zone::new(Says::These(vec![OLD]));
    resolve(&resolver).await.unwrap();
    zone.say(Says::Nothing);

    for _ in 0..3 {
        let both = tokio::join!(resolve(&resolver), resolve(&resolver));
        assert_eq!(both, (Ok(vec![OLD]), Ok(vec![OLD])));
    }
    assert_eq!(zone.asked.load(Relaxed), 2);

    // It is answered after all, and then DNS fails: what it said last counts.
    zone.say(Says::These(vec![NEW]));
    let answered = resolver.known().get("api.example").unwrap().lookup.clone().unwrap().1;
    answered.now_or_never().expect("an answer").unwrap();
    zone.say(Says::Failure);
    assert_eq!(resolve(&resolver).await, Ok(vec![NEW]));
    assert_eq!(zone.asked.load(Relaxed), 3, "and it is asked anew");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_never_answered_is_asked_again() {
    let (zone, resolver) = Zone::new(Says::Nothing);

    assert!(timeout(SECOND, resolve(&resolver)).await.is_err());
    assert!(timeout(SECOND, resolve(&resolver)).await.is_err());
    assert_eq!(zone.asked.load(Relaxed), 1);
    advance(LONGEST).await;
    assert!(timeout(SECOND, resolve(&resolver)).await.is_err());

    assert_eq!(zone.asked.load(Relaxed), 2);
}

#[tokio::test]
async fn an_address_is_no_name() {
    let (zone, resolver) = Zone::new(Says::Failure);

    for (url, address) in [("http://192.0.2.1:81", "192.0.2.1:81"), ("https://[2001:db8::1]", "[2001:db8::1]:443")] {
        let origin = Origin::of(&url.parse().unwrap()).unwrap();
        assert_eq!(resolver.resolve(&origin, SECOND).await.unwrap(), [address.parse().unwrap()]);
    }
    assert_eq!(zone.asked.load(Relaxed), 0);
}

#[tokio::test]
async fn the_memory_is_bounded() {
    let (_zone, resolver) = Zone::new(Says::These(vec![OLD]));

    for n in 0..2 * CAPACITY {
        resolver.look_up(&format!("{n}.example"), SECOND).await.unwrap();
    }

    assert_eq!(resolver.known().len(), CAPACITY);
}
