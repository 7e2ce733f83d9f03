//! `[server] tls`: its files are read and checked now, so that no handshake is the first to find out.

use std::time::{Duration, SystemTime};

use crate::clock::{Clock, SystemClock};
use crate::config::raw::{Table, Value};
use crate::config::settings::Tls;
use crate::config::tls::{TlsError, TlsFile, TlsProblem};

const KEYS: [&str; 4] = ["certificate", "key", "client_ca", "require_client_certificate"];

/// A certificate that ends sooner should have been renewed by now, even one that lasts for a day.
const SOON: Duration = Duration::from_hours(8);

pub(super) fn tls(value: &Value<'_>) -> Option<Tls> {
    let table = Table::open(value, &KEYS)?;
    let certificate = table.required("certificate", "name the certificate's file, such as \"tls.crt\"", Value::path);
    let key = table.required("key", "name the private key's file, such as \"tls.key\"", Value::path);
    let client_ca = table.read("client_ca", Value::path);
    let require_client_certificate = table.or("require_client_certificate", false, Value::flag);
    if require_client_certificate && table.value("client_ca").is_none() {
        let remedy = "name the roots of callers' certificates, such as client_ca = \"ca.crt\"";
        table.read("require_client_certificate", |value| value.fault::<()>("needs `client_ca`", remedy));
    }
    let tls = Tls { certificate: certificate?, key: key?, client_ca, require_client_certificate };
    check(&table, &tls, SystemClock.wall());
    Some(tls)
}

fn check(table: &Table<'_>, tls: &Tls, wall: SystemTime) {
    if tls.read().and_then(|files| files.check(wall)).is_ok_and(|material| material.ends < wall + SOON) {
        let place = table.place(key_of(TlsFile::Certificate));
        table.record(place.warning("ends in less than eight hours", "renew it; the gateway picks up the new file"));
    }
    for TlsError { file, path, problem } in tls.problems(wall) {
        let message = format!("names a file that {problem} (`{}`)", path.display());
        table.record(table.place(key_of(file)).error(message, remedy(file, &problem)));
    }
}

fn key_of(file: TlsFile) -> &'static str {
    match file {
        TlsFile::Certificate => "certificate",
        TlsFile::Key => "key",
        TlsFile::ClientCa => "client_ca",
    }
}

fn remedy(file: TlsFile, problem: &TlsProblem) -> &'static str {
    match (problem, file) {
        (TlsProblem::Unreadable(_), _) => "name a file that exists and that the gateway may read",
        (TlsProblem::Lacks(_) | TlsProblem::Malformed, TlsFile::Certificate) => {
            "write the certificate there, followed by what leads from it to the root"
        }
        (TlsProblem::Lacks(_) | TlsProblem::Malformed, TlsFile::ClientCa) => {
            "write the roots there that callers' certificates lead to"
        }
        (TlsProblem::Expired, _) => "renew the certificate",
        (TlsProblem::NotYetValid, _) => "wait until it is valid, or set the machine's clock right",
        (TlsProblem::Mismatch, _) => "write the key there that the certificate was made for",
        (TlsProblem::UnusableKey, _) => "use an RSA key of at least 2048 bits, or one on P-256, P-384 or Ed25519",
        (TlsProblem::Lacks(_) | TlsProblem::Malformed, TlsFile::Key) => "write the certificate's private key there, in PEM",
    }
}
