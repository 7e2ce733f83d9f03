//! Bodies: JSON that can be read in one way, that keeps its schema, and that goes up byte for byte.

use http::StatusCode;
use serde_json::json;

use super::{assert_faults, customer, world};

#[tokio::test]
async fn every_fault_of_a_body_is_told_at_once() {
    let world = world("").await;
    let body = json!({
        "type": "PERSON", "business_name": "", "mobile_phone_number": "none", "identification_type": "CC",
        "identification_number": 901_234_567,
    });

    let answer = world.post("/v1/customers", &body.to_string()).await;

    let members = ["type", "business_name", "email", "mobile_phone_number", "identification_type", "identification_number"];
    assert_faults(&world, &answer, &members.map(|member| format!("body {member}")).each_ref().map(String::as_str));
}

#[tokio::test]
async fn a_fault_deep_in_a_body_is_named_by_its_path() {
    let world = world("").await;
    let body = json!({"account_id": "a", "resolution_id": "r", "amount": {"value": 5, "currency": "USD"}});

    let answer = world.post("/v1/payments/breb", &body.to_string()).await;

    assert_faults(&world, &answer, &["body amount.value", "body amount.currency"]);
}

#[tokio::test]
async fn money_is_a_positive_decimal_string() {
    let world = world("").await;
    for value in ["0", "0.00", "-1", "+1", "1e3", "1,5", "", " 1", "1.", ".5", "NaN", "0x1"] {
        let body = json!({"account_id": "a", "resolution_id": "r", "amount": {"value": value, "currency": "COP"}});

        assert_faults(&world, &world.post("/v1/payments/breb", &body.to_string()).await, &["body amount.value"]);
    }
}

#[tokio::test]
async fn the_bytes_that_go_up_are_the_bytes_that_came() {
    let world = world("").await;
    let body = "\r\n{ \"identification_number\" :\t\"901234567\", \"extra\": {\"b\":1.0e+2 , \"a\": 1E400, \"z\": 0.10000000000000000000001},\n\
                \"type\":\"BUS\\u0049NESS\",\"identification_type\":\"NIT\" ,\"mobile_phone_number\":\"573402977997\",\
                \"email\":\"hola@example.com\",   \"business_name\":\"Panader\\u00eda \\/ \u{1f35e}\"  }\n\n";

    let answer = world.post("/v1/customers", body).await;

    let up = world.sent_up();
    assert_eq!(String::from_utf8(up.body.to_vec()).unwrap(), body, "{}", answer.text());
    assert_eq!(up.headers["content-length"], body.len().to_string());
    assert_eq!(up.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_body_in_chunks_goes_up_whole() {
    let world = world("").await;
    let body = customer().to_string();
    let chunks: String =
        body.as_bytes().chunks(50).map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk))).collect();
    assert!(!chunks.contains('\u{fffd}'), "no character is cut in two");

    let answer = world
        .raw(format!(
            "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
        ))
        .await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let up = world.sent_up();
    assert_eq!(&up.body[..], body.as_bytes());
    assert_eq!(up.headers["content-length"], body.len().to_string());
    assert!(!up.header_names.iter().any(|name| name == "transfer-encoding"));
}

#[tokio::test]
async fn a_member_given_twice_is_refused_however_it_is_spelled_and_wherever_it_stands() {
    let world = world("").await;
    let amount = r#""amount":{"value":"1","currency":"COP"}"#;

    for body in [
        format!(r#"{{"account_id":"a","account_id":"b","resolution_id":"r",{amount}}}"#),
        format!(r#"{{"account_id":"a","\u0061ccount_id":"a","resolution_id":"r",{amount}}}"#),
        r#"{"account_id":"a","resolution_id":"r","amount":{"value":"1","currency":"COP","value":"1000000"}}"#.to_owned(),
        format!(r#"{{"account_id":"a","resolution_id":"r",{amount},"extra":[{{"x":{{"y":1,"y":2}}}}]}}"#),
    ] {
        let answer = world.post("/v1/payments/breb", &body).await;

        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::BAD_REQUEST, "invalid-request"), "{body}");
        assert!(world.arrived().is_empty());
    }
}

#[tokio::test]
async fn a_member_given_twice_does_not_hide_other_faults() {
    let world = world("").await;
    let body = r#"{"id":"a","id":"b","account_id":"a","resolution_id":"r","amount":{"value":"-1","currency":"COP"}}"#;

    let answer = world.post("/v1/payments/breb", body).await;

    assert_faults(&world, &answer, &["body id", "body amount.value"]);
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let world = world("").await;
    let good = customer().to_string();

    for body in [
        "nonsense".to_owned(),
        "{".to_owned(),
        format!("{good}{good}"),
        format!("{good} x"),
        format!("\u{feff}{good}"),
        good.replace("\"NIT\"", "NaN"),
        good.replace("\"NIT\"", "'NIT'"),
        good.replace("\"NIT\"", "\"\\ud800\""),
        good.replace("\"NIT\"", "\"NI\tT\""),
        good.replacen('}', ",}", 1),
        format!("/**/{good}"),
        "[".repeat(100_000),
        format!("{}{}", "[".repeat(1000), "]".repeat(1000)),
    ] {
        let answer = world.post("/v1/customers", &body).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", &body[..20.min(body.len())]);
        assert_eq!(answer.problem(), "invalid-request");
    }
    assert!(world.arrived().is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let world = world("").await;
    let good = customer().to_string();
    let body = [&good.as_bytes()[..good.len() - 1], b",\"x\":\"\xff\"}"].concat();
    let head = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );

    let answer = world.raw([head.as_bytes(), &body].concat()).await;

    assert_faults(&world, &answer, &["body "]);
}

#[tokio::test]
async fn lengths_count_characters_not_bytes() {
    let world = world("").await;
    let mut body = customer();
    body["business_name"] = json!("ñ".repeat(140));
    assert_eq!(world.post("/v1/customers", &body.to_string()).await.status, StatusCode::OK);
    world.passport.clear_requests();

    body["business_name"] = json!("ñ".repeat(141));

    assert_faults(&world, &world.post("/v1/customers", &body.to_string()).await, &["body business_name"]);
}

#[tokio::test]
async fn a_body_that_must_be_there_must_be_there() {
    let world = world("").await;

    assert_faults(&world, &world.post("/v1/customers", "").await, &["body "]);
    let bare = world.client().await.request("POST", "/v1/customers", None).await;
    assert_faults(&world, &bare, &["body "]);
}

#[tokio::test]
async fn an_operation_without_a_body_takes_none() {
    let world = world("").await;

    let answer = world.client().await.request("GET", "/v1/accounts", Some(r#"{"a":1}"#)).await;

    assert_faults(&world, &answer, &["body "]);
}

#[tokio::test]
async fn unknown_members_pass() {
    let world = world("").await;
    let mut body = customer();
    body["loyalty"] = json!({"tier": "gold"});

    let answer = world.post("/v1/customers", &body.to_string()).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(&world.sent_up().body[..], body.to_string().as_bytes());
}
