//! The Kubernetes manifests fit the gateway that they run. (`make manifests` holds them against the schemas.)

use super::support::{Mounted, blocks, file, values};

const MANIFESTS: [&str; 2] = ["deploy/kubernetes/sidecar.yaml", "deploy/kubernetes/shared.yaml"];

/// What the manifest's one configuration makes `check` say.
fn checked(manifest: &str) -> (String, String) {
    let configs = blocks(manifest, "gateway.toml");
    assert_eq!(configs.len(), 1);
    let certified = rcgen::generate_simple_self_signed(["passport-gateway.passport-gateway.svc".to_owned()]).unwrap();
    let content = |path: &str| match path {
        "/run/tls/tls.crt" => Some(certified.cert.pem()),
        "/run/tls/tls.key" => Some(certified.signing_key.serialize_pem()),
        path if path.ends_with("/redis-url") => Some("rediss://user:password@redis.redis.svc:6379/0\n".to_owned()),
        path => path.starts_with("/run/secrets/").then(|| "secret\n".to_owned()),
    };
    Mounted::new(&configs[0], content).checked()
}

#[test]
fn each_configuration_passes_check_which_warns_of_nothing_else() {
    // Probes and Prometheus come from other addresses; who else may is for the NetworkPolicy to say.
    let admin = "warning: admin.listen: can be reached from other machines: metrics and status name tenants";
    for path in MANIFESTS {
        let (_, warned) = checked(&file(path));

        let warnings: Vec<&str> = warned.lines().filter(|line| line.starts_with("warning: ")).collect();
        assert_eq!(warnings, [admin], "{path}");
    }
}

#[test]
fn the_grace_period_is_what_check_prints() {
    for path in MANIFESTS {
        let manifest = file(path);
        let (printed, _) = checked(&manifest);
        let least = printed.split("terminationGracePeriodSeconds of at least ").nth(1).unwrap().split(' ').next().unwrap();

        assert_eq!(values(&manifest, "terminationGracePeriodSeconds"), [least], "{path}");
    }
}

#[test]
fn probes_and_scrapes_reach_the_admin_listener() {
    for path in MANIFESTS {
        let manifest = file(path);

        assert!(manifest.contains("{ name: admin, containerPort: 9901 }") && manifest.contains("listen = \"0.0.0.0:9901\""));
        for probe in values(&manifest, "httpGet") {
            assert!(["{ path: /readyz, port: admin }", "{ path: /livez, port: admin }"].contains(&probe), "{path}: {probe}");
        }
        assert_eq!(values(&manifest, "httpGet").len(), 3, "{path}: start, ready, live");
    }
}
