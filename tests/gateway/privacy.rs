//! Nothing personal and nothing secret is ever written or told, whatever the path a request takes, at the loudest log level.

use std::net::SocketAddr;

use passport_gateway::identity::new_key;
use passport_gateway::sandbox::{Control, Fault, Kind};
use passport_gateway::secret::Secret;
use serde_json::{Value, json};

use crate::support::issuer::{Issuer, claims, with};
use crate::support::process::Process;
use crate::support::signer::Signer;
use crate::support::{Answer, Client, Passport, clock};

/// What is planted: people, their numbers, and secrets. Each is unlike anything else that could be written.
const PERSON: &str = "Zoraida Quiñonez";
const PERSON_ENCODED: &str = "Zoraida%20Qui%C3%B1onez";
const IDENTIFICATION: &str = "987604321";
const PHONE: &str = "573987604321";
const MAIL: &str = "zoraida@quinonez.example";
const MAIL_ENCODED: &str = "zoraida%40quinonez.example";
const RECORD: &str = "0dd5eed0-1234-4abc-8def-00facade0001";
const CLIENT_SECRET: &str = "planted-client-secret-5a1ad";
const COOKIE: &str = "planted-cookie-c00k1e";
const TOKEN: &str = "planted-bearer-70cec";

/// In any of the spellings in which they could leak.
const PLANTED: [&str; 14] = [
    "Zoraida",
    "zoraida",
    "Quiñonez",
    "Qui\\u00f1onez",
    "onez",
    IDENTIFICATION,
    PHONE,
    "quinonez.example",
    RECORD,
    CLIENT_SECRET,
    COOKIE,
    TOKEN,
    "facade0001",
    "planted",
];

/// The program before a sandbox, and everyone who may call it.
struct Scene {
    process: Process,
    passport: Passport,
    signer: Signer,
    key: String,
    _issuer: Issuer,
}

impl Scene {
    async fn new() -> Self {
        Self::with_lines("", |_| {}).await
    }

    /// One that soon gives up waiting.
    async fn impatient() -> Self {
        let lines = "server.body_timeout = \"100ms\"\npassport.timeout = \"300ms\"\npassport.stream_timeout = \"300ms\"";
        Self::with_lines(lines, |_| {}).await
    }

    /// Before a Passport that was prepared in some way.
    async fn before(prepare: impl FnOnce(&Control)) -> Self {
        Self::with_lines("", prepare).await
    }

    async fn with_lines(lines: &str, prepare: impl FnOnce(&Control)) -> Self {
        let passport = Passport::start(&clock()).await;
        passport.control.set_secret("sandbox-client", Secret::new(CLIENT_SECRET.to_owned())).unwrap();
        prepare(&passport.control);
        let signer = Signer::ed("ed");
        let issuer = Issuer::of(&[&signer]).await;
        let (key, sha256) = new_key();
        let config = configuration(passport.address, &issuer, &sha256, lines);
        let process = Process::run_with(&config, &[("PLANTED_SECRET", CLIENT_SECRET)]).await;
        Self { process, passport, signer, key, _issuer: issuer }
    }

    /// A connection of a caller with an API key.
    async fn client(&self) -> Client {
        Client::connect(self.process.server).await.with(format!("X-Api-Key: {}", self.key)).with(format!("Cookie: id={COOKIE}"))
    }

    /// Sends one request with these credential lines instead.
    async fn with(&self, lines: &str) -> Answer {
        let mut client = Client::connect(self.process.server).await.with(lines);
        client.get(&format!("/v1/accounts?account_number={IDENTIFICATION}")).await
    }

    /// Lets Passport fail in this way, once or on each retry.
    fn fault(&self, kind: Kind) {
        self.passport.control.clear_faults();
        self.passport.control.inject(Fault::new("all", kind)).unwrap();
    }

