//! A minute of load over short-lived tokens, while the token endpoint is down for a part of it: who notices, and for how long.
//!
//! The minute passes on an injected clock, or on the machine's if `TOKEN_SOAK` is set (`make soak-tokens`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use http::StatusCode;
use passport_gateway::clock::{ManualClock, SharedClock, SystemClock};
use passport_gateway::config;
use passport_gateway::gateway::Gateway;
use passport_gateway::sandbox::{Control, Fault, Kind, Options, Sandbox};
use passport_gateway::server::Signal;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, interval};

use crate::support::until::until;
use crate::support::{Client, LOCAL, clock};

/// How long a token lives.
const LIFE: Duration = Duration::from_secs(3);
/// From when on a token may be found unusable: its last hundredth is not used, and a slow machine gets a tenth.
const UNUSABLE: Duration = Duration::from_millis(2670);
/// How far apart mints are at least: half of a life less a tenth of that; a slow machine gets another.
const RENEWED: Duration = Duration::from_millis(1200);
/// Four requests every 20 ms are 200 a second.
const STEP: Duration = Duration::from_millis(20);
const CALLERS: usize = 4;
const MINUTE: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);
/// When the token endpoint goes down and comes back.
const OUTAGE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(25));
/// The longest pause between two tries, and some time for the try itself.
const RECOVERY: Duration = Duration::from_millis(10_500);
/// More tries than an outage of five seconds is worth; full jitter makes about seven.
const MOST_TRIES: usize = 20;
/// How late what happened at the endpoint may be known in the gateway.
const SLACK: Duration = Duration::from_millis(100);

/// A gateway before a Passport whose tokens live for three seconds.
struct Scene {
    passport: Control,
    server: SocketAddr,
    admin: SocketAddr,
    clock: SharedClock,
    pace: Pace,
    began: (Instant, SystemTime),
    /// Requests for tokens whose answers the gateway has read.
    settled: u64,
    _serving: JoinSet<()>,
}

/// How time passes.
enum Pace {
    Simulated(ManualClock),
    Real(Interval),
}

/// How a caller was answered, and when it had asked.
#[derive(Clone, Debug)]
struct Told {
    at: Duration,
    status: StatusCode,
    problem: String,
    retry_after: String,
}

/// A request for a token that arrived at Passport.
#[derive(Clone, Copy, Debug)]
struct Mint {
    at: Duration,
    granted: bool,
}

/// All that happened in a minute.
#[derive(Default)]
struct Story {
    told: Vec<Told>,
    /// By their number at Passport.
    mints: BTreeMap<u64, Mint>,
}

#[tokio::test]
async fn callers_notice_an_outage_of_the_token_endpoint_only_from_expiry_to_recovery() {
    let mut scene = if std::env::var_os("TOKEN_SOAK").is_some() {
        Scene::start(SystemClock::shared(), Pace::Real(interval(STEP))).await
    } else {
        let clock = clock();
        Scene::start(Arc::new(clock.clone()), Pace::Simulated(clock)).await
    };

    let story = scene.minute().await;

    if matches!(scene.pace, Pace::Real(_)) {
        story.print();
    }
    story.assert_unnoticed_but_from_expiry_to_recovery();
    story.assert_renewed_and_not_hammered();
    scene.assert_only_good_tokens_were_sent(&story);
    scene.assert_metrics_tell(&story).await;
}

