//! The compose file and the systemd units fit the gateway that they run. (`make manifests` holds them against their schemas.)

use super::support::{Mounted, file, values};

#[test]
fn the_trials_configuration_passes_check() {
    let environment = [("PASSPORT_CLIENT_ID", "id"), ("PASSPORT_CLIENT_SECRET", "secret")];
    let (printed, warned) = Mounted::new(&file("deploy/compose/gateway.toml"), |_| None).checked_with(&environment);

    let warnings: Vec<&str> = warned.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert!(
        warnings.iter().all(|line| ["admin.listen", "passport", "server", "store"].iter().any(|key| line.contains(key))),
        "{warned}"
    );
    let grace = printed.split("terminationGracePeriodSeconds of at least ").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(values(&file("deploy/compose/compose.yaml"), "stop_grace_period"), [format!("{grace}s")]);
}

#[test]
fn what_is_mounted_is_there() {
    let compose = file("deploy/compose/compose.yaml");
    let mounts: Vec<&str> = compose.lines().filter_map(|line| line.trim().strip_prefix("- .")?.split(':').next()).collect();

    assert_eq!(mounts.len(), 5, "{mounts:?}");
    for mount in mounts {
        let path = format!("{}/deploy/compose/.{mount}", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&path).exists(), "{path}");
    }
}

#[test]
fn systemd_waits_as_long_as_check_says_of_the_defaults() {
    let environment = [("ACME_CLIENT_ID", "id"), ("ACME_CLIENT_SECRET", "secret")];
    let (printed, _) = Mounted::new(&file("config/gateway.toml"), |_| None).checked_with(&environment);
    let grace = printed.split("terminationGracePeriodSeconds of at least ").nth(1).unwrap().split(' ').next().unwrap();

    assert!(file("deploy/systemd/passport-gateway.service").contains(&format!("\nTimeoutStopSec={grace}\n")), "{grace}");
}
