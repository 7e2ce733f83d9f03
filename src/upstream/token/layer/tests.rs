//! The ambiguous 401, over a Passport that is played by a table of tokens and a scripted token endpoint.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;
use http::Method;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::body::Body;
use crate::clock::SystemClock;
use crate::refusal::Sent;
use crate::snapshot::Snapshots;
use crate::testing::{arrival, config, snapshots, validated};
use crate::upstream::token::testing::{Stage, aside, stage};
use crate::upstream::token::{Failure, Status};

const SECOND: Duration = Duration::from_secs(1);
const DAY: u64 = 86_400;

/// Passport, as far as it concerns tokens.
#[derive(Default)]
struct Passport {
    valid: Mutex<HashSet<String>>,
    lacking: Mutex<HashSet<String>>,
    status: Mutex<Option<StatusCode>>,
    calls: AtomicUsize,
    /// Lets calls of `list_payments` be answered.
    payments: Option<Semaphore>,
}

impl Service<Outbound> for Passport {
    type Error = Refusal;

    async fn call(&self, request: Outbound) -> Result<Response, Refusal> {
        assert!(request.bearer().is_sensitive());
        self.calls.fetch_add(1, Ordering::SeqCst);
        // What was sent meets the tokens of now only after a way: others are sent in the meantime.
        tokio::task::yield_now().await;
        match &self.payments {
            Some(permits) if *request.validated().operation().name == *"list_payments" => {
                permits.acquire().await.unwrap().forget();
            }
            _ => {}
        }
        let token = request.bearer().to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let lacks = lock(&self.lacking).contains(&*request.validated().operation().name);
        let status = match *lock(&self.status) {
            Some(status) => status,
            None if lacks || !lock(&self.valid).contains(token) => StatusCode::UNAUTHORIZED,
            None => StatusCode::OK,
        };
        let mut response = Response::new(Body::from(Bytes::from_static(b"passport's")));
        *response.status_mut() = status;
        Ok(response)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

struct World {
    stage: Stage,
    snapshots: Arc<Snapshots>,
    passport: Arc<Passport>,
    service: Arc<Bearing<Arc<Passport>>>,
}

impl World {
    /// A gateway whose first token, `one`, is there and valid.
    async fn new() -> Self {
        let mut world = Self::waiting();
        world.mint("one").await;
        world
    }

    /// A gateway that has no token yet.
    fn waiting() -> Self {
        Self::with(Passport::default())
    }

    fn with(passport: Passport) -> Self {
        let config = config();
        let clock = SystemClock::shared();
        let stage = stage(&config, &clock);
        let passport = Arc::new(passport);
        let service = Arc::new(TokenLayer::new(Arc::clone(&stage.tokens)).layer(Arc::clone(&passport)));
        Self { stage, snapshots: snapshots(config, clock), passport, service }
    }

    /// Grants a token that Passport takes as the only valid one.
    async fn mint(&mut self, token: &str) {
        let before = self.status().generation;
        let asked = self.stage.script.asked().await;
        *lock(&self.passport.valid) = HashSet::from([token.to_owned()]);
        asked.grant(token, DAY);
        while self.status().generation == before {
            tokio::task::yield_now().await;
        }
    }

    fn status(&self) -> Status {
        self.stage.tokens.statuses().remove(0)
    }

    fn revoke(&self) {
        lock(&self.passport.valid).clear();
    }

    /// Takes an operation's scope from the credential, whatever its token.
    fn deprive(&self, operation: &str) {
        lock(&self.passport.lacking).insert(operation.to_owned());
    }

    fn calls(&self) -> usize {
        self.passport.calls.load(Ordering::SeqCst)
    }

    fn request(&self, operation: &str) -> Validated {
        let arrival = match operation {
            "list_payments" => arrival(Method::GET, "/v1/payments", ""),
            "list_accounts" => arrival(Method::GET, "/v1/accounts", ""),
            "link_account" => arrival(Method::POST, "/v1/accounts/link", "{}"),
            "confirm_breb_payment" => {
                let body = r#"{"id": "7f1f3c5e-1b1a-4d43-9e0c-6f8f0a2b9c11"}"#;
                arrival(Method::POST, "/v1/payments/breb/confirm", body)
            }
            other => panic!("no request for {other}"),
        };
        let request = validated(&self.snapshots, arrival);
        assert_eq!(&*request.operation().name, operation);
        request
    }

    /// A call that goes on by itself.
    fn start(&self, operation: &str) -> JoinHandle<Result<StatusCode, Refusal>> {
        let (service, request) = (Arc::clone(&self.service), self.request(operation));
        aside(async move { service.call(request).await.map(|response| response.status()) })
    }

    async fn call(&self, operation: &str) -> Result<StatusCode, Refusal> {
        self.start(operation).await.unwrap()
    }

    fn scope_missing(&self, operation: &str) -> Result<StatusCode, Refusal> {
        Err(Refusal::UpstreamScopeMissing(self.request(operation).operation().scope.clone()))
    }
}

fn unavailable(answer: &Result<StatusCode, Refusal>) -> bool {
    matches!(answer, Err(Refusal::UpstreamTokenUnavailable(wait)) if *wait >= SECOND && *wait <= SECOND * 5)
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_up_with_its_tenants_bearer() {
    let mut world = World::new().await;

    assert_eq!(world.call("list_payments").await, Ok(StatusCode::OK));

    assert_eq!(world.calls(), 1);
    assert!(world.stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_first_token_and_accounts_for_it() {
    let mut world = World::waiting();
    let request = world.request("list_payments");
    let exchange = request.exchange().clone();
    let service = Arc::clone(&world.service);
    let caller = aside(async move { service.call(request).await.map(|response| response.status()) });

    sleep(SECOND * 2).await;
    world.mint("one").await;

    assert_eq!(caller.await.unwrap(), Ok(StatusCode::OK));
    assert!(exchange.waited() >= SECOND * 2, "{:?}", exchange.waited());
}

#[tokio::test(start_paused = true)]
async fn every_other_status_and_body_passes_untouched() {
    let world = World::new().await;
    for status in [200, 201, 204, 301, 400, 403, 404, 409, 429, 500, 503] {
        let status = StatusCode::from_u16(status).unwrap();
        *lock(&world.passport.status) = Some(status);

        let response = world.service.call(world.request("list_payments")).await.unwrap();

        assert_eq!(response.status(), status);
        assert_eq!(response.body().held().unwrap(), "passport's");
    }
    assert_eq!(world.calls(), 11);
}

#[tokio::test(start_paused = true)]
async fn five_hundred_callers_of_a_revoked_token_cause_one_renewal_and_get_their_answers() {
    let mut world = World::new().await;
    world.revoke();
    let callers: Vec<_> = (0..500).map(|n| world.start(if n % 2 == 0 { "list_payments" } else { "list_accounts" })).collect();
    while world.calls() < 500 {
        tokio::task::yield_now().await;
    }

    world.mint("two").await;

    for caller in callers {
        assert_eq!(caller.await.unwrap(), Ok(StatusCode::OK));
    }
    assert_eq!(world.calls(), 1000);
    assert!(world.stage.script.rests(SECOND * 60).await);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_late_is_replayed_with_the_token_that_is_there() {
    let mut world = World::with(Passport { payments: Some(Semaphore::new(0)), ..Passport::default() });
    world.mint("one").await;
    let late = world.start("list_payments");
    while world.calls() < 1 {
        tokio::task::yield_now().await;
    }
    world.revoke();
    let early = world.start("list_accounts");
    world.mint("two").await;
    assert_eq!(early.await.unwrap(), Ok(StatusCode::OK));
    sleep(SECOND * 6).await;

    world.passport.payments.as_ref().unwrap().add_permits(2);

    assert_eq!(late.await.unwrap(), Ok(StatusCode::OK));
    assert_eq!(world.calls(), 4);
    assert!(world.stage.script.rests(SECOND * 60).await);
}

#[tokio::test(start_paused = true)]
async fn a_missing_scope_causes_one_renewal_per_cool_down_however_many_calls() {
    let mut world = World::new().await;
    world.deprive("list_payments");
    let missing = world.scope_missing("list_payments");
    let callers: Vec<_> = (0..100).map(|_| world.start("list_payments")).collect();
    world.mint("two").await;
    for caller in callers {
        assert_eq!(caller.await.unwrap(), missing);
    }

    for _ in 0..50 {
        assert_eq!(world.call("list_payments").await, missing);
        sleep(SECOND).await;
    }
    assert!(world.stage.script.is_idle());
    assert_eq!(world.status().scope_missing.iter().map(|name| &**name).collect::<Vec<_>>(), ["list_payments"]);

    sleep(SECOND * 10).await;
    let again = world.start("list_payments");
    world.mint("three").await;
    assert_eq!(again.await.unwrap(), missing);
    assert!(world.stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn other_operations_still_renew_at_once_when_the_token_is_really_revoked() {
    let mut world = World::new().await;
    world.deprive("list_payments");
    let deprived = world.start("list_payments");
    world.mint("two").await;
    assert_eq!(deprived.await.unwrap(), world.scope_missing("list_payments"));
    assert_eq!(world.call("list_accounts").await, Ok(StatusCode::OK));

    sleep(SECOND * 5).await;
    world.revoke();
    let other = world.start("list_accounts");
    world.mint("three").await;

    assert_eq!(other.await.unwrap(), Ok(StatusCode::OK));
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_comes_back_is_noticed_by_the_next_call() {
    let mut world = World::new().await;
    world.deprive("list_payments");
    let deprived = world.start("list_payments");
    world.mint("two").await;
    assert_eq!(deprived.await.unwrap(), world.scope_missing("list_payments"));

    lock(&world.passport.lacking).clear();
    assert_eq!(world.call("list_payments").await, Ok(StatusCode::OK));

    sleep(SECOND * 5).await;
    world.revoke();
    let renewed = world.start("list_payments");
    world.mint("three").await;
    assert_eq!(renewed.await.unwrap(), Ok(StatusCode::OK));
}

#[tokio::test(start_paused = true)]
async fn refusals_renew_at_most_once_in_five_seconds() {
    let mut world = World::new().await;
    world.revoke();
    let first = world.start("list_payments");
    world.mint("two").await;
    assert_eq!(first.await.unwrap(), Ok(StatusCode::OK));

    world.revoke();
    let answer = world.call("list_accounts").await;
    assert!(unavailable(&answer), "{answer:?}");
    assert!(world.stage.script.rests(SECOND * 5).await);

    let second = world.start("list_accounts");
    world.mint("three").await;
    assert_eq!(second.await.unwrap(), Ok(StatusCode::OK));
}

#[tokio::test(start_paused = true)]
async fn a_refused_write_is_sent_once_and_the_next_one_has_a_new_token() {
    for operation in ["link_account", "confirm_breb_payment"] {
        let mut world = World::new().await;
        world.revoke();

        let caller = world.start(operation);
        world.mint("two").await;
        let answer = caller.await.unwrap();

        assert!(unavailable(&answer), "{answer:?}");
        assert_eq!(answer.unwrap_err().sent(), Sent::Nothing);
        assert_eq!(world.calls(), 1, "nobody sends it again but its caller");
        assert_eq!(world.call(operation).await, Ok(StatusCode::OK));
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_scope_is_missing_says_so_when_a_fresh_token_is_refused() {
    let mut world = World::new().await;
    world.deprive("confirm_breb_payment");
    let first = world.call("confirm_breb_payment").await;
    assert!(unavailable(&first), "{first:?}");
    world.mint("two").await;

    for calls in 2..50 {
        assert_eq!(world.call("confirm_breb_payment").await, world.scope_missing("confirm_breb_payment"));
        assert_eq!(world.calls(), calls);
        sleep(SECOND).await;
    }

    assert!(world.stage.script.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_told_as_what_it_is() {
    let mut world = World::new().await;
    world.revoke();
    let caller = world.start("list_payments");
    world.stage.script.asked().await.fail(Failure::Unreachable);
    let answer = caller.await.unwrap();
    assert!(unavailable(&answer), "{answer:?}");

    let mut world = World::new().await;
    world.revoke();
    let caller = world.start("list_payments");
    world.stage.script.asked().await.answer(401, "");
    assert_eq!(caller.await.unwrap(), Err(Refusal::UpstreamCredentialRejected));
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_is_known_not_to_be_granted_costs_no_call() {
    let mut world = World::waiting();
    let asked = world.stage.script.asked().await;
    lock(&world.passport.valid).insert("one".to_owned());
    asked.answer(200, r#"{"access_token": "one", "expires_in": 86400, "scope": "paas.core.accounts.* iam.users.get"}"#);
    world.stage.tokens.attempted().await;

    assert_eq!(world.call("list_accounts").await, Ok(StatusCode::OK));
    assert_eq!(world.call("list_payments").await, world.scope_missing("list_payments"));
    assert_eq!(world.calls(), 1);
    assert!(world.stage.script.is_idle());

    sleep(SECOND * 300).await;
    assert_eq!(world.call("list_payments").await, world.scope_missing("list_payments"));
    world.mint("two").await;
    assert_eq!(world.call("list_payments").await, Ok(StatusCode::OK), "the scope was granted in the meantime");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_it_waits_for_a_renewal_does_not_end_it() {
    let mut world = World::new().await;
    world.revoke();
    let leaving = world.start("list_payments");
    let asked = world.stage.script.asked().await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());

    lock(&world.passport.valid).insert("two".to_owned());
    asked.grant("two", DAY);

    assert_eq!(world.call("list_payments").await, Ok(StatusCode::OK));
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_a_token_url_is_not_available() {
    let mut config = config();
    for upstream in &mut config.passport.upstreams {
        upstream.token_url = None;
    }
    let clock = SystemClock::shared();
    let stage = stage(&config, &clock);
    let passport = Arc::new(Passport::default());
    let service = TokenLayer::new(stage.tokens).layer(Arc::clone(&passport));
    let request = validated(&snapshots(config, clock), arrival(Method::GET, "/v1/payments", ""));

    let answer = service.call(request).await;

    assert_eq!(answer.unwrap_err(), Refusal::OperationUnavailable);
    assert_eq!(passport.calls.load(Ordering::SeqCst), 0);
}
