//! Every operation is reached by its own method and path, and by nothing else.

use std::collections::BTreeSet;

use http::StatusCode;
use passport_gateway::clock::ManualClock;
use serde_json::{Value, json};

use crate::support::{LOCAL, Passport, World, arrived, clock};

/// Sends one request and checks what became of it: `public` is what the caller asks for, `up` what reaches Passport.
struct Walk {
    world: World,
    called: BTreeSet<String>,
}

impl Walk {
    /// A call that goes up to the path it came for.
    async fn same(&mut self, operation: &str, request: &str, body: Option<Value>) -> Value {
        self.call(operation, request, request, body).await
    }

    async fn call(&mut self, operation: &str, public: &str, up: &str, body: Option<Value>) -> Value {
        let (method, target) = public.split_once(' ').unwrap();
        let counted = format!(r#"passport_gateway_request_duration_seconds_count{{operation="{operation}"}}"#);
        let before = self.world.metric(&counted).await;
        self.world.passport.clear_requests();

        let body = body.map(|body| body.to_string());
        let mut client = self.world.client().await;
        let answer = client.request(method, target, body.as_deref()).await;

        assert!(answer.status.is_success(), "{operation}: {} {}", answer.status, answer.text());
        let arrived = self.world.sent_up();
        assert_eq!(format!("{} {}", arrived.method, arrived.path), up, "{operation}");
        assert_eq!(arrived.bearer, "valid", "{operation}");
        assert!(self.world.metric_after(&mut client, &counted).await > before, "{operation} is the label of {public}");
        self.called.insert(operation.to_owned());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// The id of the first record of a list.
    async fn first(&mut self, operation: &str, list: &str, path: &str) -> String {
        let answer = self.same(operation, &format!("GET {path}"), None).await;
        text(&answer[list][0]["id"])
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn customer() -> Value {
    json!({
        "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
        "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567",
    })
}

async fn customers(walk: &mut Walk) -> String {
    let id = walk.first("list_customers", "customers", "/v1/customers").await;
    walk.same("get_customer", &format!("GET /v1/customers/{id}"), None).await;
    walk.call("create_customer", "POST /v1/customers", "POST /v1/paas/entities/customers", Some(customer())).await;
    walk.same("create_customer", "POST /v1/paas/entities/customers", Some(other_customer("901234568"))).await;
    let mut merchant = other_customer("901234569");
    merchant["merchant_category_code"] = json!("5411");
    merchant["address"] =
        json!({"line_1": "Calle 1 2-3", "city": "Cali", "state": "Valle", "post_code": "760001", "country": "CO"});
    walk.same("link_merchant", "POST /v1/customers/business/link", Some(merchant)).await;
    id
}

fn other_customer(number: &str) -> Value {
    let mut other = customer();
    other["identification_number"] = json!(number);
    other["email"] = json!(format!("{number}@example.com"));
    other
}

async fn accounts(walk: &mut Walk, customer: &str) -> String {
    let id = walk.first("list_accounts", "accounts", "/v1/accounts").await;
    walk.same("get_account", &format!("GET /v1/accounts/{id}"), None).await;
    walk.same("link_account", "POST /v1/accounts/link", Some(json!({"customer_id": customer, "account_type": "ORDINARY"}))).await;
    id
}

async fn keys(walk: &mut Walk, customer: &str, account: &str) -> (String, String) {
    let id = walk.first("list_keys", "keys", "/v1/keys").await;
    walk.same("get_key", &format!("GET /v1/keys/{id}"), None).await;
    let key = json!({"account_id": account, "key": {"key_type": "ALPHA", "key_value": "@andina2026"}});
    let made = text(&walk.same("create_key", "POST /v1/keys", Some(key)).await["id"]);
    walk.same("suspend_key", &format!("PATCH /v1/keys/{made}/suspend"), None).await;
    walk.same("activate_key", &format!("PATCH /v1/keys/{made}/activate"), None).await;
    walk.same("delete_key", &format!("DELETE /v1/keys/{made}"), None).await;
    let asked = json!({"customer_id": customer, "key": {"key_type": "ALPHA", "key_value": "@almacen01"}});
    let resolved = walk.same("resolve_key", "POST /v1/key-resolution", Some(asked)).await;
    let resolution = resolved.get("resolution_id").or_else(|| resolved.get("id")).map(text);
    (id, resolution.unwrap_or_else(|| panic!("{resolved}")))
}

async fn recipients(walk: &mut Walk, customer: &str) -> String {
    let id = walk.first("list_recipients", "recipients", "/v1/recipients").await;
    walk.same("get_recipient", &format!("GET /v1/recipients/breb/{id}"), None).await;
    let recipient = json!({"customer_id": customer, "key": {"key_type": "ALPHA", "key_value": "@almacen01"}});
    walk.same("create_recipient", "POST /v1/recipients/breb", Some(recipient)).await;
    id
}

async fn payments(walk: &mut Walk, account: &str, resolution: &str, recipient: &str) {
    let id = walk.first("list_payments", "payments", "/v1/payments").await;
    walk.same("get_payment", &format!("GET /v1/payments/{id}"), None).await;
    let amount = json!({"value": "1500.50", "currency": "COP"});
    let payment = json!({"account_id": account, "resolution_id": resolution, "amount": amount});
    let made = text(&walk.same("create_breb_payment", "POST /v1/payments/breb", Some(payment)).await["id"]);
    walk.same("confirm_breb_payment", "POST /v1/payments/breb/confirm", Some(json!({"id": made}))).await;
    let payment = json!({"account_id": account, "recipient_id": recipient, "amount": amount, "description": "nómina"});
    walk.same("create_ach_payment", "POST /v1/payments/ach", Some(payment)).await;
}

async fn qr_codes(walk: &mut Walk, customer: &str, key: &str) {
    let code = json!({
        "key_id": key, "customer_id": customer, "type": "STATIC", "channel": "POS",
        "additional_info": {"transaction_purpose": "00"},
    });
    let made = walk.same("create_qr_code", "POST /v1/qrcodes", Some(code)).await;
    let id = walk.first("list_qr_codes", "qr_codes", "/v1/qrcodes").await;
    walk.same("get_qr_code", &format!("GET /v1/qrcodes/{id}"), None).await;
    let data = json!({"qr_code_data": made["qr_code_data"]});
    walk.same("decode_qr_code", "POST /v1/qrcodes/decode", Some(data)).await;
    walk.same("delete_qr_code", &format!("DELETE /v1/qrcodes/{id}"), None).await;
}

/// The operations that interface.md promises.
const OPERATIONS: &str = "list_customers get_customer create_customer link_merchant list_accounts get_account link_account \
    list_payments get_payment create_breb_payment confirm_breb_payment create_ach_payment list_keys get_key create_key \
    suspend_key activate_key delete_key resolve_key list_recipients get_recipient create_recipient list_qr_codes get_qr_code \
    create_qr_code delete_qr_code decode_qr_code";

#[tokio::test]
async fn every_operation_reaches_its_own_path() {
    let mut walk = Walk { world: World::new().await, called: BTreeSet::new() };

    let customer = customers(&mut walk).await;
    let account = accounts(&mut walk, &customer).await;
    let (key, resolution) = keys(&mut walk, &customer, &account).await;
    let recipient = recipients(&mut walk, &customer).await;
    payments(&mut walk, &account, &resolution, &recipient).await;
    qr_codes(&mut walk, &customer, &key).await;

    let promised: BTreeSet<String> = OPERATIONS.split_whitespace().map(str::to_owned).collect();
    assert_eq!(walk.called, promised);
}

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

#[tokio::test]
async fn a_path_that_is_no_operation_is_unknown() {
    let world = World::new().await;

    for path in ["/", "/v1", "/v2/accounts", "/v1/webhooks", "/v1/accounts/1/2", "/V1/accounts", "/v1/Accounts", "/metrics"] {
        let answer = world.get(path).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::NOT_FOUND, "unknown-operation"), "{path}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn another_method_is_told_which_would_do() {
    let world = World::new().await;

    for (method, path, allow) in [
        ("DELETE", "/v1/accounts", "GET, HEAD"),
        ("PUT", "/v1/customers", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/customers", "GET, HEAD, POST"),
        ("GET", "/v1/payments/breb", "POST"),
        ("TRACE", "/v1/accounts", "GET, HEAD"),
        ("BREW", "/v1/accounts", "GET, HEAD"),
        ("POST", "/v1/keys/00000000-0000-4000-8000-000000000000/suspend", "PATCH"),
    ] {
        let answer = world.client().await.request(method, path, None).await;

        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!((answer.problem().as_str(), answer.field("allow")), ("method-not-allowed", allow), "{method} {path}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn asking_for_all_of_the_server_is_malformed() {
    let world = World::new().await;

    let answer = world.raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.problem(), "malformed-request");
}

#[tokio::test]
async fn a_tunnel_is_refused() {
    let world = World::new().await;

    let answer = world.raw("CONNECT passport.example:443 HTTP/1.1\r\nHost: passport.example:443\r\n\r\n").await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.problem(), "malformed-request");
}

#[tokio::test]
async fn tokens_of_passport_are_nobodys_to_make_or_read() {
    let world = World::new().await;
    world.get("/v1/accounts").await;
    world.passport.clear_requests();

    for (method, path) in [
        ("POST", "/v1/iam/oauth/tokens"),
        ("GET", "/v1/iam/oauth/tokens"),
        ("GET", "/v1/iam/oauth/tokens/1"),
        ("DELETE", "/v1/iam/oauth/tokens/1"),
        ("GET", "/v1/iam"),
        ("GET", "/v1/iam/users"),
        ("GET", "/v1/%69am/oauth/tokens"),
        ("GET", "/v1/accounts/../iam/oauth/tokens"),
        ("GET", "/v1/accounts/..%2fiam/oauth/tokens"),
        ("GET", "/v1/accounts/%2e%2e/iam/oauth/tokens"),
        ("GET", "//v1/iam/oauth/tokens"),
        ("GET", "/v1/./iam/oauth/tokens"),
    ] {
        let answer = world.client().await.request(method, path, None).await;

        assert!(matches!(answer.status.as_u16(), 400 | 404), "{method} {path}: {}", answer.status);
        assert!(!answer.problem().is_empty(), "{method} {path}");
    }
    assert!(world.passport.requests().is_empty());
}

#[tokio::test]
async fn a_path_that_two_servers_could_read_differently_reaches_nobody() {
    let world = World::new().await;
    let id = "6c23f053-0e1a-46b4-b902-97ba47e351bc";

    for path in [
        "/v1/accounts/".to_owned(),
        "//v1/accounts".to_owned(),
        "/v1//accounts".to_owned(),
        "/v1/./accounts".to_owned(),
        "/v1/customers/../accounts".to_owned(),
        "/v1/customers/%2e%2e/accounts".to_owned(),
        "/v1/customers/%2E%2E/accounts".to_owned(),
        "/v1/customers/.%2e/accounts".to_owned(),
        "/v1/%61ccounts".to_owned(),
        "/v1%2faccounts".to_owned(),
        "/v1/accounts%2f".to_owned(),
        format!("/v1/accounts%2F{id}"),
        format!("/v1/accounts/{id}%2F..%2F..%2Fpayments"),
        format!("/v1/accounts/{id}%252F"),
        "/v1/accounts%5c".to_owned(),
        "/v1\\accounts".to_owned(),
        "/v1/accounts;a=b".to_owned(),
        format!("/v1/accounts/{id};v=1"),
        format!("/v1/accounts/{id}%3bv=1"),
        "/v1/accounts%00".to_owned(),
        format!("/v1/accounts/{id}%00"),
        format!("/v1/accounts/{id}%0d%0aX-Injected:%201"),
        format!("/v1/accounts/{id}%3fstatus=1"),
        format!("/v1/accounts/{id}%23"),
        format!("/v1/accounts/{id}%"),
        format!("/v1/accounts/{id}%zz"),
        format!("/v1/accounts/{id}%c3%a9"),
        format!("/v1/accounts/{id}%20"),
        format!("/v1/accounts/{id}@evil.example"),
        format!("/v1/accounts/{id}:80"),
        "/v1/accounts/.".to_owned(),
        "/v1/accounts/..".to_owned(),
        "/v1/accounts/%2e".to_owned(),
        format!("/v1/accounts/{}", "a".repeat(4000)),
    ] {
        let answer = world.get(&path).await;

        assert!(matches!(answer.status.as_u16(), 400 | 404), "{path}: {}", answer.status);
        assert!(matches!(answer.problem().as_str(), "malformed-request" | "unknown-operation"), "{path}");
    }
    assert!(world.arrived().is_empty(), "{:?}", world.arrived());
}

#[tokio::test]
async fn bytes_that_no_target_may_hold_reach_nobody() {
    let world = World::new().await;

    for path in [&b"/v1/accounts\0"[..], b"/v1/acc\x01ounts", b"/v1/accounts\x7f", b"/v1/accounts/\xc3\xa9"] {
        let request = [b"GET ", path, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat();
        let answer = world.raw(request).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path:?}");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn a_fragment_is_no_part_of_a_target() {
    let world = World::new().await;

    let answer = world.get("/v1/accounts?status=ACTIVE#/v1/payments").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let up = world.sent_up();
    assert_eq!((up.path.as_str(), up.query.as_deref()), ("/v1/accounts", Some("status=ACTIVE")));
}

#[tokio::test]
async fn an_encoded_letter_in_a_parameter_is_the_letter() {
    let world = World::new().await;
    let listed = world.get("/v1/accounts").await.json();
    let id = text(&listed["accounts"][0]["id"]);
    world.passport.clear_requests();
    let spelled = format!("%{:02X}{}", id.as_bytes()[0], &id[1..]);

    let answer = world.get(&format!("/v1/accounts/{spelled}")).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(world.sent_up().path, format!("/v1/accounts/{id}"));
}

#[tokio::test]
async fn an_operation_that_is_switched_off_is_unavailable() {
    let world = World::with(&format!("operations.list_accounts.enabled = false\n{LOCAL}")).await;

    let answer = world.get("/v1/accounts").await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.problem(), "operation-unavailable");
    assert!(world.arrived().is_empty());
}
