//! A Passport double of another making, which shares no habit with the sandbox: nothing may depend on the sandbox's own quirks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::until::until;
use crate::support::{LOCAL, World};

/// HTTP/1.0 and a new connection for each request, odd spellings, other shapes.
struct Double {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct State {
    issued: usize,
    /// Tokens up to this one are no longer good.
    revoked: usize,
    /// A path that refuses every token.
    forbidden: &'static str,
    customers: Vec<String>,
    log: Vec<String>,
}

impl Double {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let (mut serving, shared) = (JoinSet::new(), Arc::clone(&state));
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(BufReader::new(stream), Arc::clone(&shared)));
            }
        });
        Self { address, state, _serving: serving }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn asked(&self, line: &str) -> usize {
        self.state().log.iter().filter(|logged| logged.as_str() == line).count()
    }

    async fn world(&self, lines: &str) -> World {
        World::with(&format!("passport.base_url = \"http://{}\"\n{lines}", self.address)).await
    }
}

async fn serve(mut stream: BufReader<TcpStream>, state: Arc<Mutex<State>>) {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).await.is_ok_and(|read| read > 0) {}
    if let Some(at) = head.to_lowercase().find("content-length:") {
        length = head[at + 15..].lines().next().unwrap().trim().parse().unwrap();
    }
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_ok() {
        let (status, body) = state.lock().unwrap().answer(&head, &String::from_utf8(body).unwrap());
        let odd = "coNTent-tyPE:   Application/JSON ; charset=UTF-8\r\nDATE: Thu, 01 Jan 2026 00:00:00 GMT\r\nx_odd:\r\n";
        let _ = stream.get_mut().write_all(format!("HTTP/1.0 {status}\r\n{odd}Connection: close\r\n\r\n{body}").as_bytes()).await;
        let _ = stream.get_mut().shutdown().await;
    }
}