impl Scene {
    async fn start(clock: SharedClock, pace: Pace) -> Self {
        let options = Options { clock: Arc::clone(&clock), token_ttl: LIFE, ..Options::default() };
        let sandbox = Sandbox::bind(options).await.unwrap();
        let passport = sandbox.control();
        let lines = format!(
            r#"
server.listen = ["127.0.0.1:0"]
server.workers = 2
admin.listen = "127.0.0.1:0"
idempotency.required_for = "none"
passport.environment = "custom"
passport.base_url = "http://{}"
{LOCAL}"#,
            sandbox.address()
        );
        let config = config::parse(&lines, "test.toml".as_ref(), &|_| None).unwrap().config;
        let gateway = Gateway::bind(config, Arc::clone(&clock)).unwrap();
        let addresses = gateway.addresses();
        let (server, admin) = (addresses.server[0].tcp().unwrap(), addresses.admin.tcp().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move { sandbox.serve(std::future::pending()).await });
        serving.spawn(async move {
            let (_never, stop) = mpsc::unbounded_channel::<Signal>();
            gateway.serve(stop).await.unwrap();
        });
        let began = (clock.now(), clock.wall());
        Self { passport, server, admin, clock, pace, began, settled: 0, _serving: serving }
    }

    /// A minute of callers, and of Passport's answers to requests for tokens.
    async fn minute(&mut self) -> Story {
        let mut story = Story::default();
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            callers.push(Client::connect(self.server).await.with("Cache-Control: no-store"));
        }
        let (mut down, mut collected) = (false, Duration::ZERO);
        while self.now() < MINUTE {
            let at = self.now();
            if down != (OUTAGE.0..OUTAGE.1).contains(&at) {
                down = !down;
                self.set_down(down);
            }
            story.told.extend(join_all(callers.iter_mut().map(|caller| ask(caller, at))).await);
            self.step().await;
            // Passport's log is bounded.
            if at >= collected + SECOND {
                self.collect(&mut story);
                collected = at;
            }
        }
        self.collect(&mut story);
        story
    }

    fn now(&self) -> Duration {
        self.clock.now() - self.began.0
    }

    async fn step(&mut self) {
        match &mut self.pace {
            Pace::Real(interval) => drop(interval.tick().await),
            Pace::Simulated(clock) => {
                clock.advance(STEP);
                self.settle().await;
            }
        }
    }

    /// Time stands still while a token is on its way.
    async fn settle(&mut self) {
        let asked = self.asked();
        if asked > self.settled {
            until("the answer is read", async || self.counted(|_| true).await >= asked).await;
            self.settled = asked;
        }
    }

    /// Requests for tokens that arrived at Passport.
    fn asked(&self) -> u64 {
        self.passport.counters().get("POST /v1/iam/oauth/tokens").map_or(0, |counters| counters.requests)
    }

    /// Requests for tokens that the gateway counted with a result of this kind.
    async fn counted(&self, kind: impl Fn(&str) -> bool) -> u64 {
        let text = self.metrics().await;
        let counted = text.lines().filter_map(|line| {
            let (labels, count) = line.strip_prefix("passport_gateway_upstream_token_requests_total{")?.split_once("} ")?;
            let result = labels.split("result=\"").nth(1)?.trim_end_matches('"');
            kind(result).then(|| count.parse::<u64>().unwrap())
        });
        counted.sum()
    }

    async fn metrics(&self) -> String {
        Client::connect(self.admin).await.get("/metrics").await.text()
    }

    fn set_down(&self, down: bool) {
        if down {
            self.passport.inject(Fault::new("token", Kind::ResetBeforeBody)).unwrap();
        } else {
            self.passport.clear_faults();
        }
    }

    fn collect(&self, story: &mut Story) {
        let asked = self.passport.requests().into_iter().filter(|request| request.path == "/v1/iam/oauth/tokens");
        story.mints.extend(asked.map(|request| {
            let at = SystemTime::from(OffsetDateTime::parse(&request.at, &Rfc3339).unwrap());
            let at = at.duration_since(self.began.1).unwrap_or_default();
            (request.number, Mint { at, granted: request.status == Some(200) })
        }));
    }

    fn assert_only_good_tokens_were_sent(&self, story: &Story) {
        let counters = self.passport.counters().remove("GET /v1/accounts").unwrap();
        let bad = [counters.expired_tokens, counters.revoked_tokens, counters.unknown_tokens, counters.without_token];
        assert_eq!(bad, [0; 4]);
        let served = story.told.iter().filter(|told| told.status == StatusCode::OK).count();
        assert_eq!(counters.requests, served as u64);
    }

    async fn assert_metrics_tell(&self, story: &Story) {
        until("everything is counted", async || self.counted(|_| true).await == self.asked()).await;
        let granted = story.mints.values().filter(|mint| mint.granted).count() as u64;
        assert_eq!(self.counted(|result| result == "ok").await, granted);
        assert_eq!(self.counted(|result| result != "ok").await, story.mints.len() as u64 - granted);
        let text = self.metrics().await;
        let gauge = |name: &str| {
            let sample = format!("passport_gateway_upstream_token_{name}_timestamp_seconds{{credential=\"acme\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&sample)?.parse::<u64>().ok()).unwrap()
        };
        // Both are whole seconds.
        assert!(gauge("expiry").abs_diff(gauge("minted") + LIFE.as_secs()) <= 1);
    }
}

