//! Credentials, the places of their secrets, and the environment they are for.

use super::*;

/// The least, with a credential that says this.
fn credential(section: &str) -> Result<Loaded, Report> {
    let head = LEAST.split("[credentials.acme]").next().unwrap();
    read(&format!("[credentials.acme]\n{section}\n{head}"))
}

const SECRETS: &str = "client_id = { env = \"ID\" }\nclient_secret = { env = \"SECRET\" }";

#[test]
fn a_secret_is_a_file_or_a_variable() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, "hunter2\n").unwrap();

    let config = credential(&format!("client_id = {{ env = \"ID\" }}\nclient_secret = {{ file = {path:?} }}")).unwrap().config;

    assert_eq!(config.credentials[0].client_id, SecretSource::Env("ID".to_owned()));
    assert_eq!(config.credentials[0].client_secret, SecretSource::File(path));
}

#[test]
fn a_relative_path_starts_at_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "hunter2\n").unwrap();
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, LEAST.replace("{ env = \"SECRET\" }", "{ file = \"secret\" }")).unwrap();

    let loaded = load_with(&path, &environment).unwrap_or_else(|report| panic!("{report}"));

    assert_eq!(loaded.config.credentials[0].client_secret, SecretSource::File(directory.path().join("secret")));
}

#[test]
fn a_secret_written_out_is_advised_against_and_never_shown() {
    let loaded = credential("client_id = \"hunter2\"\nclient_secret = \"hunter2\"").unwrap();
    let shown = format!("{loaded:?}{}{}", loaded.warnings, super::super::effective(&loaded.config));

    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(loaded.warnings.warnings(), 2);
    assert_eq!(
        advice(Ok(loaded))[1],
        "3:17: credentials.acme.client_secret: is written out in the configuration; \
         keep it in a file or the environment: { file = \"…\" } or { env = \"…\" }"
    );
}

#[test]
fn faults_around_a_secret_do_not_show_it() {
    for section in [
        "client_secret = [\"hunter2\"]",
        "client_secrt = \"hunter2\"",
        "client_secret = { file = \"hunter2\", fle = \"hunter2\" }",
        "client_secret = \"hunter2",
        "client_secret = hunter2",
        "client_secret = \"hunter2\\q\"",
        "environment = \"hunter2\"",
        "[tenants.other]\nclient_secret = \"hunter2\"",
        "[credental.acme]\nclient_secret = \"hunter2\"",
        "[tenants.acne]\nx = { client_secrt = \"hunter2\", y = 3 }",
    ] {
        let report = credential(section).unwrap_err();

        let mut shown = format!("{report}{report:?}");
        shown.retain(|c| c != '`');
        let shown = shown.replace("/etc/gateway/hunter2", "");
        assert!(!shown.contains("hunter2"), "{section}: {shown}");
    }
}

#[test]
fn a_secret_has_exactly_one_place() {
    for (secret, message) in [
        ("{}", "names no place"),
        ("{ file = \"/a\", env = \"SECRET\" }", "names two places"),
        ("{ env = \"\" }", ".env: is empty"),
        ("{ env = \"OTHER\" }", "the secret's environment variable `OTHER` is not set"),
        ("{ file = \"/nowhere/secret\" }", "the secret's file `/nowhere/secret` cannot be read: there is none of this name"),
        ("7", "is no secret"),
        ("\"\"", "is empty"),
        ("\"a\\nb\"", "the secret holds a line break or another control character"),
    ] {
        let found = faults(credential(&format!("client_id = {{ env = \"ID\" }}\nclient_secret = {secret}")));

        assert!(found.len() == 1 && found[0].contains(message), "{secret}: {found:#?}");
    }
}

#[test]
fn a_credential_is_refused_outside_its_environment() {
    let production = "[passport]\nenvironment = \"production\"\n";
    let marked = |environment: &str| format!("{SECRETS}\nenvironment = \"{environment}\"");

    assert!(credential(&marked("sandbox")).is_ok());
    assert!(credential(&format!("{}\n{production}", marked("production"))).is_ok());
    assert!(credential(&format!("{SECRETS}\n[passport]\nenvironment = \"custom\"\nbase_url = \"http://127.0.0.1:9\"")).is_ok());
    assert_eq!(
        faults(credential(&marked("production"))),
        ["4:15: credentials.acme.environment: is production, but `passport.environment` is sandbox; \
          write \"sandbox\" if the credential is for it, or use another"]
    );
    assert_eq!(
        faults(credential(&format!("{}\n{production}", marked("sandbox"))))[0],
        "4:15: credentials.acme.environment: is sandbox, but `passport.environment` is production; \
         write \"production\" if the credential is for it, or use another"
    );
    assert_eq!(
        faults(credential(&format!("{SECRETS}\n{production}"))),
        ["1:1: credentials.acme.environment: is missing: a credential for production says so; \
          write \"production\" if the credential is for it, or use another"]
    );
}

#[test]
fn its_details_are_read() {
    let config = credential(&format!(
        "{SECRETS}\ntoken_request = \"basic\"\naccount = \"main\"\nquota = {{ requests = 50, per = \"1s\" }}\nrevoke_on_shutdown = true"
    ))
    .unwrap()
    .config;

    let credential = &config.credentials[0];
    assert_eq!(credential.token_request, TokenRequest::Basic);
    assert!(credential.revoke_on_shutdown);
    assert_eq!(&*credential.account, "main");
    assert_eq!(credential.quota.unwrap().rate.requests.get(), 50);
}

#[test]
fn by_default_it_asks_as_passport_wants_and_is_an_account_of_its_own() {
    let config = accepted(LEAST);

    assert_eq!(config.credentials[0].token_request, TokenRequest::Json);
    assert!(!config.credentials[0].revoke_on_shutdown);
    assert_eq!(&*config.credentials[0].account, "acme");
    assert_eq!(config.credentials[0].quota, None);
}

#[test]
fn one_that_no_tenant_uses_is_advised_about() {
    let found = advice(with(&format!("[credentials.spare]\n{SECRETS}")));

    assert_eq!(found, ["1:1: credentials.spare: is used by no tenant; remove it, or name it in a tenant's `credential`"]);
}