impl State {
    fn answer(&mut self, head: &str, body: &str) -> (&'static str, String) {
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        self.log.push(line.clone());
        let bearer = head.lines().find_map(|field| field.strip_prefix("authorization: Bearer T0ken~"));
        match line.as_str() {
            "POST /v1/iam/oauth/tokens" if !Self::knows(head, body) => ("401 Nope", "<h1>who are you?</h1>".to_owned()),
            "POST /v1/iam/oauth/tokens" => {
                self.issued += 1;
                (
                    "201 Made",
                    format!("\n{{\"extra\":[{{}}],\"scope\":\"all of it\",\"access_token\" : \"T0ken~{}\"}}\n", self.issued),
                )
            }
            line if line.ends_with(self.forbidden) && !self.forbidden.is_empty() => ("401 Nope", String::new()),
            _ if bearer.is_none_or(|number| number.parse::<usize>().unwrap() <= self.revoked) => ("401 Nope", "no".to_owned()),
            "GET /v1/customers" if self.customers.is_empty() => ("404 None", String::new()),
            "GET /v1/customers" => ("200 Fine", format!("[{}]", self.customers.join(","))),
            "POST /v1/paas/entities/customers" => {
                self.customers.push(body.to_owned());
                ("201 Made", r#""made""#.to_owned())
            }
            _ => ("422 Odd", "{'not': json}".to_owned()),
        }
    }

    /// The one client, by any of the three styles.
    fn knows(head: &str, body: &str) -> bool {
        let fields = head.to_lowercase();
        let json = fields.contains("content-type: application/json") && body.contains(r#""client_secret":"sandbox-secret""#);
        let form = fields.contains("x-www-form-urlencoded") && body.contains("client_secret=sandbox-secret");
        let basic = head.contains("authorization: Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ=") && !body.contains("secret");
        let basic =
            basic || (head.contains("authorization: Basic ") && head.contains("c2FuZGJveCUyRGNsaWVudDpzYW5kYm94JTJEc2VjcmV0"));
        body.contains("client_credentials") && (json || form || basic)
    }
}

const CUSTOMER: &str = r#"{
    "type": "BUSINESS", "business_name": "Panadería Andina SAS", "email": "hola@example.com",
    "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": "901234567"
}"#;

#[tokio::test]
async fn a_list_is_fetched_then_served_from_memory_until_a_customer_is_created() {
    let double = Double::start().await;
    let world = double.world(LOCAL).await;
    let mut client = world.client().await;

    let created = client.post("/v1/customers", CUSTOMER).await;
    let miss = client.get("/v1/customers").await;
    let hit = client.get("/v1/customers").await;
    client.post("/v1/customers", CUSTOMER).await;
    let fresh = client.get("/v1/customers").await;

    assert_eq!((created.status, created.text().as_str()), (StatusCode::CREATED, r#""made""#));
    assert_eq!((miss.text(), hit.text()), (format!("[{CUSTOMER}]"), format!("[{CUSTOMER}]")));
    assert!(hit.field("cache-status").contains("hit"), "{}", hit.field("cache-status"));
    assert_eq!(fresh.text(), format!("[{CUSTOMER},{CUSTOMER}]"));
    assert_eq!(double.asked("GET /v1/customers"), 2);
}

#[tokio::test]
async fn its_answers_are_unchanged_however_odd() {
    let double = Double::start().await;
    let world = double.world(LOCAL).await;
    let mut client = world.client().await;

    for target in ["/v1/accounts", "/v1/payments", "/v1/payments/5a0d8c1e-0000-4000-8000-000000000001"] {
        let odd = client.get(target).await;
        assert_eq!((odd.status, odd.text().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "{'not': json}"), "{target}");
        assert_eq!(odd.field("content-type"), "Application/JSON ; charset=UTF-8");
    }
}

#[tokio::test]
async fn an_empty_list_is_its_404_and_is_stored() {
    let double = Double::start().await;
    let world = double.world(LOCAL).await;

    for _ in 0..2 {
        let none = world.get("/v1/customers").await;
        assert_eq!((none.status, none.body.len(), none.problem().as_str()), (StatusCode::NOT_FOUND, 0, ""));
    }
    assert_eq!(double.asked("GET /v1/customers"), 1);
}

#[tokio::test]
async fn a_token_without_a_life_is_renewed_within_the_hour() {
    let double = Double::start().await;
    let world = double.world(LOCAL).await;
    world.get("/v1/accounts").await;
    assert_eq!(double.state().issued, 1);

    world.clock.advance(Duration::from_mins(31));
    until("the token is renewed", async || double.state().issued == 2).await;
    until("it is there", async || world.admin("/status").await.json()["credentials"][0]["token"]["age_seconds"] == 0).await;
    double.state().revoked = 1;

    let answer = world.get("/v1/accounts").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text());
    assert_eq!(double.state().issued, 2);
}

#[tokio::test]
async fn its_401_renews_a_token_and_the_caller_does_not_notice() {
    let double = Double::start().await;
    let world = double.world(LOCAL).await;
    let mut client = world.client().await.with("Cache-Control: no-store");
    client.post("/v1/customers", CUSTOMER).await;

    double.state().revoked = 1;
    let read = client.get("/v1/customers").await;

    assert_eq!((read.status, double.state().issued), (StatusCode::OK, 2));
}

#[tokio::test]
async fn its_401_for_one_operation_alone_is_a_missing_scope() {
    let double = Double::start().await;
    double.state().forbidden = "/v1/accounts";
    let world = double.world(LOCAL).await;
    let mut client = world.client().await;

    for _ in 0..10 {
        let missing = client.get("/v1/accounts").await;
        assert_eq!((missing.status, missing.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-scope-missing"));
        assert_eq!(client.get("/v1/customers").await.status, StatusCode::NOT_FOUND);
    }
    assert!(double.state().issued <= 2, "{}", double.state().issued);
}

#[tokio::test]
async fn it_may_want_its_clients_to_ask_in_any_style() {
    for style in ["json", "form", "basic"] {
        let double = Double::start().await;
        let world = double.world(&format!("{LOCAL}token_request = \"{style}\"\n")).await;

        let answer = world.get("/v1/customers").await;

        assert_eq!((answer.status, double.state().issued), (StatusCode::NOT_FOUND, 1), "{style}: {}", answer.text());
    }
}

#[tokio::test]
async fn its_refusal_of_a_client_is_told_and_is_not_asked_for_again() {
    let double = Double::start().await;
    let world = double.world(&LOCAL.replace("sandbox-secret", "other")).await;

    for _ in 0..10 {
        let refused = world.get("/v1/customers").await;
        assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::BAD_GATEWAY, "upstream-credential-rejected"));
    }
    assert_eq!(double.asked("POST /v1/iam/oauth/tokens"), 1);
}