    /// Ends the program; gives all that it wrote and told about itself.
    async fn told(self) -> String {
        let mut told = String::new();
        for page in ["/metrics", "/status", "/readyz?verbose", "/livez", "/"] {
            told += &Client::connect(self.process.admin).await.get(page).await.text();
        }
        let (code, output) = self.process.end().await;
        assert_eq!(code, Some(0), "{output}");
        told + &output
    }
}

fn configuration(passport: SocketAddr, issuer: &Issuer, sha256: &str, lines: &str) -> String {
    let callers = issuer.configuration().replace(r#""sandbox-secret""#, r#"{ env = "PLANTED_SECRET" }"#);
    format!(
        r#"
        server.listen = ["127.0.0.1:0"]
        server.max_body_bytes = "16KiB"
        admin.listen = "127.0.0.1:0"
        lifecycle.pre_drain = "0s"
        passport.environment = "custom"
        passport.base_url = "http://{passport}"
        {lines}
        breaker.minimum = 1000
        telemetry.log = "trace"
        [[api_keys]]
        id = "orders-app"
        sha256 = "{sha256}"
        tenant = "acme"
        scopes = ["paas.core.*"]
        {callers}
        "#
    )
}

fn customer() -> Value {
    json!({
        "type": "BUSINESS", "business_name": PERSON, "email": MAIL, "mobile_phone_number": format!("+{PHONE}"),
        "identification_type": "NIT", "identification_number": IDENTIFICATION,
    })
}

/// Searches that name people in every way a query can.
fn searches() -> [String; 4] {
    [
        format!("/v1/customers?identification_number={IDENTIFICATION}&identification_type=NIT"),
        format!("/v1/payments?sender_name={PERSON_ENCODED}&key_value={PHONE}&receiver_identification_number={IDENTIFICATION}"),
        format!("/v1/keys?key_value={MAIL_ENCODED}"),
        format!("/v1/accounts/{RECORD}"),
    ]
}

#[track_caller]
fn assert_clean(text: &str, what: &str) {
    let low = text.to_lowercase();
    for planted in PLANTED {
        assert!(!low.contains(&planted.to_lowercase()), "{planted} in {what}:\n{}", around(&low, &planted.to_lowercase()));
    }
    let hexadecimal = |run: &&str| run.len() >= 64 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    let tokens = text.split(|c: char| !c.is_ascii_alphanumeric()).find(hexadecimal);
    assert_eq!(tokens, None, "what looks like a token or a digest, in {what}");
    assert!(!text.contains("eyJ") && !text.contains("pgk_"), "a caller's credential, in {what}");
}

/// The lines that hold it.
fn around(text: &str, planted: &str) -> String {
    text.lines().filter(|line| line.contains(planted)).take(3).collect::<Vec<_>>().join("\n")
}

/// The gateway's own answer must be clean, Passport's is the caller's.
#[track_caller]
fn assert_own_answer_clean(answer: &Answer) {
    if !answer.problem().is_empty() {
        assert_clean(&format!("{:?} {}", answer.fields, answer.text()), "a problem");
    }
}

#[tokio::test]
async fn what_goes_well_leaves_no_trace_of_anyone() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;

    assert_eq!(client.post("/v1/customers", &customer().to_string()).await.status, 200);
    for search in searches() {
        // Twice: the second may come from the cache.
        for _ in 0..2 {
            assert_own_answer_clean(&client.get(&search).await);
        }
    }

    let told = scene.told().await;
    assert!(told.contains("create_customer") && told.contains("orders-app"), "requests were logged:\n{told}");
    assert_clean(&told, "what the program told");
}

