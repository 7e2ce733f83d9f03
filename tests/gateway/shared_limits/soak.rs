//! Three gateways, each a process, on one Redis under load: how much they admit together. `make soak-limits` takes half a minute.

use super::*;
use crate::support::Client;

/// What is admitted together.
const RATE: u32 = 100;
const BURST: u32 = 100;

/// What was counted in one run.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    asked: u64,
    admitted: u64,
    /// Answers that were neither admitted nor refused by the limit.
    other: u64,
}

/// Three gateways that are connected to Redis.
struct Fleet {
    gateways: [Process; 3],
    _passport: Passport,
}

fn span() -> Duration {
    Duration::from_secs(if is_long() { 30 } else { 3 })
}

fn is_long() -> bool {
    std::env::var_os("LIMITS_SOAK").is_some()
}

impl Fleet {
    async fn start(redis: &Redis, store: &str) -> Self {
        let passport = Passport::start(&clock()).await;
        let limit = format!("rate_limit = {{ requests = {RATE}, per = \"1s\", burst = {BURST} }}");
        let tenant = LOCAL.replacen("[tenants.acme]", &format!("[tenants.acme]\n{limit}"), 1);
        let config = format!(
            "{}{store}\nserver.listen = [\"127.0.0.1:0\"]\nserver.workers = 1\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
             telemetry.access_log = false\npassport.environment = \"custom\"\npassport.base_url = \"http://{}\"\n{tenant}",
            redis.configuration(),
            passport.address
        );
        let [one, two, three] = [0; 3].map(|_| Process::run(&config));
        let fleet = Self { gateways: [one.await, two.await, three.await], _passport: passport };
        fleet.until_connected().await;
        fleet
    }

    async fn until_connected(&self) {
        for gateway in &self.gateways {
            until("connected", async || gateway.admin("/status").await.json()["store"]["state"] == "connected").await;
        }
    }

    /// Asks all three once each `pace`, or as fast as they answer; returns when `over` does.
    async fn loaded<T>(&self, pace: Option<Duration>, over: impl Future<Output = T>) -> (Counted, T) {
        let mut counted = Counted::default();
        let mut clients = Vec::new();
        for gateway in &self.gateways {
            clients.push(Client::connect(gateway.server).await);
        }
        let mut pace = pace.map(tokio::time::interval);
        let load = async {
            loop {
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                for client in &mut clients {
                    client.send(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
                }
                for client in &mut clients {
                    let status = client.answer(false).await.unwrap().status;
                    counted.asked += 1;
                    counted.admitted += u64::from(status == StatusCode::OK);
                    counted.other += u64::from(![StatusCode::OK, StatusCode::TOO_MANY_REQUESTS].contains(&status));
                }
                // The test's own runtime has one thread: `over` gets its turn.
                tokio::task::yield_now().await;
            }
        };
        let over = tokio::select! {
            biased;
            over = over => over,
            never = load => never,
        };
        (counted, over)
    }
}

/// What the limit admits in this time, from a whole burst on.
fn limit(elapsed: Duration) -> f64 {
    f64::from(BURST) + f64::from(RATE) * elapsed.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
#[expect(clippy::print_stderr, reason = "the figures of a soak are for who runs it")]
async fn run(mode: &str, pace: Option<Duration>) -> (Counted, f64, f64) {
    let redis = Redis::start().await;
    // In a soak the machine is this test's own, and answers are waited for as the defaults say. Among all other tests one that is
    // late is no matter of this one.
    let patience = if is_long() { "" } else { "store.timeout = \"2s\"" };
    let fleet = Fleet::start(&redis, &format!("store.mode = \"{mode}\"\n{patience}")).await;
    let begun = Instant::now();

    let (counted, ()) = fleet.loaded(pace, tokio::time::sleep(span())).await;

    let limit = limit(begun.elapsed());
    let commands = redis.ask("INFO commandstats").await;
    eprintln!("{mode}: {counted:?}, the limit being {limit:.0} in {:?}", begun.elapsed());
    let trips = commands.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse().ok());
    eprintln!("{mode}: {trips:?} round trips for {} decisions", counted.asked);
    assert_eq!(counted.other, 0, "{counted:?}");
    assert!(counted.asked as f64 > 1.5 * limit, "the load is above the limit: {counted:?}");
    (counted, limit, trips.expect("scripts were run"))
}

#[tokio::test]
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
async fn three_gateways_admit_one_limit_exactly() {
    // Some 750 requests a second: far above the limit, and nothing that a machine of two cores is late with.
    let (counted, limit, trips) = run("exact", Some(Duration::from_millis(4))).await;

    // Never more than the limit. Less only while nobody asks: among all other tests whoever does may be kept waiting.
    let least = limit * if is_long() { 0.99 } else { 0.9 };
    let admitted = counted.admitted as f64;
    assert!((least..=(limit * 1.01).max(limit + 5.0)).contains(&admitted), "{counted:?}, the limit being {limit:.0}");
    assert!(trips >= counted.asked as f64 * 0.99, "each decision is a round trip");
}

#[tokio::test]
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
async fn with_leases_they_admit_it_within_a_batch_each_and_seldom_ask() {
    let (counted, limit, trips) = run("leased", None).await;

    // A batch is a tenth of the burst.
    let batches = 3.0 * f64::from(BURST) / 10.0;
    let admitted = counted.admitted as f64;
    assert!((limit * 0.99 - batches..=limit * 1.01 + batches).contains(&admitted), "{counted:?}, the limit being {limit:.0}");
    // How many decisions there are to a round trip depends on how fast the machine decides.
    let saved = if is_long() { 20.0 } else { 2.0 };
    assert!(trips * saved <= counted.asked as f64, "{trips} round trips for {counted:?}");
}

#[tokio::test]
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
#[expect(clippy::print_stderr, reason = "the figures of a soak are for who runs it")]
async fn redis_may_be_killed_under_load_and_nobody_notices_but_the_limit() {
    for mode in ["exact", "leased"] {
        let mut redis = Redis::start().await;
        let fleet = Fleet::start(&redis, &format!("store.mode = \"{mode}\"")).await;
        let begun = Instant::now();

        let (counted, (away, back)) = fleet
            .loaded(None, async {
                tokio::time::sleep(span() / 3).await;
                redis.kill();
                let killed = Instant::now();
                tokio::time::sleep(span() / 3).await;
                redis.restart().await;
                let restarted = Instant::now();
                let away = restarted.duration_since(killed);
                fleet.until_connected().await;
                let back = restarted.elapsed();
                tokio::time::sleep(span() / 3).await;
                (away, back)
            })
            .await;

        let elapsed = begun.elapsed();
        eprintln!(
            "{mode}, Redis away for {away:?} of {elapsed:?} and back after {back:?}: {counted:?}, the limit being {:.0}",
            limit(elapsed)
        );
        assert_eq!(counted.other, 0, "{counted:?}");
        assert!(back < Duration::from_secs(5), "it took {back:?}");
        // Redis forgot, so that a second burst is there; each gateway alone has a quarter of the limit, and of it a burst.
        let alone = 3.0 * 0.25 * limit(elapsed);
        let most = limit(elapsed) + f64::from(BURST) + alone;
        assert!((counted.admitted as f64) < most, "{counted:?}, at most {most:.0}");
        assert!(
            counted.admitted as f64
                > f64::from(BURST) + 0.5 * f64::from(RATE) * elapsed.saturating_sub(away + back).as_secs_f64(),
            "{counted:?}"
        );
    }
}
