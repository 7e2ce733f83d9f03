//! The live page in a real headless Chromium: it shows what happens, works by keyboard, and loads nothing from elsewhere.
//!
//! `make test` gets the browser; `make screenshots` keeps what it sees for `docs/`.

use passport_gateway::sandbox::{Fault, Kind};

use crate::support::browser::Browser;
use crate::support::filed::Filed;
use crate::support::{LOCAL, World};

/// A gateway with limits, a credential that works and one that Passport rejects.
async fn scene() -> (World, Browser) {
    let limits = "[tenants.acme]\nrate_limit = { requests = 60, per = \"1m\", burst = 9 }\nclass_limits = { money = { requests = 5, per = \"1s\" } }";
    let reports = "[tenants.reports]\nscopes = [\"paas.core.accounts.*\"]\n[credentials.reports]\nclient_id = \"sandbox-client\"\n\
                   client_secret = \"wrong\"\nenvironment = \"custom\"\n";
    let lines = LOCAL.replace("[tenants.acme]", limits);
    let world = World::with(&format!("retry.attempts = 0\nbreaker.minimum = 100\n{lines}\n{reports}")).await;
    world.until_minted(2).await;
    let browser = Browser::start();
    browser.open(&format!("http://{}/", world.admin)).await;
    browser.until("document.querySelector('#ready').textContent === 'Ready'").await;
    (world, browser)
}

/// Some of everything.
async fn traffic(world: &World) {
    for target in ["/v1/accounts", "/v1/accounts", "/v1/customers", "/v1/payments", "/v1/nothing"] {
        world.get(target).await;
    }
    world.passport.inject(Fault::new("GET /v1/payments", Kind::BadGateway { retry_after: None })).unwrap();
    for target in
        ["/v1/payments?limit=5", "/v1/customers?limit=5", "/v1/accounts", "/v1/accounts", "/v1/accounts", "/v1/accounts"]
    {
        world.get(target).await;
    }
}

fn row(table: &str, name: &str) -> String {
    format!("[...document.querySelectorAll('#{table} tbody tr')].find((row) => row.cells[0].textContent === '{name}')")
}

#[tokio::test]
async fn it_shows_what_happens_as_it_happens() {
    let (world, browser) = scene().await;
    assert_eq!(browser.text("#operations tbody").await, "No request yet.");

    traffic(&world).await;

    browser.until(&format!("{}?.cells[2].textContent === '6'", row("operations", "list_accounts"))).await;
    let tile = |title: &str| {
        format!("[...document.querySelectorAll('.tile')].find((tile) => tile.textContent.startsWith('{title}')).textContent")
    };
    browser.until(&format!("{}.includes('11 since the start')", tile("Requests"))).await;
    assert!(browser.evaluate(&tile("Passport’s part")).await.as_str().unwrap().contains(" ms"));
    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("outcomes", "unknown-operation"))).await, "1");
    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("outcomes", "rate-limited"))).await, "1");
    assert_eq!(browser.evaluate(&format!("{}.cells[4].textContent", row("limit", "tenant"))).await, "1");
    assert!(browser.text("#cache-size").await.starts_with("4 entries, "), "{}", browser.text("#cache-size").await);
    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("cache-results", "hit"))).await, "4");
    let latency = browser.evaluate(&format!("{}.cells[3].textContent", row("latencies", "The gateway’s own work"))).await;
    assert!(latency.as_str().unwrap().ends_with('s'), "{latency}");
}

#[tokio::test]
async fn it_tells_of_tokens_breakers_and_the_configuration() {
    let (world, browser) = scene().await;

    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("credentials", "acme"))).await, "ready");
    assert_eq!(browser.evaluate(&format!("{}.cells[2].textContent", row("credentials", "acme"))).await, "in 1 d");
    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("credentials", "reports"))).await, "rejected");
    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("upstream", "paas"))).await, "closed");
    assert!(browser.text("#reload").await.starts_with("As read at the start"), "{}", browser.text("#reload").await);
    assert_eq!(browser.evaluate(&format!("{}.cells[1].textContent", row("conditions", "serving"))).await, "yes");

    world.clock.advance(std::time::Duration::from_hours(1));

    browser.until(&format!("{}.cells[3].textContent === '1 h'", row("credentials", "acme"))).await;
}

#[tokio::test]
async fn it_can_be_paused_and_goes_on() {
    let (world, browser) = scene().await;

    browser.click("#pause").await;
    assert_eq!(browser.evaluate("document.querySelector('#pause').getAttribute('aria-pressed')").await, "true");
    traffic(&world).await;
    // Longer than a round takes: nothing may come.
    browser.evaluate("new Promise((resume) => setTimeout(resume, 2500))").await;
    assert_eq!(browser.text("#operations tbody").await, "No request yet.");
    browser.click("#pause").await;

    browser.until("document.querySelectorAll('#operations tbody tr').length > 3").await;
}