#[tokio::test]
async fn what_is_refused_leaves_no_trace_of_anyone() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;
    let mut person = customer();
    person["type"] = json!(PERSON);
    person["email"] = json!(MAIL.repeat(3));
    person["mobile_phone_number"] = json!(format!("{PHONE}{PHONE}"));
    let twice = customer().to_string().replacen('{', &format!(r#"{{"email":"{MAIL}","#), 1);

    for body in [person.to_string(), twice, PERSON.to_owned(), format!("{{\"email\":\"{MAIL}"), format!("[\"{PERSON}\"]")] {
        let answer = client.post("/v1/customers", &body).await;

        assert_eq!(answer.problem(), "invalid-request");
        assert_own_answer_clean(&answer);
    }
    for target in [
        format!("/v1/payments?order_params.order_direction={PERSON_ENCODED}&customer_id={IDENTIFICATION}"),
        format!("/v1/payments?sender_name={PERSON_ENCODED}&sender_name={PERSON_ENCODED}"),
        format!("/v1/payments?sender_name={PERSON_ENCODED}%00"),
        format!("/v1/customers/{IDENTIFICATION}/{PHONE}"),
        format!("/v1/customers/{PERSON_ENCODED}"),
        format!("/v1/accounts/..%2f{RECORD}"),
        format!("/{MAIL}"),
        format!("/v1/accounts?account_number={IDENTIFICATION}{}", "1".repeat(9_000)),
    ] {
        let answer = client.get(&target).await;

        assert!(answer.status.is_client_error(), "{target}: {}", answer.status);
        assert_own_answer_clean(&answer);
    }
    for (method, target) in [("PUT", format!("/v1/customers/{RECORD}")), (TOKEN, format!("/v1/customers/{IDENTIFICATION}"))] {
        assert_own_answer_clean(&client.request(method, &target, Some(PERSON)).await);
    }

    assert_clean(&scene.told().await, "what the program told");
}

#[tokio::test]
async fn what_only_is_reported_leaves_no_trace_of_anyone() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;

    client.get(&format!("/v1/payments?customer_id={IDENTIFICATION}&{MAIL_ENCODED}={PHONE}")).await;
    client.get(&format!("/v1/payments/{IDENTIFICATION}")).await;
    let mut person = customer();
    person[MAIL] = json!({ PERSON: PHONE });
    client.post("/v1/customers", &person.to_string()).await;

    let told = scene.told().await;
    for reported in [r#""reported":"query, query customer_id""#, r#""reported":"path payment_id""#, r#""reported":"body""#] {
        assert!(told.contains(reported), "{reported} was logged:\n{told}");
    }
    assert_clean(&told, "what the program told");
}

#[tokio::test]
async fn whoever_is_not_let_in_leaves_no_trace() {
    let scene = Scene::new().await;
    let person = with(with(claims(), "name", PERSON), "email", MAIL);
    let stranger = Signer::ed("planted-key-name");

    for lines in [
        format!("Authorization: Bearer {TOKEN}"),
        format!("Authorization: Basic {TOKEN}"),
        format!("X-Api-Key: pgk_{TOKEN}"),
        format!("Authorization: Bearer {TOKEN}\r\nX-Api-Key: {}", scene.key),
        format!("Authorization: Bearer {}", stranger.token(&with(person.clone(), "exp", 4_000_000_000_u64))),
        format!("Authorization: Bearer {}", scene.signer.token(&with(person.clone(), "iss", format!("https://{MAIL}")))),
        format!("Authorization: Bearer {}", scene.signer.token(&with(person.clone(), "aud", PERSON))),
        format!(
            "Authorization: Bearer {}",
            scene.signer.token(&with(with(person.clone(), "tenant", IDENTIFICATION), "exp", 4_000_000_000_u64))
        ),
        format!("Authorization: Bearer {}", scene.signer.token(&with(person, "exp", PERSON))),
        format!("Host: {MAIL}"),
        format!("Connection: authorization, {TOKEN}"),
    ] {
        let answer = scene.with(&lines).await;

        assert!(answer.status.is_client_error(), "{lines}: {}", answer.text());
        assert_own_answer_clean(&answer);
    }

    assert_clean(&scene.told().await, "what the program told");
}

