//! Log lines of the program: one a request, and never a word too many.

use serde_json::Value;

use super::LOCAL;
use crate::support::process::Process;
use crate::support::{Client, Passport, clock};

/// What no line may hold: query values, path parameters, bodies, credentials.
const PRIVATE: [&str; 7] =
    ["900123456", "5a0d8c1e-0000-4000-8000-00000000beef", "Andina", "573402977997", "sandbox-secret", "pgk_", "no-such-thing"];

async fn run(lines: &str) -> (Passport, Process) {
    let passport = Passport::start(&clock()).await;
    let places =
        "server.listen = [\"127.0.0.1:0\"]\nserver.workers = 1\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"";
    let base = format!("passport.environment = \"custom\"\npassport.base_url = \"http://{}\"", passport.address);
    let process = Process::run(&format!("{places}\n{base}\n{lines}\n{LOCAL}")).await;
    (passport, process)
}

async fn visit(process: &Process) {
    let mut client = Client::connect(process.server).await.with("X-Request-Id: order-17");
    client.get("/v1/customers?identification_number=900123456&no-such-thing=1").await;
    client.get("/v1/customers?identification_number=900123456&no-such-thing=1").await;
    client.get("/v1/payments/5a0d8c1e-0000-4000-8000-00000000beef").await;
    client.get("/v1/no-such-thing/900123456?a=900123456").await;
    let customer = r#"{"type": "BUSINESS", "business_name": "Andina", "email": "a@b", "mobile_phone_number": "+573402977997",
        "identification_type": "NIT", "identification_number": "901234567"}"#;
    client.post("/v1/customers", customer).await;
    client.post("/v1/customers", r#"{"business_name": "Andina"}"#).await;
    Client::connect(process.server).await.with("Authorization: Bearer pgk_abcdefgh").get("/v1/accounts").await;
}

async fn ended(process: Process) -> Vec<String> {
    process.signal("TERM");
    let (code, lines) = process.ended().await;
    assert_eq!(code, Some(0), "{lines:#?}");
    lines
}

#[tokio::test]
async fn each_request_is_one_line_of_json_with_its_facts() {
    let (_passport, process) = run("").await;
    visit(&process).await;

    let lines: Vec<Value> = ended(process).await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();

    let access: Vec<_> = lines.iter().filter(|line| line["target"] == "access").collect();
    assert_eq!(access.len(), 7, "{access:#?}");
    for line in &access {
        for name in [
            "timestamp",
            "level",
            "request_id",
            "operation",
            "method",
            "status",
            "outcome",
            "tenant",
            "cache",
            "attempts",
            "duration_us",
            "upstream_us",
        ] {
            assert!(!line[name].is_null(), "{name} is missing: {line}");
        }
        assert!(line["duration_us"].is_u64() && line["level"] == "INFO", "{line}");
    }
    let facts = |at: usize| {
        ["request_id", "operation", "method", "status", "outcome", "tenant", "cache"]
            .map(|name| access[at][name].as_str().map_or_else(|| access[at][name].to_string(), str::to_owned))
    };
    assert_eq!(facts(0), ["order-17", "list_customers", "GET", "404", "upstream_4xx", "acme", "miss"]);
    assert_eq!(facts(1), ["order-17", "list_customers", "GET", "404", "upstream_4xx", "acme", "hit"]);
    assert_eq!(facts(3), ["order-17", "unmatched", "GET", "404", "unknown-operation", "", ""]);
    assert_eq!(facts(4)[1..6], ["create_customer", "POST", "200", "ok", "acme"]);
}

#[tokio::test]
async fn no_line_tells_what_is_personal_or_secret_however_much_is_logged() {
    let (_passport, process) = run("telemetry.log = \"trace\"").await;
    visit(&process).await;

    let lines = ended(process).await;

    let ours =
        lines.iter().filter(|line| line.contains(r#""target":"passport_gateway"#) || line.contains(r#""target":"access""#));
    for line in ours {
        assert!(PRIVATE.iter().all(|private| !line.contains(private)), "{line}");
    }
    for line in &lines {
        assert!(!line.contains("sandbox-secret") && !line.contains("pgk_abc"), "{line}");
    }
}

#[tokio::test]
async fn of_what_goes_well_a_share_may_be_logged_and_of_all_else_each() {
    let (_passport, process) = run("telemetry.access_log = \"50%\"").await;
    let mut client = Client::connect(process.server).await;
    for _ in 0..200 {
        client.get("/v1/accounts").await;
    }
    for _ in 0..5 {
        client.get("/v1/no-such-thing").await;
    }

    let lines = ended(process).await;

    let logged = |outcome: &str| lines.iter().filter(|line| line.contains(&format!("\"outcome\":\"{outcome}\""))).count();
    assert!((40..160).contains(&logged("ok")), "{}", logged("ok"));
    assert_eq!(logged("unknown-operation"), 5);
}

#[tokio::test]
async fn the_access_log_can_be_switched_off_and_lines_can_be_text() {
    let (_passport, process) = run("telemetry.access_log = false\ntelemetry.format = \"text\"").await;
    visit(&process).await;

    let lines = ended(process).await;

    assert!(lines.iter().any(|line| line.contains("ready")), "{lines:#?}");
    assert!(lines.iter().all(|line| serde_json::from_str::<Value>(line).is_err()));
    assert!(!lines.iter().any(|line| line.contains("duration_us")), "{lines:#?}");
}
