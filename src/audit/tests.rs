use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread::yield_now;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{AuditPlace, SecretSource};
use crate::secret::Secret;

const PATIENCE: Duration = Duration::from_secs(20);

/// A trail in a folder of its own.
struct Trail {
    folder: TempDir,
    metrics: Metrics,
    audit: Arc<Audit>,
}

impl Trail {
    fn new(when_full: WhenFull) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("audit.jsonl");
        Self::at(folder, path, when_full)
    }

    fn at(folder: TempDir, path: PathBuf, when_full: WhenFull) -> Self {
        let hmac_key = Some(SecretSource::Literal(Secret::new("key".to_owned())));
        let settings = config::Audit { to: AuditPlace::File(path), when_full, hmac_key };
        let metrics = Metrics::new();
        let audit = Audit::start(&settings, SystemClock::shared(), &metrics).unwrap();
        Self { folder, metrics, audit }
    }

    /// A trail on a device that is always full, by a name that can be given to something else.
    fn full(when_full: WhenFull) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("audit.jsonl");
        symlink("/dev/full", &path).unwrap();
        Self::at(folder, path, when_full)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    fn deny(&self, request_id: &str) {
        self.audit.denial(&denial(request_id));
    }

    fn flushed(&self) {
        assert!(self.audit.lines.flush(PATIENCE));
    }

    fn count(&self, result: &str) -> u64 {
        self.metrics.audit_records_total.with(AuditResult { result }).get()
    }
}

fn denial(request_id: &str) -> Denial<'_> {
    Denial {
        request_id,
        tenant: None,
        caller: None,
        operation: "create_key",
        effect: Effect::Write,
        scope: "paas.core.keys.post",
        status: 401,
        outcome: "missing-credential",
    }
}

/// The request ids of records, in their order.
fn ids(path: &Path) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["request_id"].as_str().unwrap().to_owned();
    fs::read_to_string(path).unwrap().lines().map(id).collect()
}

