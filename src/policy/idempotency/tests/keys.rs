//! Who needs a key, whose it is, and what it is worth.

use super::*;

#[tokio::test]
async fn money_needs_a_key_and_other_writes_may_bear_one() {
    let mut bench = Bench::new();

    let payment = bench.send(arrival(Method::POST, PAY, PAYMENT), None).await.unwrap();
    let customer = bench.send(arrival(Method::POST, "/v1/customers", CUSTOMER), None);
    bench.call().await.reply.send(answer(200, "made")).unwrap();

    assert_eq!(payment, Err(Refusal::IdempotencyKeyMissing));
    assert_eq!(customer.await.unwrap(), Ok((200, false, "made".to_owned())));
    assert!(bench.store.disk().records.is_empty(), "a request without a key needs no record");

    let keyed = bench.send(arrival(Method::POST, "/v1/customers", CUSTOMER), Some("k"));
    bench.call().await.reply.send(answer(201, "made")).unwrap();
    assert_eq!(keyed.await.unwrap(), Ok((201, false, "made".to_owned())));
    let again = bench.send(arrival(Method::POST, "/v1/customers", CUSTOMER), Some("\"k\"")).await.unwrap();
    assert_eq!(again, Ok((201, true, "made".to_owned())));
}

#[tokio::test]
async fn a_key_on_a_read_means_nothing() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        let read = bench.send(arrival(Method::GET, "/v1/payments", ""), Some("k"));
        bench.call().await.reply.send(answer(200, "list")).unwrap();
        assert_eq!(read.await.unwrap(), Ok((200, false, "list".to_owned())));
    }
    assert!(bench.store.disk().records.is_empty());
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let bench = Bench::new();

    for key in ["", "a, b", "\"a", "k k"] {
        assert!(matches!(bench.pay(key).await.unwrap(), Err(Refusal::MalformedRequest(_))), "{key}");
    }
}

#[tokio::test]
async fn one_key_is_for_one_request() {
    let mut bench = Bench::new();
    bench.paid("k", answer(200, "paid")).await.unwrap();

    let other_body = bench.send(arrival(Method::POST, PAY, OTHER), Some("k")).await.unwrap();
    let other_operation = bench.send(arrival(Method::POST, "/v1/customers", CUSTOMER), Some("k")).await.unwrap();
    let other_query = bench.send(arrival(Method::POST, "/v1/payments/breb/confirm?x=1", PAYMENT), Some("k")).await.unwrap();

    for reply in [other_body, other_operation, other_query] {
        assert_eq!(reply, Err(Refusal::IdempotencyMismatch));
    }
    assert_eq!(bench.repeated("k").await, Ok((200, true, "paid".to_owned())));
}

#[tokio::test]
async fn the_same_key_of_another_tenant_is_another_key() {
    let mut bench = Bench::new();
    bench.paid("k", answer(200, "acme")).await.unwrap();
    let mut config = testing::config();
    config.tenants = vec![testing::tenant("other")];
    config.credentials = vec![testing::credential("other")];
    config.local = Some(crate::config::Local { tenant: crate::tenant::TenantName::new("other"), scopes: None });
    bench.snapshots = testing::snapshots(config, testing::clock());

    assert_eq!(bench.paid("k", answer(200, "other")).await, Ok((200, false, "other".to_owned())));
}

#[tokio::test]
async fn the_same_key_of_another_tenant_with_the_same_credential_is_another_key() {
    let mut bench = Bench::new();
    bench.paid("k", answer(200, "acme")).await.unwrap();
    let mut config = testing::config();
    config.tenants = vec![testing::tenant("other")];
    config.tenants[0].credential = crate::tenant::CredentialName::new("acme");
    config.local = Some(crate::config::Local { tenant: crate::tenant::TenantName::new("other"), scopes: None });
    bench.snapshots = testing::snapshots(config, testing::clock());

    assert_eq!(bench.paid("k", answer(200, "other")).await, Ok((200, false, "other".to_owned())));
}

#[tokio::test]
async fn the_same_tenant_with_another_credential_is_another_key() {
    let mut bench = Bench::new();
    bench.paid("k", answer(200, "one")).await.unwrap();
    let mut config = testing::config();
    config.credentials = vec![testing::credential("two")];
    config.tenants[0].credential = crate::tenant::CredentialName::new("two");
    bench.snapshots = testing::snapshots(config, testing::clock());

    assert_eq!(bench.paid("k", answer(200, "two")).await, Ok((200, false, "two".to_owned())));
}

#[tokio::test]
async fn callers_share_keys_or_do_not_as_the_operator_likes() {
    for (shared_by, is_shared) in [(SharedBy::Tenant, true), (SharedBy::Caller, false)] {
        let mut bench = Bench::with(|settings| settings.shared_by = shared_by);
        bench.paid("k", answer(200, "one")).await.unwrap();
        let (key, sha256) = crate::identity::new_key();
        let mut config = testing::config();
        let sha256: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&sha256[at * 2..at * 2 + 2], 16).unwrap()).collect();
        config.api_keys.push(crate::config::ApiKey {
            id: "another".to_owned(),
            sha256: sha256.try_into().unwrap(),
            tenant: crate::tenant::TenantName::new("acme"),
            scopes: vec!["paas.core.*".parse().unwrap()],
            expires: None,
        });
        bench.snapshots = testing::snapshots(config, testing::clock());
        let mut arrival = arrival(Method::POST, PAY, PAYMENT);
        arrival.head.headers.insert("authorization", format!("Bearer {key}").parse().unwrap());

        let other = bench.send(arrival, Some("k"));

        if is_shared {
            assert_eq!(other.await.unwrap(), Ok((200, true, "one".to_owned())));
        } else {
            bench.call().await.reply.send(answer(200, "two")).unwrap();
            assert_eq!(other.await.unwrap(), Ok((200, false, "two".to_owned())));
        }
    }
}

#[tokio::test]
async fn keys_may_be_required_of_every_write_or_of_none() {
    let writes = Bench::with(|settings| settings.required_for = RequiredFor::Writes);
    let mut none = Bench::with(|settings| settings.required_for = RequiredFor::None);

    let refused = writes.send(arrival(Method::POST, "/v1/customers", CUSTOMER), None).await.unwrap();
    let paying = none.send(arrival(Method::POST, PAY, PAYMENT), None);
    none.call().await.reply.send(answer(200, "paid")).unwrap();

    assert_eq!(refused, Err(Refusal::IdempotencyKeyMissing));
    assert_eq!(paying.await.unwrap(), Ok((200, false, "paid".to_owned())));
}
