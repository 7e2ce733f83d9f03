//! Faults, as the client at the other end of the wire sees them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::sandbox::{Fault, Kind};

async fn inject(kind: Kind) -> House {
    inject_on("/v1", kind).await
}

async fn inject_on(on: &str, kind: Kind) -> House {
    let house = House::open().await;
    house.control.inject(Fault::new(on, kind).times(1)).unwrap();
    house
}

/// Sends bytes as they are and reads to the end of the connection.
async fn raw(house: &House, request: &str) -> (Vec<u8>, io::Result<usize>) {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    let end = stream.read_to_end(&mut read).await;
    (read, end)
}

#[tokio::test]
async fn an_error_status_comes_with_passports_body_and_its_retry_after_and_then_no_more() {
    for (kind, status, retry_after) in [
        (Kind::ServerError, 500, None),
        (Kind::RateLimited { retry_after: Some(7) }, 429, Some("7")),
        (Kind::RateLimited { retry_after: None }, 429, None),
        (Kind::BadGateway { retry_after: None }, 502, None),
        (Kind::Unavailable { retry_after: Some(3) }, 503, Some("3")),
        (Kind::Forbidden, 403, None),
        (Kind::TokenRefused, 401, None),
    ] {
        let mut house = inject(kind).await;

        let failed = house.get("/v1/accounts").await;

        assert_eq!(failed.status, status);
        assert_eq!(failed.json()["http_code"], status);
        assert_eq!(failed.headers.get(header::RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
        assert_eq!(house.get("/v1/accounts").await.status, 200);
    }
}

#[tokio::test]
async fn a_reset_before_the_body_leaves_no_trace_but_in_the_log() {
    let mut house = inject(Kind::ResetBeforeBody).await;

    // The body never comes: what is reset is a request whose body was not read.
    let request =
        format!("POST /v1/customers HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n", house.token);
    let (read, end) = raw(&house, &request).await;

    assert_eq!((read.len(), end.unwrap_err().kind()), (0, io::ErrorKind::ConnectionReset));
    let entry = house.control.requests().pop().unwrap();
    assert_eq!((entry.route, entry.faults, entry.status), ("POST /v1/customers", vec!["reset_before_body".to_owned()], None));
    assert_eq!(house.record("/v1/customers").await["pagination_info"]["total_elements"], 12);
}

#[tokio::test]
async fn a_reset_after_the_body_carries_the_operation_out_unless_told_otherwise() {
    for (performed, total) in [(None, 13), (Some(false), 12)] {
        let mut house = House::open().await;
        let fault = Fault::new("POST /v1/customers", Kind::ResetAfterBody).times(1);
        house.control.inject(performed.into_iter().fold(fault, Fault::performed)).unwrap();
        let body = r#"{"type":"BUSINESS","business_name":"A","email":"a@example.com","mobile_phone_number":"573402977997","identification_type":"NIT","identification_number":"900000001"}"#;
        let request = format!(
            "POST /v1/customers HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            house.token,
            body.len()
        );

        let (read, end) = raw(&house, &request).await;

        assert_eq!((read.len(), end.unwrap_err().kind()), (0, io::ErrorKind::ConnectionReset));
        assert_eq!(house.control.requests().pop().unwrap().body, body);
        assert_eq!(house.record("/v1/customers").await["pagination_info"]["total_elements"], total);
    }
}

#[tokio::test]
async fn a_truncated_answer_announces_more_than_it_sends() {
    let house = inject(Kind::Truncated).await;

    let (read, end) =
        raw(&house, &format!("GET /v1/accounts HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {}\r\n\r\n", house.token)).await;

    assert!(end.is_ok(), "the connection ends in order, only too early: {end:?}");
    let text = String::from_utf8(read).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let announced: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    assert_eq!(body.len(), announced / 2);
}

#[tokio::test]
async fn a_stalled_answer_sends_half_and_a_hang_nothing_and_neither_ends() {
    for (kind, begins) in [(Kind::Stalled, true), (Kind::Hang, false)] {
        let house = inject(kind).await;
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        let request = format!("GET /v1/accounts HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {}\r\n\r\n", house.token);
        stream.write_all(request.as_bytes()).await.unwrap();

        if begins {
            assert!(stream.read_u8().await.is_ok());
        }
        // Whoever hangs up is noticed: the sandbox keeps nothing for it.
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();

        assert_eq!(rest.is_empty(), !begins);
    }
}

#[tokio::test]
async fn garbage_is_no_http() {
    let mut house = inject(Kind::Garbage).await;
    assert!(house.request("GET", "/v1/accounts", None, "").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn latency_delays_the_answer() {
    let mut house = inject(Kind::Latency { delay_ms: 700 }).await;
    let asked = tokio::time::Instant::now();

    let answer = house.get("/v1/accounts").await;

    assert_eq!(answer.status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(700));
}

#[tokio::test]
async fn the_token_endpoint_answers_oddly() {
    for (kind, check) in [
        (Kind::Html, (|answer| answer.headers[header::CONTENT_TYPE] == "text/html") as fn(&Answer) -> bool),
        (Kind::Empty, |answer| answer.bytes.is_empty()),
        (Kind::MissingAccessToken, |answer| answer.json().get("access_token").is_none() && answer.json()["expires_in"] == 86_400),
        (Kind::ExpiresIn { value: json!("soon") }, |answer| answer.json()["expires_in"] == "soon"),
        (Kind::ExpiresIn { value: json!(-1) }, |answer| answer.json()["expires_in"] == -1),
        (Kind::ExpiresIn { value: Value::Null }, |answer| answer.json().get("expires_in").is_none()),
    ] {
        let mut house = inject_on("token", kind.clone()).await;
        let body = json!({"client_id": "sandbox-client", "client_secret": "sandbox-secret", "grant_type": "client_credentials"});

        let answer = house.request("POST", "/v1/iam/oauth/tokens", None, &body.to_string()).await.unwrap();

        assert_eq!(answer.status, 200);
        assert!(check(&answer), "{kind:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_header_can_be_added_to_an_answer() {
    let mut house = inject(Kind::Header { name: "Set-Cookie".to_owned(), value: "a=b".to_owned() }).await;
    assert_eq!(house.get("/v1/accounts").await.headers[header::SET_COOKIE], "a=b");
}

#[tokio::test]
async fn a_payment_can_be_rejected_by_the_other_side() {
    let mut house = inject_on("POST /v1/payments/ach", Kind::PaymentRejected { code: "BREB_TIMEOUT".to_owned() }).await;
    let account = house.first("accounts", "/v1/accounts").await;
    let recipient = house.first("recipients", "/v1/recipients").await;
    let body = json!({"account_id": account["id"], "recipient_id": recipient["id"], "amount": {"value": "1", "currency": "COP"}});

    let payment = house.post("/v1/payments/ach", body).await;

    assert_eq!((payment.status.as_u16(), payment.json()["error"]["error_code"].clone()), (200, json!("BREB_TIMEOUT")));
    assert_eq!(house.first("accounts", "/v1/accounts").await, account);
}