#[tokio::test]
async fn the_keyboard_reaches_everything_in_order_and_focus_can_be_seen() {
    let (_world, browser) = scene().await;
    let mut reached = Vec::new();

    for _ in 0..10 {
        browser.press("Tab").await;
        let focused = browser.evaluate("document.activeElement.textContent").await;
        reached.push(focused.as_str().unwrap().to_owned());
        let outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle").await;
        assert_eq!(outline, "solid", "{reached:?}");
    }

    let expected = [
        "Skip to the figures",
        "Pause",
        "Traffic",
        "Latency",
        "Tokens",
        "Upstreams",
        "Cache",
        "Limits",
        "Configuration",
        "Metrics",
    ];
    assert_eq!(reached, expected);
    browser.click("nav a[href='#limits']").await;
    assert_eq!(browser.evaluate("location.hash").await, "#limits");
}

#[tokio::test]
async fn a_screen_reader_is_told_of_landmarks_headings_and_headers() {
    let (world, browser) = scene().await;
    traffic(&world).await;
    browser.until("document.querySelectorAll('#operations tbody tr').length > 3").await;

    for width in [1200, 390] {
        browser.look(width, false).await;
        let tree = browser.tree("body").await;

        for told in ["banner", "main", "contentinfo", "navigation \"Sections\"", "heading \"passport-gateway\" [level=1]"] {
            assert!(tree.contains(told), "{width}: {told}: {tree}");
        }
        for told in [
            "table \"Traffic\"",
            "columnheader \"Operation\"",
            "rowheader \"list_accounts\"",
            "region \"Limits\"",
            "status: Ready",
        ] {
            assert!(tree.contains(told), "{width}: {told}: {tree}");
        }
    }
}

#[tokio::test]
async fn it_fits_a_phone_and_loads_nothing_from_elsewhere() {
    let (world, browser) = scene().await;
    traffic(&world).await;
    browser.until("document.querySelectorAll('#operations tbody tr').length > 3").await;
    // Two more readings, so that there are rates to show.
    browser.evaluate("new Promise((resume) => setTimeout(resume, 4500))").await;

    for (name, width, dark) in [("light.png", 1200, false), ("dark.png", 1200, true), ("phone.png", 390, false)] {
        browser.look(width, dark).await;
        let wide = browser.evaluate("document.documentElement.scrollWidth").await;
        assert_eq!(wide, width, "{name}: nothing stands out at the side");
        browser.picture(&format!("status-page-{name}"), width > 1000).await;
    }

    let ground = browser.evaluate("getComputedStyle(document.body).backgroundColor").await;
    browser.look(390, true).await;
    assert_ne!(browser.evaluate("getComputedStyle(document.body).backgroundColor").await, ground, "dark is another colour");
    let (errors, requests) = browser.told().await;
    assert_eq!(errors, Vec::<String>::new());
    let here = format!("http://{}/", world.admin);
    assert!(requests.iter().all(|url| url.starts_with(&here) || url == "data:,"), "{requests:?}");
}

#[tokio::test]
async fn it_says_so_when_the_gateway_is_gone() {
    let (world, browser) = scene().await;

    world.signal(passport_gateway::server::Signal::Now);
    world.ended().await;

    browser.until("document.querySelector('#ready').textContent === 'Not reachable'").await;
    assert!(browser.text("#summary").await.starts_with("What follows is from "));
}

#[tokio::test]
async fn a_refused_configuration_is_told_with_every_fault_until_it_is_mended() {
    let filed = Filed::with(LOCAL).await;
    let browser = Browser::start();
    browser.open(&format!("http://{}/", filed.world.admin)).await;
    browser.until("document.querySelector('#ready').textContent === 'Ready'").await;

    filed.rewrite(&format!("{LOCAL}\n[tenants.beta]\nscopes = [\"paas.core.*\", \"*\"]\ncredential = \"acne\"")).await;

    browser.until("document.querySelector('#reload').textContent.startsWith('Refused')").await;
    assert!(browser.text("#reload").await.ends_with("the one before stays in force."), "{}", browser.text("#reload").await);
    let faults = browser.text("#faults").await;
    for fault in ["tenants.beta.scopes[1]", "tenants.beta.credential", "did you mean `acme`?"] {
        assert!(faults.contains(fault), "{fault}: {faults}");
    }

    filed.rewrite(LOCAL).await;

    browser.until("document.querySelector('#reload').textContent.startsWith('Read anew')").await;
    assert_eq!(browser.text("#faults").await, "");
}
