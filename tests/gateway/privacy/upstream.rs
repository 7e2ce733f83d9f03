//! What Passport spoils.

use passport_gateway::sandbox::{Fault, Kind};
use passport_gateway::secret::Secret;
use serde_json::json;

use super::{COOKIE, PERSON, Scene, assert_clean, assert_own_answer_clean, customer, searches};

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
