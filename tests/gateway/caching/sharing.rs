//! Who may have whose answers.

use super::*;

/// Three keys: two tenants of one credential, and one of another.
struct Tenants {
    world: World,
    keys: [String; 3],
}

impl Tenants {
    async fn new() -> Self {
        let keys = [new_key(), new_key(), new_key()];
        let mut lines = String::new();
        for ((_, sha256), (tenant, credential)) in keys.iter().zip([("acme", "one"), ("bell", "one"), ("cove", "two")]) {
            lines += &format!(
                "[[api_keys]]\nid = \"{tenant}-app\"\nsha256 = \"{sha256}\"\ntenant = \"{tenant}\"\nscopes = [\"paas.core.*\"]\n\
                 [tenants.{tenant}]\ncredential = \"{credential}\"\nscopes = [\"paas.core.*\"]\n"
            );
        }
        for credential in ["one", "two"] {
            lines += &format!(
                "[credentials.{credential}]\nclient_id = \"sandbox-client\"\nclient_secret = \"sandbox-secret\"\n\
                 environment = \"custom\"\n"
            );
        }
        Self { world: World::with(&lines).await, keys: keys.map(|(key, _)| key) }
    }

    async fn client(&self, tenant: usize) -> Client {
        self.world.client().await.with(format!("Authorization: Bearer {}", self.keys[tenant]))
    }
}

#[tokio::test]
async fn no_tenant_sees_anothers_answers_with_the_same_credential_or_another() {
    let tenants = Tenants::new().await;

    for tenant in [0, 1, 2, 0, 1, 2] {
        let answer = tenants.client(tenant).await.get("/v1/accounts").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }

    assert_eq!(tenants.world.arrivals(ACCOUNTS), 3);
}

#[tokio::test]
async fn a_write_is_seen_by_every_tenant_of_its_credential_and_by_no_other() {
    let tenants = Tenants::new().await;
    for tenant in 0..3 {
        tenants.client(tenant).await.get("/v1/customers").await;
    }

    tenants.client(0).await.post("/v1/customers", CUSTOMER).await;

    for (tenant, expected) in [(0, "fwd=uri-miss"), (1, "fwd=uri-miss"), (2, "hit")] {
        let answer = tenants.client(tenant).await.get("/v1/customers").await;
        assert!(told(&answer).starts_with(expected), "{tenant}: {}", told(&answer));
    }
}

#[tokio::test]
async fn the_order_and_the_encoding_of_a_query_do_not_matter() {
    let world = World::new().await;

    for target in [
        "/v1/accounts?status=ACTIVE&account_type=SAVINGS+X",
        "/v1/accounts?account_type=SAVINGS%20X&status=ACTIVE",
        "/v1/accounts?account%5ftype=SAVINGS%20%58&&status=%41CTIVE",
    ] {
        world.get(target).await;
    }
    let other = world.get("/v1/accounts?account_type=savings%20x&status=ACTIVE").await;

    assert!(told(&other).starts_with("fwd=uri-miss"), "case is kept");
    assert_eq!(world.arrivals(ACCOUNTS), 2);
}

#[tokio::test]
async fn a_record_is_stored_by_its_own_id() {
    let world = World::new().await;
    let list = world.get("/v1/customers").await.json();
    let ids: Vec<_> = (0..2).map(|at| list["customers"][at]["id"].as_str().unwrap().to_owned()).collect();

    for _ in 0..2 {
        for id in &ids {
            let record = world.get(&format!("/v1/customers/{id}")).await.json();
            assert!(record.to_string().contains(id.as_str()), "{record}");
        }
    }

    assert_eq!(world.arrivals("GET /v1/customers/{customer_id}"), 2);
}

#[tokio::test]
async fn answers_that_vary_are_kept_apart() {
    let mut upstream = Scripted::start().await;
    let world = World::before(&upstream, LOCAL).await;
    let mut spanish = world.client().await.with("Accept-Language: es");
    let mut english = world.client().await.with("Accept-Language: en");
    let varying = |body| answer("200 OK", "Vary: accept-language\r\n", body);

    let (es, _) = tokio::join!(spanish.get("/v1/accounts"), upstream.answer(varying(r#"{"a":"hola"}"#)));
    let (en, _) = tokio::join!(english.get("/v1/accounts"), upstream.answer(varying(r#"{"a":"hello"}"#)));
    let again = [spanish.get("/v1/accounts").await, english.get("/v1/accounts").await];

    assert_eq!(again.each_ref().map(told), ["hit; ttl=5"; 2]);
    assert_eq!(again.map(|answer| answer.body), [es.body, en.body]);
}
