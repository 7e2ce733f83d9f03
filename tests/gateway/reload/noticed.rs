//! How a change is noticed: by its content, by a signal, or because somebody says so.

use std::os::unix::fs::symlink;
use std::path::Path;

use http::StatusCode;
use tempfile::TempDir;

use super::acme;
use crate::support::Client;
use crate::support::filed::Filed;
use crate::support::process::Process;
use crate::support::until::until;

const TOKEN: &str = "a-token-of-more-than-16-bytes";

/// Puts a file where a `ConfigMap` has it: `gateway.toml` leads to `..data/gateway.toml`, and `..data` to a folder of the day.
fn mounted(path: &Path, version: &str, text: &str) {
    let mount = path.parent().unwrap();
    std::fs::create_dir(mount.join(version)).unwrap();
    std::fs::write(mount.join(version).join("gateway.toml"), text).unwrap();
    symlink(version, mount.join("..data_tmp")).unwrap();
    std::fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    if !path.exists() {
        symlink("..data/gateway.toml", path).unwrap();
    }
}

#[tokio::test]
async fn a_config_map_is_swapped_by_a_link_that_nobody_watches() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gateway.toml");
    let filed = Filed::at(folder, path.clone(), &acme("", ""), |path, text| mounted(path, "..2026_1", text)).await;

    let before = filed.reloads().await;
    mounted(&path, "..2026_2", &filed.text(&acme("rate_limit = { requests = 5, per = \"1s\" }", "")));
    filed.noticed(before).await;

    assert_eq!(filed.last_reload().await["applied"], true);
    assert_eq!(filed.world.admin("/status").await.json()["limits"][0]["requests"], 5);
}

#[tokio::test]
async fn a_touched_file_of_the_same_content_is_no_change() {
    let filed = Filed::with(&acme("", "")).await;

    filed.write(&acme("", ""));
    for _ in 0..3 {
        filed.world.clock.advance(std::time::Duration::from_secs(2));
        filed.world.get("/v1/accounts").await;
    }

    assert_eq!(filed.reloads().await, 0.0);
    assert!(filed.last_reload().await.is_null());
}

#[tokio::test]
async fn whoever_may_asks_for_it_and_is_told_what_came_of_it() {
    let control = format!("control = {{ listen = \"127.0.0.1:0\", token = {{ file = \"token\" }} }}\n{}", acme("", ""));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    let filed = Filed::at(folder, path, &control, |path, text| std::fs::write(path, text).unwrap()).await;
    let reload = async |token: &str, body: Option<&str>| {
        let client = Client::connect(filed.world.control.unwrap()).await;
        client.with(format!("Authorization: Bearer {token}")).request("POST", "/reload", body).await
    };

    filed.write(&format!("server.idle_timeout = \"30s\"\n{control}"));
    let applied = reload(TOKEN, Some("{}")).await;
    filed.write(&format!("server.idle_timout = \"30s\"\n{control}"));
    let refused = reload(TOKEN, None).await;

    assert_eq!(applied.status, StatusCode::OK);
    assert_eq!((&applied.json()["applied"], &applied.json()["needs_restart"][0]), (&true.into(), &"server.idle_timeout".into()));
    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration"));
    assert!(refused.json()["errors"][0].as_str().unwrap().contains("did you mean `idle_timeout`?"), "{refused:?}");

    filed.write(&control);
    std::fs::write(filed.beside("token"), "another-token-of-more-than-16").unwrap();
    assert_eq!(reload(TOKEN, None).await.status, StatusCode::OK);
    assert_eq!(reload(TOKEN, None).await.status, StatusCode::UNAUTHORIZED, "a rotated token counts from then on");
    assert_eq!(reload("another-token-of-more-than-16", None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_process_reads_anew_on_a_hangup_and_goes_on() {
    let places = "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
                  idempotency.required_for = \"none\"\npassport = { environment = \"custom\", base_url = \"http://127.0.0.1:9\" }\n";
    let process = Process::run(&format!("{places}{}", acme("", ""))).await;
    let limited = acme("rate_limit = { requests = 5, per = \"1s\" }", "");
    std::fs::write(process.beside("gateway.toml"), format!("{places}{limited}")).unwrap();

    process.signal("HUP");

    until("it has read it", async || process.admin("/status").await.json()["last_reload"]["applied"] == true).await;
    assert_eq!(process.admin("/status").await.json()["limits"][0]["requests"], 5);
    std::fs::write(process.beside("gateway.toml"), "nonsense").unwrap();
    process.signal("HUP");
    until("it has refused it", async || process.admin("/status").await.json()["last_reload"]["applied"] == false).await;
    assert_eq!(process.admin("/livez").await.status, StatusCode::OK);
    let (code, log) = process.end().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("the configuration is applied") && log.contains("the configuration is not applied"), "{log}");
}
