//! Who must send keys, and where they are kept.

use std::time::Duration;

use super::*;
use crate::config::{RequiredFor, SharedBy};

const MONEY: &str = "paas.core.breb_payments.post";
const WRITES: &str = "paas.core.accounts.*";
const READS: &str = "paas.core.accounts.list.get";

/// The least, with a tenant that may do this.
fn granting(scope: &str, more: &str) -> Result<Loaded, Report> {
    read(&format!("{more}\n{}", LEAST.replace("paas.core.accounts.*", scope)))
}

#[test]
fn by_default_money_needs_keys_and_keys_need_a_place() {
    let found = faults(granting(MONEY, ""));

    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("idempotency.path: is missing: tenant `acme` may call `create_breb_payment`"), "{found:#?}");
    assert_eq!(advice(granting(MONEY, "idempotency.path = \"records.redb\"")), Vec::<String>::new());
}

#[test]
fn keys_need_a_place_only_where_somebody_must_send_one() {
    for (scope, required, needs) in [
        (MONEY, "money", true),
        (MONEY, "writes", true),
        (MONEY, "none", false),
        (WRITES, "money", false),
        (WRITES, "writes", true),
        (READS, "writes", false),
    ] {
        let loaded = granting(scope, &format!("idempotency.required_for = \"{required}\""));

        assert_eq!(loaded.is_err(), needs, "{scope} {required}");
    }
}

#[test]
fn an_operation_that_is_off_needs_no_place() {
    let off = "[operations]\ncreate_breb_payment = { enabled = false }\n\
               confirm_breb_payment = { enabled = false }\ncreate_ach_payment = { enabled = false }\n";

    assert_eq!(advice(granting(MONEY, off)), Vec::<String>::new());
}

#[test]
fn the_defaults_are_those_promised() {
    let idempotency = accepted(LEAST).idempotency;

    assert_eq!(idempotency.required_for, RequiredFor::Money);
    assert_eq!(idempotency.shared_by, SharedBy::Tenant);
    assert_eq!(idempotency.retention, Duration::from_hours(24));
    assert_eq!(idempotency.unknown_retention, Duration::from_hours(168));
    assert_eq!(idempotency.wait, Duration::ZERO);
}

#[test]
fn everything_that_is_written_is_read() {
    let text = "[idempotency]\npath = \"r.redb\"\nrequired_for = \"writes\"\nretention = \"1h\"\nunknown_retention = \"2h\"\n\
                encryption_key = \"0123456789abcdef0123456789abcdef\"\nlock_wait = \"3s\"\nwait = \"4s\"\nmax_records = 5\n\
                max_bytes = \"6MiB\"\nforward_header = \"idempotency-key\"\nwhen_unavailable = \"forward\"\n";
    let config = accepted(&format!("{text}{LEAST}"));

    let again = accepted(&effective(&config).replace("[redacted]", &"s".repeat(32)));

    let shown = |config: &Config| format!("{:?}", config.idempotency);
    assert_eq!(shown(&config).replace('"', ""), shown(&again).replace('"', ""));
    assert_eq!(config.idempotency.path.as_deref(), Some(Path::new("/etc/gateway/r.redb")));
    assert!(!effective(&config).contains("0123456789abcdef"));
    assert!(effective(&config).contains("# At most one forward per key holds within this file"));
}

#[test]
fn keys_that_are_told_apart_here_must_not_meet_at_passport() {
    let record = "idempotency.path = \"r\"\nidempotency.forward_header = \"idempotency-key\"";
    let two = LEAST.replace(
        "[credentials.acme]",
        "[tenants.other]\ncredential = \"acme\"\nscopes = [\"paas.core.accounts.*\"]\n\
                            rate_limit = { requests = 100, per = \"1s\" }\n[credentials.acme]",
    );

    let tenants = faults(read(&format!("{record}\n{two}")));
    let callers = faults(with(&format!("{record}\nidempotency.shared_by = \"caller\"")));

    assert!(
        tenants.len() == 1 && tenants[0].contains("keys of two tenants meet at Passport: they share the credential `acme`"),
        "{tenants:#?}"
    );
    assert!(callers.len() == 1 && callers[0].contains("keys of two callers meet at Passport"), "{callers:#?}");
}

#[test]
fn what_cannot_be_is_a_fault() {
    for (line, message) in [
        ("path = \"r\"\nencryption_key = \"short\"", "idempotency.encryption_key: is too short"),
        ("encryption_key = { env = \"ID\" }", "is too short"),
        ("path = \"r\"\nforward_header = \"authorization\"", "idempotency.forward_header: is no header field that may go up"),
        ("forward_header = \"idempotency-key\"", "idempotency.forward_header: has no effect: no records are kept"),
        ("retention = \"0s\"", "idempotency.retention: is zero"),
        ("max_records = 0", "idempotency.max_records: is out of bounds"),
    ] {
        let found = faults(read(&format!("[idempotency]\n{line}\n{LEAST}")));

        assert!(found.iter().any(|fault| fault.contains(message)), "{line}: {found:#?}");
    }
}

#[test]
fn redis_keeps_records_without_a_path_and_has_no_use_for_what_files_need() {
    let redis = "store = { kind = \"redis\", url = \"redis://127.0.0.1\" }";
    let config = accepted(&format!("{redis}\n{}", LEAST.replace("paas.core.accounts.*", MONEY)));

    let found = advice(granting(MONEY, &format!("{redis}\n[idempotency]\npath = \"r\"\nlock_wait = \"1s\"\nlease = \"5s\"")));

    assert_eq!(config.idempotency.lease, Duration::from_secs(10));
    assert!(effective(&config).contains("holds within the Redis of [store]") && effective(&config).contains("lease = \"10s\""));
    assert!(
        found.len() == 2 && found.iter().all(|line| line.contains("store.kind = \"redis\" keeps records in Redis")),
        "{found:#?}"
    );
}

#[test]
fn a_lease_is_of_redis_and_long_enough_to_be_renewed() {
    let redis = "store = { kind = \"redis\", url = \"redis://127.0.0.1\" }\nidempotency.lease = \"900ms\"";

    let unused = advice(granting(READS, "idempotency.lease = \"5s\""));

    assert!(faults(granting(MONEY, redis))[0].contains("idempotency.lease: is too short for an owner to renew it in time"));
    assert!(
        unused.len() == 1 && unused[0].contains("idempotency.lease: has no effect: records in a file have one owner"),
        "{unused:#?}"
    );
}

#[test]
fn a_file_behind_an_address_that_others_reach_may_be_one_of_several() {
    let key = format!("[[api_keys]]\nid = \"a\"\nsha256 = \"{}\"\ntenant = \"acme\"\nscopes = [\"{MONEY}\"]\n", "ab".repeat(32));
    let least = LEAST.replace("[local]\ntenant = \"acme\"", &key).replace("paas.core.accounts.*", MONEY);
    let listening = |address: &str| read(&format!("server.listen = [\"{address}\"]\nidempotency.path = \"r\"\n{least}"));

    let found = advice(listening("10.0.0.1:8080"));

    let told = found.iter().filter(|line| line.contains("idempotency.path")).collect::<Vec<_>>();
    assert!(told.len() == 1 && told[0].contains("replicas with files of their own do not know of each other"), "{found:#?}");
    assert!(told[0].contains("write store.kind = \"redis\""), "{found:#?}");
    assert!(!advice(listening("127.0.0.1:8080")).iter().any(|line| line.contains("idempotency.path")));
}
