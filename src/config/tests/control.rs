//! Who may change things: nobody from elsewhere, and on a port nobody without a token.

use super::*;

#[test]
fn a_unix_socket_needs_no_token_and_may_have_one() {
    let bare = accepted(&format!("control = {{ listen = \"unix:/run/control.sock\" }}\n{LEAST}"));
    let guarded =
        accepted(&format!("control = {{ listen = \"unix:/run/control.sock\", token = {{ env = \"SECRET\" }} }}\n{LEAST}"));

    assert!(accepted(LEAST).control.is_none());
    assert!(bare.control.unwrap().token.is_none());
    assert_eq!(guarded.control.unwrap().token, Some(SecretSource::Env("SECRET".to_owned())));
}

#[test]
fn a_port_needs_a_token() {
    let found = faults(with("control = { listen = \"127.0.0.1:9902\" }"));

    assert_eq!(
        found,
        [
            "1:11: control: listens on a port without a `token`: every user of the machine could change things; add token = { file = \"…\" }, or listen on a Unix socket, which its file's mode guards"
        ]
    );
}

#[test]
fn what_cannot_be_a_control_listener_is_refused() {
    for (control, expected) in [
        ("{ listen = \"0.0.0.0:9902\", token = { env = \"SECRET\" } }", "control.listen: can be reached from other machines"),
        ("{ listen = \"127.0.0.1:9901\", token = { env = \"SECRET\" } }", "control.listen: is an address of another listener"),
        ("{ listen = \"127.0.0.1:8080\", token = { env = \"SECRET\" } }", "control.listen: is an address of another listener"),
        ("{ listen = \"127.0.0.1:9902\", token = { env = \"NONE\" } }", "control.token: the secret's environment variable"),
        ("{ listen = \"127.0.0.1:9902\", token = \"\" }", "control.token: is empty"),
        ("{}", "control.listen: is missing"),
        ("{ listen = \"unix:/run/a.sock\", mode = \"0666\" }", "control.mode: is no key of the configuration"),
    ] {
        let found = faults(with(&format!("control = {control}")));

        assert_eq!(found.len(), 1, "{control}: {found:#?}");
        assert!(found[0].contains(expected), "{control}: {found:#?}");
    }
}

#[test]
fn a_token_that_can_be_guessed_is_advised_about() {
    let found = advice(with("control = { listen = \"127.0.0.1:9902\", token = { env = \"SECRET\" } }"));

    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("control.token: is shorter than 16 bytes"), "{found:#?}");
}
