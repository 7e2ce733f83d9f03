//! The commands around a configuration: what is wrong with it, what is in force, and what goes into it.

use std::path::Path;

use http::StatusCode;
use tempfile::TempDir;

use crate::support::World;
use crate::support::process::{program, program_with, told};

/// Ten faults of ten kinds, each with its line, its key and a piece of its remedy.
const FAULTY: &str = r#"
[server]
workers = "four"
max_body_bytes = "256 KB"
header_timeot = "10s"

[passport]
timeout = "15 seconds"

[[api_keys]]
id = "reports"
sha256 = "abc"
tenant = "acmee"
scopes = ["*"]

[tenants.acme]
credential = "other"
scopes = ["paas.core.*"]

[credentials.acme]
client_id = { env = "NOT_THERE_AT_ALL" }
client_secret = { file = "/nowhere/secret" }
environment = "sandbox"

[operations.list_paymnts]
cache_ttl = "2s"
"#;

const FAULTS: [(u32, &str, &str); 11] = [
    (3, "server.workers", "whole number"),
    (4, "server.max_body_bytes", "64KiB"),
    (5, "server.header_timeot", "did you mean `header_timeout`?"),
    (8, "passport.timeout", "250ms"),
    (12, "api_keys[0].sha256", "hash-key"),
    (13, "api_keys[0].tenant", "did you mean `acme`?"),
    (14, "api_keys[0].scopes[0]", "paas.core.*"),
    (17, "tenants.acme.credential", "[credentials.other]"),
    (21, "credentials.acme.client_id", "put the secret there"),
    (22, "credentials.acme.client_secret", "put the secret there"),
    (25, "operations.list_paymnts", "did you mean `list_payments`?"),
];

struct Folder(TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> String {
        self.0.path().join("gateway.toml").to_str().unwrap().to_owned()
    }
}

/// Whether some fault is told with this line, key and remedy.
fn names(report: &str, path: &str, (line, key, remedy): (u32, &str, &str)) -> bool {
    report.split("\n\n").any(|fault| {
        fault.starts_with(&format!("error: {key}: ")) && fault.contains(&format!("{path}:{line}:")) && fault.contains(remedy)
    })
}

#[tokio::test]
async fn every_fault_is_told_at_once_with_its_line_and_its_remedy() {
    let folder = Folder::with(FAULTY);

    for command in ["check", "run"] {
        let output = program(&[command, "--config", &folder.path()]).await;

        let (code, stdout, report) = told(&output);
        assert_eq!((code, stdout), (78, ""), "{command}");
        for fault in FAULTS {
            assert!(names(report, &folder.path(), fault), "{fault:?} is not told:\n{report}");
        }
        assert_eq!(report.matches("error: ").count(), FAULTS.len(), "{report}");
    }
}

#[tokio::test]
async fn what_is_no_toml_is_told_with_its_line() {
    let folder = Folder::with("[server]\nworkers = = 4\n");

    let output = program(&["check", "--config", &folder.path()]).await;

    let (code, _, report) = told(&output);
    assert_eq!(code, 78);
    assert!(report.contains(&format!("{}:2:", folder.path())), "{report}");
}

#[tokio::test]
async fn the_configuration_that_is_shipped_passes() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/gateway.toml");
    let secrets = [("ACME_CLIENT_ID", "id-of-acme"), ("ACME_CLIENT_SECRET", "secret-of-acme")];

    let output = program_with(&["check", "--config", shipped.to_str().unwrap()], &secrets, "").await;

    let (code, effective, complaints) = told(&output);
    assert_eq!(code, 0, "{complaints}");
    assert!(effective.contains("[tenants.acme]") && effective.contains("stream_timeout"), "{effective}");
    assert!(!effective.contains("of-acme"), "{effective}");
}

#[tokio::test]
async fn what_is_legal_but_unwise_is_warned_of() {
    let folder = Folder::with(
        "[server]\nlisten = [\"0.0.0.0:0\"]\n[tenants.acme]\nscopes = [\"paas.core.*\"]\n\
         [credentials.acme]\nclient_id = \"id\"\nclient_secret = \"literal-secret\"\nenvironment = \"sandbox\"\n\
         [[api_keys]]\nid = \"app\"\nsha256 = \"0123456789012345678901234567890123456789012345678901234567890123\"\n\
         tenant = \"acme\"\nscopes = [\"paas.core.*\"]\n[idempotency]\nrequired_for = \"none\"\n",
    );

    let output = program(&["check", "--config", &folder.path()]).await;

    let (code, effective, warnings) = told(&output);
    assert_eq!(code, 0, "{warnings}");
    for (line, unwise) in [(2, "plain HTTP"), (3, "rate_limit"), (7, "written out")] {
        let told = warnings.split("\n\n").any(|warning| {
            warning.starts_with("warning: ") && warning.contains(&format!(":{line}:")) && warning.contains(unwise)
        });
        assert!(told, "{unwise}: {warnings}");
    }
    assert!(!format!("{effective}{warnings}").contains("literal-secret"), "{effective}{warnings}");
}

