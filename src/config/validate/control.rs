//! The listener that changes things: for this machine only, and with a token where a file's mode does not guard it.

use super::credentials::secret;
use super::listeners::{address, is_taken};
use crate::config::raw::{Table, Value};
use crate::config::settings::{Admin, Control, Listen, SecretSource, Server};

/// A token that is shorter can be guessed.
const SHORTEST: usize = 16;

pub(super) fn control(root: &Table<'_>, server: &Server, admin: &Admin) -> Option<Control> {
    root.value("control")?;
    let section = root.section("control", &["listen", "token"]);
    let others = [&*server.listen, std::slice::from_ref(&admin.listen)].concat();
    let remedy = "write \"unix:/run/passport-gateway/control.sock\", or a port on loopback with a `token`";
    let listen = section.required("listen", remedy, |value| local(value, &others));
    let token = section.read("token", token);
    if matches!(listen, Some(Listen::Tcp(_))) && section.value("token").is_none() {
        let remedy = "add token = { file = \"…\" }, or listen on a Unix socket, which its file's mode guards";
        section.record(
            section
                .own_place()
                .error("listens on a port without a `token`: every user of the machine could change things", remedy),
        );
    }
    Some(Control { listen: listen?, token })
}

fn local(value: &Value<'_>, others: &[Listen]) -> Option<Listen> {
    let listen = address(value)?;
    if is_taken(&listen, others) {
        return value.fault("is an address of another listener, too", "give each a port of its own");
    }
    if !listen.is_local() {
        return value.fault("can be reached from other machines", "listen on a Unix socket, or on loopback with a `token`");
    }
    Some(listen)
}

fn token(value: &Value<'_>) -> Option<SecretSource> {
    let source = secret(value)?;
    let loaded = source.load_with(value.context().environment()).ok()?;
    if loaded.expose().len() < SHORTEST {
        value.advise(
            format!("is shorter than {SHORTEST} bytes: it can be guessed"),
            "make one at random, such as with `openssl rand -hex 32`",
        );
    }
    Some(source)
}
