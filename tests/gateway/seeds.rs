//! Passport's own examples work as they stand in its pages, but for base URL and token.

use http::StatusCode;
use serde_json::json;

use crate::support::{Answer, World, keyed};

/// What curl adds to a request with `--data`.
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

/// S4's body; the page has a table in place of an example.
fn customer() -> String {
    json!({
        "type": "BUSINESS",
        "business_name": "Panadería Andina SAS",
        "email": "hola@example.com",
        "mobile_phone_number": "+573402977997",
        "identification_type": "NIT",
        "identification_number": "901234567",
    })
    .to_string()
}

struct App {
    world: World,
    key: String,
}

impl App {
    async fn new() -> Self {
        let (key, lines) = keyed(r#""paas.core.*""#);
        Self { world: World::with(&lines).await, key }
    }

    /// Sends what curl sends, with these lines after its usual ones.
    async fn curl(&self, start: &str, lines: &str, body: &str) -> Answer {
        let (host, key) = (self.world.server, &self.key);
        let usual = format!("Host: {host}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nAuthorization: Bearer {key}\r\n");
        self.world.raw(format!("{start} HTTP/1.1\r\n{usual}{lines}\r\n{body}")).await
    }

    /// Has a shell run a command line in which `BASE` is the gateway and `YOUR_ACCESS_TOKEN` its key; none without curl.
    async fn shell(&self, line: &str) -> Option<serde_json::Value> {
        if !std::env::split_paths(&std::env::var_os("PATH")?).any(|directory| directory.join("curl").is_file()) {
            return None;
        }
        let line = line.replace("BASE", &format!("http://{}", self.world.server)).replace("YOUR_ACCESS_TOKEN", &self.key);
        let run = move || std::process::Command::new("sh").args(["-c", &line]).env("NO_PROXY", "*").output().unwrap();
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}")))
    }
}

#[tokio::test]
async fn customers_are_listed_with_an_empty_form_on_a_get() {
    let app = App::new().await;

    let answer = app.curl("GET /v1/customers", &format!("Content-Length: 0\r\n{FORM}"), "").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["customers"].is_array());
    let up = app.world.sent_up();
    assert_eq!((up.path.as_str(), up.query), ("/v1/customers", None));
    assert!(!up.header_names.iter().any(|name| name.starts_with("content-")), "{:?}", up.header_names);
}

#[tokio::test]
async fn a_customer_is_retrieved_without_data() {
    let app = App::new().await;
    let listed = app.curl("GET /v1/customers", "", "").await.json();
    let id = listed["customers"][0]["id"].as_str().unwrap();

    let answer = app.curl(&format!("GET /v1/customers/{id}"), "", "").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["id"], id);
}

#[tokio::test]
async fn accounts_are_listed_with_an_empty_form_on_a_get() {
    let app = App::new().await;

    let answer = app.curl("GET /v1/accounts", &format!("Content-Length: 0\r\n{FORM}"), "").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let first = answer.json()["accounts"][0]["available_balance"]["value"].clone();
    assert!(first.is_string(), "money stays a string: {first}");
}

#[tokio::test]
async fn payments_are_listed_with_the_documented_content_type_on_a_get() {
    let app = App::new().await;

    let answer = app.curl("GET /v1/payments", "Content-Type: application/json\r\n", "").await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["payments"].is_array());
    assert!(!app.world.sent_up().headers.contains_key("content-type"));
}

#[tokio::test]
async fn a_customer_is_created_at_the_path_of_the_page() {
    let app = App::new().await;
    let body = customer();
    let lines = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());

    let answer = app.curl("POST /v1/paas/entities/customers", &lines, &body).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["id"].is_string());
    let up = app.world.sent_up();
    assert_eq!((up.path.as_str(), &up.body[..]), ("/v1/paas/entities/customers", body.as_bytes()));
}

#[tokio::test]
async fn a_customer_is_created_at_the_path_of_its_siblings() {
    let app = App::new().await;
    let body = customer();
    let lines = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());

    let answer = app.curl("POST /v1/customers", &lines, &body).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let up = app.world.sent_up();
    assert_eq!((up.path.as_str(), &up.body[..]), ("/v1/paas/entities/customers", body.as_bytes()));
}

#[tokio::test]
async fn the_pages_command_lines_work_when_pasted() {
    let app = App::new().await;
    for (path, list) in [("/v1/customers", "customers"), ("/v1/accounts", "accounts")] {
        let line = format!(
            "curl -s --location --request GET 'BASE{path}' \\\n--header 'Authorization: Bearer YOUR_ACCESS_TOKEN' \\\n--data ''"
        );

        let Some(answer) = app.shell(&line).await else { return };

        assert!(answer[list].is_array(), "{answer}");
    }
}

#[tokio::test]
async fn a_pasted_line_may_end_in_a_backslash() {
    let app = App::new().await;
    let listed = app.curl("GET /v1/customers", "", "").await.json();
    let id = listed["customers"][0]["id"].as_str().unwrap();
    let line = format!(
        "curl -s --location --request GET 'BASE/v1/customers/{id}' \\\n--header 'Authorization: Bearer YOUR_ACCESS_TOKEN' \\\n\n"
    );

    let Some(answer) = app.shell(&line).await else { return };

    assert_eq!(answer["id"], id);
}

#[tokio::test]
async fn a_pasted_post_creates_a_customer() {
    let app = App::new().await;
    let line = format!(
        "curl -s --location 'BASE/v1/paas/entities/customers' --header 'Content-Type: application/json' \
         --header 'Authorization: Bearer YOUR_ACCESS_TOKEN' --data '{}'",
        customer()
    );

    let Some(answer) = app.shell(&line).await else { return };

    assert_eq!(answer["identification_number"], "901234567");
}