#[tokio::test]
async fn the_file_may_be_named_by_the_environment() {
    let folder = Folder::with("[servr]\n");

    let output = program_with(&["check"], &[("PASSPORT_GATEWAY_CONFIG", &folder.path())], "").await;

    assert_eq!(told(&output).0, 78);
    assert!(told(&output).2.contains("did you mean `server`?"), "{output:?}");
}

#[tokio::test]
async fn every_operation_is_listed_and_whether_it_is_enabled() {
    let folder = Folder::with(
        "[passport]\nenvironment = \"production\"\n[operations.get_key]\nenabled = false\n[local]\ntenant = \"acme\"\n\
         [tenants.acme]\nscopes = [\"paas.core.accounts.*\"]\n\
         [credentials.acme]\nclient_id = \"id\"\nclient_secret = \"secret\"\nenvironment = \"production\"\n",
    );

    let output = program(&["operations", "--config", &folder.path()]).await;

    let (code, table, complaints) = told(&output);
    assert_eq!(code, 0, "{complaints}");
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(rows[0], ["OPERATION", "METHOD", "PATH", "SCOPE", "UPSTREAM", "CACHE", "EFFECT", "ENABLED"]);
    let names: Vec<_> = rows[1..].iter().map(|row| row[0]).collect();
    let mut promised = [
        "list_customers",
        "get_customer",
        "create_customer",
        "link_merchant",
        "list_accounts",
        "get_account",
        "link_account",
        "list_payments",
        "get_payment",
        "create_breb_payment",
        "confirm_breb_payment",
        "create_ach_payment",
        "list_keys",
        "get_key",
        "create_key",
        "suspend_key",
        "activate_key",
        "delete_key",
        "resolve_key",
        "list_recipients",
        "get_recipient",
        "create_recipient",
        "list_qr_codes",
        "get_qr_code",
        "create_qr_code",
        "delete_qr_code",
        "decode_qr_code",
    ];
    promised.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, promised);
    let row = |name: &str| &rows[1 + names.iter().position(|listed| *listed == name).unwrap()];
    assert_eq!(row("list_accounts")[1..], ["GET", "/v1/accounts", "paas.core.accounts.list.get", "paas", "5s", "read", "yes"]);
    assert_eq!(row("create_breb_payment")[6], "money");
    assert!(row("get_key")[7].starts_with("no"), "{:?}", row("get_key"));
    assert!(row("create_customer")[7].starts_with("no: its upstream"), "{:?}", row("create_customer"));
}

#[tokio::test]
async fn a_new_key_is_let_in_once_its_digest_is_configured() {
    let made = program(&["new-key"]).await;
    let (code, made, _) = told(&made);
    let key = made.lines().find(|line| line.starts_with("pgk_")).unwrap();
    let hashed = program_with(&["hash-key"], &[], &format!("{key}\n")).await;
    let (_, entry, _) = told(&hashed);

    assert_eq!(code, 0);
    assert!(made.ends_with(entry), "both print the same entry: {made} {entry}");
    assert!(!entry.contains(key));
    let entry = entry.replace("name-of-the-tenant", "acme").replace("scopes = []", "scopes = [\"paas.core.*\"]");
    let tenant = "[tenants.acme]\nscopes = [\"paas.core.*\"]\n[credentials.acme]\nclient_id = \"sandbox-client\"\n\
                  client_secret = \"sandbox-secret\"\nenvironment = \"custom\"\n";
    let world = World::with(&format!("{entry}{tenant}")).await;
    let mut client = world.client().await.with(format!("Authorization: Bearer {key}"));
    assert_eq!(client.get("/v1/accounts").await.status, StatusCode::OK);
    assert_eq!(world.get("/v1/accounts").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_new_keys_are_never_the_same() {
    let (one, other) = (program(&["new-key"]).await, program(&["new-key"]).await);

    assert_ne!(told(&one).1, told(&other).1);
}

#[tokio::test]
async fn a_key_that_could_be_guessed_is_refused() {
    for weak in ["", "pgk_short", "password", "pgk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let output = program_with(&["hash-key"], &[], weak).await;

        let (code, entry, complaint) = told(&output);
        assert_eq!((code, entry), (1, ""), "{weak}");
        assert!(!complaint.is_empty() && (weak.is_empty() || !complaint.contains(weak)), "{weak}: {complaint}");
    }
}
