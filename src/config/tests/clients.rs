//! `[[clients]]`: callers by client certificate.

use tempfile::TempDir;

use super::*;

/// A folder with the files that TLS needs.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let own = rcgen::generate_simple_self_signed(["gateway.internal".to_owned()]).unwrap();
    for (name, content) in [("tls.crt", own.cert.pem()), ("ca.crt", own.cert.pem()), ("tls.key", own.signing_key.serialize_pem())]
    {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

const ASKING: &str = "server = { tls = { certificate = \"tls.crt\", key = \"tls.key\", client_ca = \"ca.crt\" } }";

/// What comes of these clients behind this server.
fn reading(server: &str, clients: &str) -> Result<Loaded, Report> {
    let folder = folder();
    parse(&format!("{server}\nclients = [{clients}]\n{LEAST}"), &folder.path().join("gateway.toml"), &environment)
}

fn told(server: &str, clients: &str) -> Vec<String> {
    let report = reading(server, clients).unwrap_err();
    report.faults().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
}

#[test]
fn a_client_is_named_by_workload_or_dns_name_and_has_an_id() {
    let workload = "{ spiffe = \"spiffe://example/ns/pay/sa/App\", tenant = \"acme\" }";
    let host = "{ id = \"reports\", san = \"App.Internal\", tenant = \"acme\", scopes = [\"paas.core.accounts.*\"] }";

    let loaded = reading(ASKING, &format!("{workload}, {host}")).unwrap();

    let [first, second] = &loaded.config.clients[..] else { panic!() };
    assert_eq!(first.name, CertificateName::Spiffe("spiffe://example/ns/pay/sa/App".to_owned()));
    assert_eq!((&*first.id, &first.scopes), ("spiffe://example/ns/pay/sa/App", &None));
    assert_eq!(second.name, CertificateName::Dns("app.internal".to_owned()));
    assert_eq!((&*second.id, second.scopes.as_ref().unwrap().len()), ("reports", 1));
    let shown = effective(&loaded.config);
    assert!(shown.contains("[[clients]]\nid = \"reports\"\nsan = \"app.internal\"\ntenant = \"acme\"\nscopes = ["), "{shown}");
}

#[test]
fn clients_need_a_listener_that_asks_them() {
    let client = "{ san = \"app.internal\", tenant = \"acme\" }";
    let unasking = "server = { tls = { certificate = \"tls.crt\", key = \"tls.key\" } }";

    for server in ["", unasking] {
        assert_eq!(told(server, client), ["clients: are never asked for a certificate"], "{server}");
    }
    assert_eq!(told("server = { tls = {} }", client).len(), 2, "only what `tls` itself lacks");
    assert!(reading("", "").is_ok());
}

#[test]
fn what_names_nobody_exactly_is_refused() {
    for (client, fault) in [
        ("{ tenant = \"acme\" }", "clients[0]: does not say what its certificate says"),
        ("{ san = \"a.b\", spiffe = \"spiffe://a/b\", tenant = \"acme\" }", "clients[0]: is named in two ways"),
        ("{ san = \"*.internal\", tenant = \"acme\" }", "clients[0].san: is no DNS name"),
        ("{ san = \"app.internal.\", tenant = \"acme\" }", "clients[0].san: is no DNS name"),
        ("{ san = \"a b\", tenant = \"acme\" }", "clients[0].san: is no DNS name"),
        ("{ spiffe = \"https://a/b\", tenant = \"acme\" }", "clients[0].spiffe: is no SPIFFE ID of a workload"),
        ("{ spiffe = \"spiffe://a\", tenant = \"acme\" }", "clients[0].spiffe: is no SPIFFE ID of a workload"),
        ("{ spiffe = \"spiffe://a/b/\", tenant = \"acme\" }", "clients[0].spiffe: is no SPIFFE ID of a workload"),
        ("{ spiffe = \"spiffe://a/../b\", tenant = \"acme\" }", "clients[0].spiffe: is no SPIFFE ID of a workload"),
        ("{ spiffe = \"spiffe://a:1/b\", tenant = \"acme\" }", "clients[0].spiffe: is no SPIFFE ID of a workload"),
        ("{ spiffe = \"spiffe://a/b?c\", tenant = \"acme\" }", "clients[0].spiffe: is no SPIFFE ID of a workload"),
        ("{ san = \"a.b\" }", "clients[0].tenant: is missing"),
        ("{ san = \"a.b\", tenant = \"acne\" }", "clients[0].tenant: there is no tenant `acne`"),
    ] {
        let told = told(ASKING, client);
        assert!(told.len() == 1 && told[0].starts_with(fault), "{client}: {told:?}");
    }
}

#[test]
fn a_name_and_an_id_are_one_callers() {
    let twice = "{ id = \"a\", san = \"a.b\", tenant = \"acme\" }, { id = \"a\", san = \"A.B\", tenant = \"acme\" }";

    assert_eq!(
        told(ASKING, twice),
        ["clients[1].id: is the same as `clients[0].id`", "clients[1].san: is the same as `clients[0].san`"]
    );
}

#[test]
fn certificates_that_nobody_is_known_by_are_advised_about_unless_they_are_required() {
    let warnings = |server: &str, clients: &str| {
        let folder = folder();
        let text = format!("{server}\n{clients}\n{LEAST}");
        let loaded = parse(&text, &folder.path().join("gateway.toml"), &environment).unwrap();
        loaded.warnings.faults().map(|fault| fault.message.clone()).collect::<Vec<_>>()
    };

    let told = warnings(ASKING, "");
    assert!(told.len() == 1 && told[0].ends_with("`client_ca` has no effect"), "{told:?}");
    assert_eq!(
        warnings(&ASKING.replace("\"ca.crt\"", "\"ca.crt\", require_client_certificate = true"), ""),
        Vec::<String>::new()
    );
    assert_eq!(warnings(ASKING, "clients = [{ san = \"a.b\", tenant = \"acme\" }]"), Vec::<String>::new());
}
