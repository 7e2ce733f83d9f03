//! Which of Passport's hosts an operation goes to.

use http::StatusCode;
use passport_gateway::clock::ManualClock;

use super::{customer, other_customer, text};
use crate::support::{LOCAL, Passport, World, arrived, clock};

/// A gateway whose three upstreams are three hosts.
struct Hosts {
    world: World,
    paas: Passport,
    paas_dash: Passport,
    legacy: Passport,
}

impl Hosts {
    /// With a token endpoint for each host.
    async fn new() -> Self {
        let own = |host: &Passport| {
            let base = format!("http://{}", host.address);
            format!(r#"{{ url = "{base}", token_url = "{base}/v1/iam/oauth/tokens" }}"#)
        };
        Self::with(own, String::new()).await
    }

    async fn with(place: impl Fn(&Passport) -> String, lines: String) -> Self {
        let clock: ManualClock = clock();
        let (paas, paas_dash, legacy) =
            (Passport::start(&clock).await, Passport::start(&clock).await, Passport::start(&clock).await);
        let upstreams = [("paas", &paas), ("paas_dash", &paas_dash), ("legacy", &legacy)];
        let upstreams = upstreams.map(|(name, host)| format!("passport.upstreams.{name} = {}\n", place(host))).concat();
        let world = World::at(clock, &format!("{upstreams}{lines}{LOCAL}")).await;
        Self { world, paas, paas_dash, legacy }
    }

    /// What arrived at `paas`, `paas_dash` and `legacy`.
    fn arrived(&self) -> [Vec<String>; 3] {
        [&self.paas, &self.paas_dash, &self.legacy].map(|host| {
            let requests = arrived(&host.control).into_iter();
            requests.map(|request| format!("{} {}", request.method, request.path)).collect()
        })
    }
}

#[tokio::test]
async fn each_core_route_goes_to_its_own_host() {
    let hosts = Hosts::new().await;
    let world = &hosts.world;

    let listed = world.get("/v1/customers").await.json();
    let id = text(&listed["customers"][0]["id"]);
    let answers = [
        world.get(&format!("/v1/customers/{id}")).await,
        world.get("/v1/accounts").await,
        world.get("/v1/payments").await,
        world.post("/v1/customers", &customer().to_string()).await,
        world.post("/v1/paas/entities/customers", &other_customer("901234568").to_string()).await,
    ];

    for answer in answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    let [paas, paas_dash, legacy] = hosts.arrived();
    assert_eq!(paas, ["GET /v1/customers".to_owned(), format!("GET /v1/customers/{id}"), "GET /v1/accounts".to_owned()]);
    assert_eq!(paas_dash, ["GET /v1/payments"]);
    assert_eq!(legacy, ["POST /v1/paas/entities/customers"; 2]);
    assert!(arrived(&world.passport).is_empty(), "the base URL gives way to each upstream's own");
}

#[tokio::test]
async fn each_host_is_called_by_its_own_name() {
    let hosts = Hosts::new().await;

    hosts.world.get("/v1/payments").await;

    let request = arrived(&hosts.paas_dash.control).remove(0);
    assert_eq!(request.headers["host"], hosts.paas_dash.address.to_string());
}

#[tokio::test]
async fn one_token_url_serves_all_hosts() {
    let clock = clock();
    let mint = Passport::start(&clock).await;
    let place = |host: &Passport| format!(r#""http://{}""#, host.address);
    let lines = format!("passport.token_url = \"http://{}/v1/iam/oauth/tokens\"\n", mint.address);
    let hosts = Hosts::with(place, lines).await;

    // The other sandboxes do not know the token and refuse it; where the calls went is all that is asked here.
    for path in ["/v1/accounts", "/v1/payments"] {
        hosts.world.get(path).await;
    }

    let [paas, paas_dash, _] = hosts.arrived();
    assert!(paas.contains(&"GET /v1/accounts".to_owned()) && paas_dash.contains(&"GET /v1/payments".to_owned()));
    assert!(mint.control.counters()["POST /v1/iam/oauth/tokens"].requests > 0);
    assert!(arrived(&mint.control).is_empty());
    for host in [&hosts.paas, &hosts.paas_dash, &hosts.legacy] {
        assert!(!host.control.counters().contains_key("POST /v1/iam/oauth/tokens"));
    }
}