#[tokio::test]
async fn what_breaks_on_the_wire_leaves_no_trace() {
    let scene = Scene::impatient().await;
    let head = format!("POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n", scene.key);

    for request in [
        format!("{PERSON} {MAIL}\r\n\r\n"),
        format!("GET /v1/customers?identification_number={IDENTIFICATION} HTTP/9.9\r\n\r\n"),
        format!("GET /v1/customers?identification_number={IDENTIFICATION} HTTP/1.1\r\nHost: localhost\r\n{PERSON}\r\n\r\n"),
        format!("{head}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{}", customer()),
        format!("{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{PERSON}\r\n"),
        format!("{head}Content-Type: {TOKEN}\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{head}Content-Type: application/json\r\nContent-Length: 20000\r\n\r\n{PERSON}"),
        format!("{head}Content-Length: {PHONE}{PHONE}\r\n\r\n"),
    ] {
        let mut client = Client::connect(scene.process.server).await;
        client.send(request.as_bytes()).await;

        if let Some(answer) = client.answer(false).await {
            assert_own_answer_clean(&answer);
        }
    }
    // Leaving in the middle is a way to fail, too.
    let mut client = Client::connect(scene.process.server).await;
    client.send(format!("{head}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{}", customer()).as_bytes()).await;
    drop(client);

    assert_clean(&scene.told().await, "what the program told");
}

#[tokio::test]
async fn what_passport_spoils_leaves_no_trace_of_anyone() {
    let scene = Scene::impatient().await;
    let mut client = scene.client().await;
    client.get("/v1/accounts").await;

    for kind in [
        Kind::ServerError,
        Kind::BadGateway { retry_after: Some(1) },
        Kind::Forbidden,
        Kind::TokenRefused,
        Kind::ResetBeforeBody,
        Kind::ResetAfterBody,
        Kind::Truncated,
        Kind::Stalled,
        Kind::Hang,
        Kind::Garbage,
        Kind::Html,
        Kind::Empty,
        Kind::Header { name: "set-cookie".to_owned(), value: COOKIE.to_owned() },
    ] {
        scene.fault(kind);
        for request in searches().iter().map(|search| ("GET", search.as_str(), None)).take(2).chain([(
            "POST",
            "/v1/customers",
            Some(customer().to_string()),
        )]) {
            let (method, target, body) = request;
            let mut client = scene.client().await;
            let field = format!("Content-Length: {}\r\nContent-Type: application/json\r\n", body.as_ref().map_or(0, String::len));
            let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n{field}\r\n", scene.key);
            client.send(format!("{head}{}", body.unwrap_or_default()).as_bytes()).await;

            // An answer may be cut short: then there is none to look at.
            if let Some(answer) = client.answer(false).await {
                assert_own_answer_clean(&answer);
                assert_eq!(answer.field("set-cookie"), "");
            }
        }
    }

    scene.passport.control.clear_faults();
    assert_clean(&scene.told().await, "what the program told");
}

#[tokio::test]
async fn what_goes_wrong_with_tokens_leaves_no_trace_of_them() {
    for kind in [
        Kind::ExpiresIn { value: json!(PERSON) },
        Kind::MissingAccessToken,
        Kind::ServerError,
        Kind::Garbage,
        Kind::Html,
        Kind::Truncated,
        Kind::ResetAfterBody,
    ] {
        let scene = Scene::before(|passport| assert!(passport.inject(Fault::new("token", kind)).is_ok())).await;

        assert_failed_for_want_of_a_token(scene).await;
    }
}

#[tokio::test]
async fn a_secret_that_passport_refuses_is_not_shown() {
    let other = || Secret::new("another".to_owned());
    let scene = Scene::before(|passport| passport.set_secret("sandbox-client", other()).unwrap()).await;

    assert_failed_for_want_of_a_token(scene).await;
}

async fn assert_failed_for_want_of_a_token(scene: Scene) {
    let answer = scene.client().await.get(&searches()[0]).await;
    assert!(!answer.problem().is_empty(), "{}", answer.text());
    assert_own_answer_clean(&answer);

    let told = scene.told().await;

    assert!(told.contains("no new token"), "the failure was logged:\n{told}");
    assert_clean(&told, "what the program told");
}
