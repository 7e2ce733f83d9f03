//! The controls over HTTP, and what they show.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::sandbox::control::http::answer;
use crate::sandbox::{Connections, Fault, Kind, SCENARIOS};

impl House {
    async fn control(&mut self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.request(method, &format!("/_sandbox/{path}"), None, &body).await.unwrap()
    }
}

#[tokio::test]
async fn faults_are_injected_listed_and_cleared() {
    let mut house = House::open().await;
    let wanted = json!({"on": "GET /v1/accounts", "fault": "rate_limited", "retry_after": 2});

    let id = house.control("POST", "faults", wanted).await.json()["id"].clone();
    let listed = house.control("GET", "faults", Value::Null).await.json();
    let limited = house.get("/v1/accounts").await.status;
    let cleared = house.control("DELETE", &format!("faults/{id}"), Value::Null).await.status;
    let again = house.control("DELETE", &format!("faults/{id}"), Value::Null).await.status;

    assert_eq!(listed["faults"][0]["fault"], "rate_limited");
    assert_eq!([limited.as_u16(), cleared.as_u16(), again.as_u16()], [429, 200, 404]);
    assert_eq!(house.get("/v1/accounts").await.status, 200);
}

#[tokio::test]
async fn a_mistaken_control_says_what_is_wrong() {
    let mut house = House::open().await;
    for (method, path, body, said) in [
        ("POST", "faults", json!({"on": "all", "fault": "hang", "time": 1}), "unknown field `time`"),
        ("POST", "faults", json!({"on": "GET /v1/payment", "fault": "hang"}), "is no operation"),
        ("POST", "scenarios/earthquake", Value::Null, "no scenario"),
        ("PATCH", "clients/nobody", json!({"scopes": []}), "no client"),
        ("PATCH", "clients/sandbox-client", json!({"scopes": ["*"]}), "would grant everything"),
        ("POST", "receive", json!({"account_id": "a", "amount": "1"}), "no such account"),
        ("POST", "advance", json!({"minutes": 1}), "unknown field"),
        ("POST", "dance", Value::Null, "no such control"),
    ] {
        let answer = house.control(method, path, body).await;
        assert!(answer.status.is_client_error(), "{path}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(said), "{path}: {error}");
    }
}

#[tokio::test]
async fn every_scenario_can_be_played() {
    for scenario in SCENARIOS {
        let mut house = House::open().await;

        assert_eq!(house.control("POST", &format!("scenarios/{}", scenario.name), Value::Null).await.status, 200);

        assert_eq!(house.control.faults().len(), (scenario.faults)().len());
    }
}

#[tokio::test]
async fn a_token_outage_leaves_issued_tokens_good() {
    let mut house = House::open().await;
    house.control.play("token-outage").unwrap();

    let refused = house.post("/v1/iam/oauth/tokens", json!({})).await;

    assert_eq!((refused.status.as_u16(), house.get("/v1/accounts").await.status.as_u16()), (503, 200));
}

#[tokio::test]
async fn the_log_shows_what_arrived_but_no_secret() {
    let mut house = House::open().await;
    house.post("/v1/customers?a=b", json!({"type": "X"})).await;

    let requests = house.control("GET", "requests", Value::Null).await;

    let text = String::from_utf8(requests.bytes.to_vec()).unwrap();
    assert!(!text.contains("sandbox-secret") && !text.contains(&house.token), "{text}");
    let last = &requests.json()["requests"][1];
    assert_eq!(
        (last["route"].clone(), last["query"].clone(), last["status"].clone()),
        (json!("POST /v1/customers"), json!("a=b"), json!(400))
    );
    assert_eq!(
        (last["body"].clone(), last["bearer"].clone(), last["client_id"].clone()),
        (json!(r#"{"type":"X"}"#), json!("valid"), json!("sandbox-client"))
    );
    assert!(last["header_names"].as_array().unwrap().contains(&json!("authorization")));
}

#[tokio::test]
async fn counters_tell_requests_tokens_and_statuses() {
    let mut house = House::open().await;
    house.get("/v1/accounts").await;
    house.token = house.mint().await;
    house.get("/v1/accounts").await;
    house.get("/v1/accounts?page_params.page_size=0").await;

    let counters = house.control("GET", "counters", Value::Null).await.json();

    let accounts = &counters["GET /v1/accounts"];
    assert_eq!((accounts["requests"].clone(), accounts["distinct_tokens"].clone()), (json!(3), json!(2)));
    assert_eq!(accounts["statuses"], json!({"200": 2, "400": 1}));
}

#[tokio::test]
async fn a_reset_restores_the_seeded_state() {
    let mut house = House::open().await;
    let before = house.record("/v1/customers").await;
    let token = house.token.clone();
    house.control.clear(&Client::demo().account_id);
    house.control.play("outage").unwrap();
    house.control.set_scopes("sandbox-client", &[]).unwrap();
    house.control("POST", "advance", json!({"seconds": 90_000})).await;

    assert_eq!(house.control("POST", "reset", Value::Null).await.status, 200);

    assert_eq!(house.mint().await, token);
    assert_eq!(house.record("/v1/customers").await["customers"], before["customers"]);
    assert!(house.control.faults().is_empty());
}

#[tokio::test]
async fn a_reset_can_leave_tokens_good() {
    let mut house = House::open().await;
    house.control("POST", "reset", json!({"keep_tokens": true})).await;
    assert_eq!(house.get("/v1/accounts").await.status, 200);
}

#[tokio::test]
async fn more_records_can_be_seeded_and_time_moved_ahead() {
    let mut house = House::open().await;
    let entity = Client::demo().account_id;

    house.control("POST", "seed", json!({"account_id": entity, "customers": 30})).await;
    house.control("POST", "advance", json!({"seconds": 86_399})).await;

    assert_eq!(house.record("/v1/customers").await["pagination_info"]["total_elements"], 42);
    house.control("POST", "advance", json!({"seconds": 1})).await;
    assert_eq!(house.get("/v1/customers").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_told_to_stop_ends_though_a_request_hangs() {
    let sandbox = Sandbox::bind(Options::default()).await.unwrap();
    let (address, control) = (sandbox.address(), sandbox.control());
    control.inject(Fault::new("all", Kind::Stalled)).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(sandbox.serve(stop.clone().cancelled_owned()));
    let mut stalled = TcpStream::connect(address).await.unwrap();
    stalled.write_all(b"GET /v1/accounts HTTP/1.1\r\nHost: s\r\n\r\n").await.unwrap();
    // The answer has begun, so the request is under way.
    stalled.read_u8().await.unwrap();
    assert_eq!(control.connections(), Connections { accepted: 1, open: 1 });

    stop.cancel();

    tasks.join_next().await.unwrap().unwrap();
    assert_eq!(control.connections(), Connections { accepted: 1, open: 0 });
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_controls_answer_this_machine_only() {
    let house = House::open().await;
    let (parts, ()) = Request::get("/_sandbox/").body(()).unwrap().into_parts();
    for (peer, status) in
        [("127.0.0.1:1", 200), ("[::1]:1", 200), ("[::ffff:127.0.0.1]:1", 200), ("192.0.2.1:1", 403), ("[2001:db8::1]:1", 403)]
    {
        assert_eq!(answer(&house.control, peer.parse().unwrap(), &parts, Ok(Bytes::new())).status, status, "{peer}");
    }
}

#[tokio::test]
async fn the_overview_names_every_control_fault_and_scenario() {
    let mut house = House::open().await;

    let overview = house.control("GET", "", Value::Null).await.json();

    for (table, names) in [
        ("controls", crate::sandbox::CONTROLS.iter().map(|(name, _)| *name).collect::<Vec<_>>()),
        ("faults", crate::sandbox::FAULTS.iter().map(|(name, _)| *name).collect()),
        ("scenarios", SCENARIOS.iter().map(|scenario| scenario.name).collect()),
    ] {
        assert_eq!(overview[table].as_object().unwrap().len(), names.len());
        assert!(names.iter().all(|name| overview[table][name].is_string()));
    }
}

#[tokio::test]
async fn every_control_of_the_table_exists() {
    let mut house = House::open().await;
    for (label, _) in crate::sandbox::CONTROLS {
        let (method, path) = label.split_once(' ').unwrap();
        let path = path.trim_start_matches("/_sandbox/").replace("{id}", "1").replace("{name}", "slow");

        let answer = house.control(method, &path, Value::Null).await;

        let unknown = answer.json()["error"].as_str().is_some_and(|error| error.contains("no such control"));
        assert!(!unknown || path == "faults/1", "{label}");
    }
}