impl Story {
    fn granted(&self) -> impl Iterator<Item = Duration> {
        self.mints.values().filter(|mint| mint.granted).map(|mint| mint.at)
    }

    /// When the first token after the outage was asked for.
    fn recovery(&self) -> Duration {
        self.granted().find(|at| *at >= OUTAGE.1).expect("it recovers")
    }

    fn refused(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(|told| told.status != StatusCode::OK)
    }

    fn assert_unnoticed_but_from_expiry_to_recovery(&self) {
        let expiry = self.granted().filter(|at| *at < OUTAGE.0).last().unwrap() + UNUSABLE;
        let recovery = self.recovery();
        for told in self.refused() {
            assert_eq!((told.status, told.problem.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "upstream-token-unavailable"));
            assert!((1..=10).contains(&told.retry_after.parse::<u64>().unwrap()), "{told:?}");
            assert!(told.at >= expiry && told.at <= recovery + SLACK, "{told:?}, expiry {expiry:?}, recovery {recovery:?}");
        }
        assert!(self.refused().next().is_some(), "the outage was too short to be noticed");
        assert!(recovery <= OUTAGE.1 + RECOVERY, "{recovery:?}");
    }

    fn assert_renewed_and_not_hammered(&self) {
        let granted: Vec<_> = self.granted().collect();
        for pair in granted.windows(2) {
            assert!(pair[1] >= pair[0] + RENEWED, "{pair:?}");
        }
        let tries: Vec<_> = self.mints.values().filter(|mint| !mint.granted).collect();
        let rests = OUTAGE.0..=self.recovery();
        assert!(tries.iter().all(|mint| rests.contains(&mint.at)), "{tries:?}");
        assert!((2..=MOST_TRIES).contains(&tries.len()), "{tries:?}");
    }

    #[expect(clippy::print_stderr, reason = "the figures of a soak are for who runs it")]
    fn print(&self) {
        let (refused, granted) = (self.refused().count(), self.granted().count());
        eprintln!("{} requests, {} answered 200, {refused} answered 503", self.told.len(), self.told.len() - refused);
        let noticed: BTreeSet<_> = self.refused().map(|told| told.at).collect();
        let last = self.granted().filter(|at| *at < OUTAGE.0).last();
        eprintln!("token endpoint down from {:?} to {:?}; last token of before asked for at {last:?}", OUTAGE.0, OUTAGE.1);
        eprintln!("503 from {:?} to {:?}; recovery at {:?}", noticed.first(), noticed.last(), self.recovery());
        eprintln!("{granted} tokens, {} tries that failed", self.mints.len() - granted);
    }
}

async fn ask(caller: &mut Client, at: Duration) -> Told {
    let answer = caller.get("/v1/accounts").await;
    Told { at, status: answer.status, problem: answer.problem(), retry_after: answer.field("retry-after").to_owned() }
}
