//! `[server] tls`: files that can be used, and what is said about those that cannot.

use tempfile::TempDir;

use super::*;

/// Certificate and key in a folder, which `change` may spoil.
fn folder(change: impl FnOnce(&mut rcgen::CertificateParams)) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["gateway.internal".to_owned()]).unwrap();
    change(&mut parameters);
    let key = rcgen::KeyPair::generate().unwrap();
    write(&folder, "tls.crt", &parameters.self_signed(&key).unwrap().pem());
    write(&folder, "tls.key", &key.serialize_pem());
    folder
}

fn write(folder: &TempDir, name: &str, content: &str) {
    std::fs::write(folder.path().join(name), content).unwrap();
}

fn reading(folder: &TempDir, tls: &str) -> Result<Loaded, Report> {
    parse(&format!("server = {{ tls = {{ {tls} }} }}\n{LEAST}"), &folder.path().join("gateway.toml"), &environment)
}

const BOTH: &str = "certificate = \"tls.crt\", key = \"tls.key\"";

/// Key and message of everything that prevents the start, paths taken out.
fn told(folder: &TempDir, tls: &str) -> Vec<String> {
    let report = reading(folder, tls).unwrap_err();
    let place = format!("{}/", folder.path().display());
    let errors = report.faults().filter(|fault| fault.severity == Severity::Error);
    errors.map(|fault| format!("{}: {}", fault.key, fault.message).replace(&place, "")).collect()
}

#[test]
fn certificate_and_key_make_tls_and_are_shown() {
    let folder = folder(|_| {});
    write(&folder, "ca.crt", &std::fs::read_to_string(folder.path().join("tls.crt")).unwrap());

    let loaded = reading(&folder, &format!("{BOTH}, client_ca = \"ca.crt\"")).unwrap();

    let tls = loaded.config.server.tls.clone().unwrap();
    assert_eq!(tls.key, folder.path().join("tls.key"));
    assert_eq!((tls.client_ca, tls.require_client_certificate), (Some(folder.path().join("ca.crt")), false));
    let place = folder.path().display();
    let line = format!(
        "tls = {{ certificate = \"{place}/tls.crt\", key = \"{place}/tls.key\", client_ca = \"{place}/ca.crt\", require_client_certificate = false }}"
    );
    assert!(effective(&loaded.config).contains(&line), "{}", effective(&loaded.config));
}

#[test]
fn callers_from_elsewhere_need_no_advice_with_tls() {
    let folder = folder(|_| {});
    let listening = |tls: &str| {
        let least = LEAST
            .replace("[local]\ntenant", "[[api_keys]]\nid = \"a\"\nscopes = [\"paas.core.accounts.*\"]\nsha256 = \"{}\"\ntenant");
        let text = format!("server = {{ listen = [\"0.0.0.0:0\"]{tls} }}\n{}", least.replace("{}", &"0".repeat(64)));
        let loaded = parse(&text, &folder.path().join("gateway.toml"), &environment).unwrap();
        loaded.warnings.faults().map(|fault| fault.message.clone()).collect::<Vec<_>>()
    };

    assert!(listening("")[0].starts_with("takes plain HTTP from other machines"));
    assert_eq!(listening(&format!(", tls = {{ {BOTH} }}")), Vec::<String>::new());
}

#[test]
fn all_that_is_wrong_with_the_files_is_told_at_once() {
    let folder = folder(|_| {});
    write(&folder, "nonsense", "nonsense");

    assert_eq!(
        told(&folder, "certificate = \"nonsense\", key = \"tls.crt\", client_ca = \"nowhere\""),
        [
            "server.tls.certificate: names a file that holds no certificate in PEM (`nonsense`)",
            "server.tls.key: names a file that holds no private key in PEM (`tls.crt`)",
            "server.tls.client_ca: names a file that cannot be read: there is none of this name (`nowhere`)",
        ]
    );
    assert_eq!(told(&folder, ""), ["server.tls.certificate: is missing", "server.tls.key: is missing"]);
}

#[test]
fn a_certificate_must_hold_and_be_the_keys_own() {
    let (good, other) = (folder(|_| {}), folder(|_| {}));
    let expired = folder(|parameters| parameters.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = folder(|parameters| parameters.not_before = rcgen::date_time_ymd(2999, 1, 1));
    std::fs::copy(other.path().join("tls.key"), good.path().join("other.key")).unwrap();

    assert_eq!(
        told(&good, "certificate = \"tls.crt\", key = \"other.key\""),
        ["server.tls.key: names a file that is not the private key of the certificate (`other.key`)"]
    );
    assert_eq!(
        told(&expired, BOTH),
        ["server.tls.certificate: names a file that holds a certificate that has expired (`tls.crt`)"]
    );
    assert_eq!(
        told(&early, BOTH),
        ["server.tls.certificate: names a file that holds a certificate that is not valid yet (`tls.crt`)"]
    );
}

#[test]
fn a_certificate_that_ends_soon_is_advised_about() {
    let soon = time::OffsetDateTime::from(crate::clock::Clock::wall(&crate::clock::SystemClock));
    let folder = folder(|parameters| parameters.not_after = soon + time::Duration::hours(7));

    let warnings: Vec<_> = reading(&folder, BOTH).unwrap().warnings.faults().map(|fault| fault.message.clone()).collect();

    assert_eq!(warnings, ["ends in less than eight hours"]);
}

#[test]
fn certificates_cannot_be_required_without_a_root() {
    let folder = folder(|_| {});

    assert_eq!(
        told(&folder, &format!("{BOTH}, require_client_certificate = true")),
        ["server.tls.require_client_certificate: needs `client_ca`"]
    );
}