#[test]
fn a_record_is_one_line_in_a_file_for_its_owner() {
    let trail = Trail::new(WhenFull::RefuseMoney);

    trail.deny("1");
    trail.deny("2");
    trail.flushed();

    assert_eq!(ids(&trail.path()), ["1", "2"]);
    assert_eq!(fs::metadata(trail.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((trail.count("written"), trail.count("lost")), (2, 0));
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew() {
    let trail = Trail::new(WhenFull::RefuseMoney);
    trail.deny("1");
    trail.flushed();

    fs::rename(trail.path(), trail.folder.path().join("audit.jsonl.1")).unwrap();
    trail.deny("2");
    trail.flushed();

    assert_eq!(ids(&trail.folder.path().join("audit.jsonl.1")), ["1"]);
    assert_eq!(ids(&trail.path()), ["2"]);
}

#[test]
fn a_file_that_was_copied_and_truncated_begins_anew_without_a_gap() {
    let trail = Trail::new(WhenFull::RefuseMoney);
    trail.deny("1");
    trail.flushed();

    fs::OpenOptions::new().write(true).open(trail.path()).unwrap().set_len(0).unwrap();
    trail.deny("2");
    trail.flushed();

    assert_eq!(ids(&trail.path()), ["2"]);
}

#[test]
fn who_asks_for_it_gets_a_file_of_the_same_name_opened_anew() {
    let trail = Trail::new(WhenFull::RefuseMoney);
    trail.deny("1");
    trail.flushed();

    trail.audit.reopen();
    trail.deny("2");
    trail.flushed();

    assert_eq!(ids(&trail.path()), ["1", "2"]);
}

#[test]
fn on_a_full_disk_no_payment_finds_a_place_and_what_else_is_lost_is_counted() {
    let trail = Trail::full(WhenFull::RefuseMoney);

    assert!(!trail.audit.is_available());
    assert_eq!(trail.audit.place(Effect::Money).err(), Some(Unavailable));
    assert!(trail.audit.place(Effect::Write).is_ok());
    trail.deny("1");
    assert_eq!((trail.count("lost"), trail.metrics.audit_available.with(()).get()), (1, 0));
}

#[test]
fn where_the_operator_wants_it_so_payments_go_on_and_what_is_lost_is_counted() {
    let trail = Trail::full(WhenFull::Continue);

    assert!(trail.audit.place(Effect::Money).is_ok());
    trail.deny("1");

    assert!(!trail.audit.close(PATIENCE));
    assert_eq!((trail.count("written"), trail.count("lost")), (0, 1));
}

#[test]
fn once_there_is_room_again_what_waited_is_written_and_payments_go_on() {
    let trail = Trail::full(WhenFull::Continue);
    trail.deny("waited");
    while trail.audit.is_available() {
        yield_now();
    }

    fs::remove_file(trail.path()).unwrap();
    while !trail.audit.is_available() {
        yield_now();
    }

    assert_eq!(ids(&trail.path()), ["waited"]);
    assert_eq!((trail.count("written"), trail.count("lost")), (1, 0));
}

#[test]
fn a_payment_that_has_a_place_is_recorded_whatever_else_waits() {
    let trail = Trail::new(WhenFull::RefuseMoney);
    let place = trail.audit.place(Effect::Money).unwrap();
    let room = "x".repeat(ROOM);
    while trail.audit.lines.push(room.as_bytes()) {}

    trail.audit.record(&denial("payment").line(SystemClock.wall()), place);
    trail.flushed();

    assert!(fs::read_to_string(trail.path()).unwrap().contains("\"request_id\":\"payment\""));
}

#[test]
fn there_are_so_many_places_and_each_is_given_back() {
    let trail = Trail::new(WhenFull::RefuseMoney);

    let mut places: Vec<Place> = (0..PLACES).map(|_| trail.audit.place(Effect::Money).unwrap()).collect();
    assert!(trail.audit.place(Effect::Money).is_err());

    drop(places.pop());
    assert!(trail.audit.place(Effect::Money).is_ok(), "one that is not used");

    trail.audit.record(&denial("1").line(SystemClock.wall()), places.pop().unwrap());
    trail.flushed();
    assert!(trail.audit.place(Effect::Money).is_ok(), "one whose record is written");
}

#[test]
fn room_is_set_aside_on_the_disk_before_it_is_promised() {
    use std::os::unix::fs::MetadataExt;
    let trail = Trail::new(WhenFull::RefuseMoney);

    let found = fs::metadata(trail.path()).unwrap();

    assert_eq!(found.len(), 0);
    assert!(found.blocks() * 512 >= SET_ASIDE, "{} blocks", found.blocks());
}

#[test]
fn the_end_waits_for_the_last_record_and_nothing_comes_after() {
    let trail = Trail::new(WhenFull::Continue);
    for n in 0..100 {
        trail.deny(&n.to_string());
    }

    assert!(trail.audit.close(PATIENCE));
    trail.deny("late");

    assert_eq!(ids(&trail.path()).len(), 100);
    assert_eq!(trail.count("lost"), 1);
}

#[test]
fn a_digest_is_the_hmac_that_everybody_can_work_out() {
    let trail = Trail::new(WhenFull::Continue);

    // RFC 2104 with SHA-256; a test vector known from many places.
    let digest = trail.audit.digest(b"The quick brown fox jumps over the lazy dog").unwrap();

    assert_eq!(digest, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    assert_eq!(trail.audit.digest(b""), None);
}

#[test]
fn what_others_chose_is_bounded_and_never_ends_a_line() {
    let long = "\"".repeat(10_000);
    let write = Write {
        request_id: &long,
        tenant: &long,
        caller: "first\nsecond",
        operation: &long,
        effect: Effect::Money,
        scope: &long,
        status: Some(200),
        outcome: "ok",
        idempotency: Some("forwarded"),
        attempts: u32::MAX,
        idempotency_key_hmac: Some("0".repeat(64)),
        body_hmac: Some("0".repeat(64)),
        answered: Answered { id: Some(long.clone()), reference: Some("é".repeat(1000)), updated_at: Some(long.clone()) },
    };

    let line = write.line(SystemClock.wall());

    assert!(line.len() <= LONGEST, "{}", line.len());
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
    let record: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(record["caller"], "first");
}

#[test]
fn a_stream_that_cannot_be_opened_is_named() {
    let settings =
        config::Audit { to: AuditPlace::File("/nowhere/audit.jsonl".into()), when_full: WhenFull::Continue, hmac_key: None };

    let error = Audit::start(&settings, SystemClock::shared(), &Metrics::new()).err().unwrap();

    assert!(error.to_string().starts_with("audit.path: /nowhere/audit.jsonl cannot be written"), "{error}");
}
