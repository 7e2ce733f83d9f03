//! Lists: pages, snapshots, filters, documented errors.

use super::*;
use crate::sandbox::state::{accounts, customers, keys, payments, qr_codes, recipients};

fn customer(number: u32) -> Value {
    json!({
        "type": "BUSINESS", "business_name": format!("Negocio {number}"), "email": "a@example.com",
        "mobile_phone_number": "+573402977997", "identification_type": "NIT", "identification_number": format!("8{number:08}"),
    })
}

#[tokio::test]
async fn a_created_customer_shows_up_in_the_list_whatever_host_it_was_created_at() {
    let mut house = House::open().await;

    let here = house.post("/v1/customers", customer(1)).await;
    let there = house.post("/v1/paas/entities/customers", customer(2)).await;

    assert_eq!((here.status.as_u16(), there.status.as_u16()), (200, 200));
    for answer in [here.json(), there.json()] {
        let found = house.first("customers", &format!("/v1/customers?customer_id={}", answer["id"].as_str().unwrap())).await;
        assert_eq!(found, answer);
        assert_eq!(found["mobile_phone_number"], "573402977997");
    }
    let by_number = house.record("/v1/customers?identification_number=800000002&identification_type=NIT").await;
    assert_eq!(by_number["pagination_info"]["total_elements"], 1);
}

#[tokio::test]
async fn a_walk_pinned_to_its_first_request_never_meets_what_came_later() {
    let mut house = House::open().await;
    let first = house.record("/v1/customers?page_params.page_size=5").await;
    let pin = format!(
        "page_params.first_request_timestamp.seconds=1760000000&page_params.first_request_timestamp.nanos={}",
        first["pagination_info"]["first_request_timestamp"]
            .as_str()
            .unwrap()
            .split('.')
            .nth(1)
            .unwrap()
            .trim_end_matches('Z')
            .to_owned()
            + "000000"
    );

    // Within the same millisecond: the clock stands still.
    house.post("/v1/customers", customer(1)).await;

    let mut seen = Vec::new();
    for page in 1..=3 {
        let list = house.record(&format!("/v1/customers?page_params.page_size=5&page_params.page_number={page}&{pin}")).await;
        assert_eq!(list["pagination_info"]["total_elements"], 12);
        assert_eq!(list["pagination_info"]["first_request_timestamp"], first["pagination_info"]["first_request_timestamp"]);
        seen.extend(list["customers"].as_array().unwrap().iter().map(|customer| customer["id"].to_string()));
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (12, 12));
    assert_eq!(house.record("/v1/customers").await["pagination_info"]["total_elements"], 13);
}

/// Makes the records whose members no sample has: a payment by QR code, and that code.
async fn pay_by_code(house: &mut House) {
    let key = house.first("keys", "/v1/keys").await;
    let code = json!({"key_id": key["id"], "customer_id": key["customer_id"], "type": "STATIC", "channel": "POS", "additional_info": {"transaction_purpose": "00"}});
    let code = house.post("/v1/qrcodes", code).await.json();
    let resolution = house.post("/v1/key-resolution", json!({"customer_id": key["customer_id"], "key": key["key"]})).await.json();
    let payment = json!({
        "account_id": key["account_id"], "resolution_id": resolution["resolution_id"], "amount": {"value": "1", "currency": "COP"},
        "qr_code_reference": code["qr_code_reference"],
    });
    assert_eq!(house.post("/v1/payments/breb", payment).await.status, 200);
}

