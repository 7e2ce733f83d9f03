//! Nothing personal and nothing secret is ever written or told, whatever the path a request takes, at the loudest log level.

use std::net::SocketAddr;

use passport_gateway::identity::new_key;
use passport_gateway::sandbox::{Control, Fault, Kind};
use passport_gateway::secret::Secret;
use serde_json::{Value, json};

use crate::support::issuer::Issuer;
use crate::support::process::Process;
use crate::support::signer::Signer;
use crate::support::{Answer, Client, Passport, clock};

mod callers;
mod tls;
mod upstream;

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
