//! Lists: pages, snapshots, filters, documented errors.

use super::*;

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

/// A list's member, its path, and some filters with what they look at.
type List = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

#[tokio::test]
async fn every_filter_of_every_list_finds_the_record_it_describes() {
    let mut house = House::open().await;
    let lists: &[List] = &[
        ("customers", "/v1/customers", &[("customer_id", "/id"), ("identification_number", "/identification_number")]),
        (
            "accounts",
            "/v1/accounts",
            &[("account_id", "/id"), ("customer_id", "/customer_id"), ("account_number", "/account_number")],
        ),
        ("keys", "/v1/keys", &[("key_id", "/id"), ("key_value", "/key/key_value"), ("account_id", "/account_id")]),
        ("recipients", "/v1/recipients", &[("recipient_id", "/id"), ("account_number", "/account_number")]),
        ("payments", "/v1/payments", &[("payment_id", "/id"), ("end_to_end_identification", "/end_to_end_identification")]),
    ];
    for (plural, path, filters) in lists {
        let wanted = house.record(path).await[*plural][3].clone();
        for (parameter, pointer) in *filters {
            let value = wanted.pointer(pointer).unwrap().as_str().unwrap();
            let found = house.record(&format!("{path}?{parameter}={value}")).await;
            assert_eq!(found["pagination_info"]["total_elements"], 1, "{parameter} of {plural}");
            assert_eq!(found[*plural][0], wanted, "{parameter} of {plural}");
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
