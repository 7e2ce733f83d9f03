//! What callers send, good and bad.

use serde_json::json;

use super::{
    IDENTIFICATION, MAIL, MAIL_ENCODED, PERSON, PERSON_ENCODED, PHONE, RECORD, Scene, TOKEN, assert_clean,
    assert_own_answer_clean, customer, searches,
};
use crate::support::Client;
use crate::support::issuer::{claims, with};
use crate::support::signer::Signer;

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
        let answer = scene.client().await.get(&target).await;

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