#[tokio::test]
async fn every_filter_finds_exactly_the_records_with_its_value() {
    let mut house = House::open().await;
    pay_by_code(&mut house).await;
    let lists = [
        ("/v1/customers", customers::LIST, 3),
        ("/v1/accounts", accounts::LIST, 5),
        ("/v1/keys", keys::LIST, 6),
        ("/v1/recipients", recipients::LIST, 6),
        ("/v1/payments", payments::LIST, 25),
        ("/v1/qrcodes", qr_codes::LIST, 6),
    ];
    for (path, list, documented) in lists {
        assert_eq!(list.filters.len(), documented, "{path}");
        let all = house.record(&format!("{path}?page_params.page_size=100")).await[list.plural].as_array().unwrap().clone();
        for (parameter, pointer) in list.filters {
            let value = all.iter().rev().find_map(|record| record.pointer(pointer)).unwrap().clone();
            let expected: Vec<_> = all.iter().filter(|record| record.pointer(pointer) == Some(&value)).cloned().collect();
            let encoded = percent_encoding::utf8_percent_encode(value.as_str().unwrap(), percent_encoding::NON_ALPHANUMERIC);

            let found = house.record(&format!("{path}?page_params.page_size=100&{parameter}={encoded}")).await;

            assert_eq!(found[list.plural], json!(expected), "{parameter} of {path}");
        }
    }
}

#[tokio::test]
async fn payments_are_found_by_either_side_and_by_time() {
    let mut house = House::open().await;
    let wanted = house.first("payments", "/v1/payments?direction=OUTBOUND").await;
    let receiver = wanted["receiver"]["identification_number"].as_str().unwrap();

    let found = house.record(&format!("/v1/payments?receiver_identification_number={receiver}&direction=OUTBOUND")).await;
    // The samples are 1 to 12 days old, two payments a day.
    let week = 1_760_000_000 - 7 * 86_400;
    let recent = house.record(&format!("/v1/payments?created_at_after.seconds={week}&page_params.page_size=50")).await;

    assert_eq!(found["payments"], json!([wanted]));
    assert_eq!(recent["pagination_info"]["total_elements"], 14);
}

#[tokio::test]
async fn a_list_of_nothing_is_404_where_documented_and_empty_elsewhere() {
    let mut house = House::open().await;
    house.control.clear(&Client::demo().account_id);

    for (path, status) in
        [("customers", 404), ("payments", 404), ("accounts", 200), ("keys", 200), ("recipients", 200), ("qrcodes", 200)]
    {
        assert_eq!(house.get(&format!("/v1/{path}")).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn documented_query_faults_are_400() {
    let mut house = House::open().await;
    for query in [
        "page_params.page_size=0",
        "page_params.page_number=x",
        "order_params.order_direction=desc",
        "page_params.first_request_timestamp.seconds=253402300800",
        "page_params.first_request_timestamp.seconds=1&page_params.first_request_timestamp.nanos=1000000000",
        "created_at_after.nanos=-1",
    ] {
        assert_eq!(house.get(&format!("/v1/payments?{query}")).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn an_entity_does_not_see_anothers_records() {
    let other = Client { client_id: "other".to_owned(), account_id: "other".to_owned(), ..Client::demo() };
    let mut house = House::with(Options { clients: vec![Client::demo(), other], ..Options::default() }).await;
    let mine = house.first("customers", "/v1/customers").await;

    let body = json!({"client_id": "other", "client_secret": "sandbox-secret", "grant_type": "client_credentials"});
    let granted = house.request("POST", "/v1/iam/oauth/tokens", None, &body.to_string()).await.unwrap();
    house.token = granted.json()["access_token"].as_str().unwrap().to_owned();

    assert_eq!(house.get(&format!("/v1/customers/{}", mine["id"].as_str().unwrap())).await.status, 404);
    assert_ne!(house.first("customers", "/v1/customers").await["id"], mine["id"]);
}

#[tokio::test]
async fn the_empty_form_that_the_seeds_curl_lines_send_with_a_get_is_ignored() {
    let mut house = House::open().await;
    let request = Request::get("/v1/accounts")
        .header(header::HOST, "sandbox")
        .header(header::AUTHORIZATION, format!("Bearer {}", house.token))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::CONTENT_LENGTH, "0");

    let answer = exchange(&mut house.connect().await, request.body(Full::default()).unwrap()).await.unwrap();

    assert_eq!(answer.status, 200);
}
