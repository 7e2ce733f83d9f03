//! The embedded store on real files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;
use crate::store::records::{
    Answer, Begun, Claim, Ending, Name, Outcome, Owner, Records, Resolution, Trace, Unresolvable, Unresolved,
};
use crate::testing;

/// A folder with a file of records, a clock, and settings that a test may change.
struct Place {
    folder: TempDir,
    clock: Arc<ManualClock>,
    key: Option<&'static str>,
    max_records: u64,
    max_bytes: u64,
    lock_wait: Duration,
}

impl Place {
    fn new() -> Self {
        let (folder, clock) = (TempDir::new().unwrap(), testing::clock());
        Self { folder, clock, key: None, max_records: 1000, max_bytes: 1 << 20, lock_wait: Duration::from_secs(20) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("records.redb")
    }

    fn start(&self) -> Result<(Records, oneshot::Receiver<Result<(), OpenError>>), OpenError> {
        let (records, inbox) = Records::new();
        let settings = Settings {
            path: self.path(),
            key: self.key.map(|key| Secret::new(key.to_owned())),
            retention: Retention { done: 3_600_000, unknown: 36_000_000 },
            max_records: self.max_records,
            max_bytes: self.max_bytes,
            lock_wait: self.lock_wait,
        };
        let had = start(settings, inbox, records.board(), self.clock.clone())?;
        Ok((records, had))
    }

    fn open(&self) -> Records {
        self.start().unwrap().0
    }
}

fn claim(key: &str, request: u8) -> Claim {
    let trace = Trace { operation: "create_breb_payment".to_owned(), request_id: "1".to_owned() };
    Claim { name: Name::of(&[b"acme", key.as_bytes()]), fingerprint: [request; 32], trace }
}

async fn begun(records: &Records, key: &str) -> String {
    told(&records.begin(claim(key, 0)).await)
}

fn told(begun: &Result<Begun, Unavailable>) -> String {
    match begun {
        Ok(Begun::Started(_)) => "started".to_owned(),
        Ok(Begun::InFlight) => "in flight".to_owned(),
        Ok(Begun::Done(outcome, _)) => format!("{outcome:?}"),
        Ok(Begun::Unknown(_)) => "unknown".to_owned(),
        Ok(Begun::Mismatch) => "mismatch".to_owned(),
        Err(why) => format!("{why:?}"),
    }
}

async fn owner(records: &Records, key: &str) -> Owner {
    match records.begin(claim(key, 0)).await {
        Ok(Begun::Started(mut owner)) => {
            owner.forwarding();
            owner
        }
        other => panic!("{other:?}"),
    }
}

fn answer(body: &'static str) -> Ending {
    let fields = vec![("content-type".to_owned(), b"application/json".to_vec())];
    Ending::Done(Outcome::Answer(Answer { status: 201, fields, body: body.into() }))
}

#[tokio::test]
async fn a_key_is_forwarded_once_and_its_answer_repeated_to_the_same_request() {
    let records = Place::new().open();

    let owner = owner(&records, "k").await;
    assert_eq!(begun(&records, "k").await, "in flight");
    owner.end(answer("paid")).await.unwrap();

    let Ok(Begun::Done(Outcome::Answer(kept), past)) = records.begin(claim("k", 0)).await else { panic!("it is done") };
    assert_eq!((kept.status, &*kept.body), (201, b"paid".as_slice()));
    assert_eq!(kept.fields, [("content-type".to_owned(), b"application/json".to_vec())]);
    assert_eq!(past.trace.operation, "create_breb_payment");
    assert_eq!(told(&records.begin(claim("k", 1)).await), "mismatch");
    assert_eq!(begun(&records, "l").await, "started");
}

#[tokio::test]
async fn an_owner_that_is_dropped_frees_the_key_before_it_forwards_and_not_after() {
    let records = Place::new().open();

    drop(records.begin(claim("unused", 0)).await);
    drop(owner(&records, "sent").await);

    assert_eq!(begun(&records, "unused").await, "started");
    assert_eq!(begun(&records, "sent").await, "unknown");
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_any_more_is_given_back() {
    let records = Place::new().open();

    for _ in 0..50 {
        let claiming = records.begin(claim("k", 0));
        let _ = futures_util::poll!(std::pin::pin!(claiming));
    }

    let mut told = begun(&records, "k").await;
    while told == "in flight" {
        told = begun(&records, "k").await;
    }
    assert_eq!(told, "started");
}

#[tokio::test]
async fn what_was_in_flight_when_the_process_died_is_unknown_ever_after() {
    let place = Place::new();
    {
        let records = place.open();
        let flying = owner(&records, "flying").await;
        owner(&records, "done").await.end(answer("paid")).await.unwrap();
        owner(&records, "free").await.end(Ending::Free).await.unwrap();
        records.close().await;
        // As if the process had been killed: the store is closed before its owner can say a word.
        drop(flying);
    }

    let records = place.open();

    assert_eq!(begun(&records, "flying").await, "unknown");
    assert_eq!(begun(&records, "done").await, "Answer(201)");
    assert_eq!(begun(&records, "free").await, "started");
    assert_eq!(records.board().unknown.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert!(records.board().oldest_unknown().is_some());
}

#[tokio::test]
async fn an_operator_resolves_what_is_unknown_and_nothing_else() {
    let records = Place::new().open();
    let resolve = async |key: &str, resolution| records.resolve(Name::of(&[b"acme", key.as_bytes()]), resolution).await;
    drop(owner(&records, "a").await);
    drop(owner(&records, "b").await);
    let _flying = owner(&records, "c").await;

    assert_eq!(resolve("a", Resolution::Free).await, Ok(()));
    assert_eq!(resolve("b", Resolution::Done).await, Ok(()));

    assert_eq!(begun(&records, "a").await, "started");
    assert_eq!(begun(&records, "b").await, "Resolved");
    for (key, why) in [("c", Unresolvable::InFlight), ("b", Unresolvable::Done), ("d", Unresolvable::Absent)] {
        assert_eq!(resolve(key, Resolution::Free).await, Err(Unresolved::Unresolvable(why)), "{key}");
    }
}

#[tokio::test]
async fn records_are_kept_as_long_as_promised_and_then_swept() {
    let place = Place::new();
    let records = place.open();
    owner(&records, "done").await.end(answer("paid")).await.unwrap();
    drop(owner(&records, "unknown").await);
    assert_eq!(begun(&records, "unknown").await, "unknown");

    place.clock.advance(Duration::from_secs(3599));
    assert_eq!(begun(&records, "done").await, "Answer(201)");
    place.clock.advance(Duration::from_secs(1));
    records.sweep();
    assert_eq!(begun(&records, "unknown").await, "unknown");
    assert_eq!(records.board().done.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert_eq!(begun(&records, "done").await, "started");

    place.clock.advance(Duration::from_hours(9));
    assert_eq!(begun(&records, "unknown").await, "started");
}

#[tokio::test]
async fn a_full_store_says_so_and_keeps_what_it_has() {
    let place = Place { max_records: 3, ..Place::new() };
    let records = place.open();
    for key in ["a", "b", "c"] {
        owner(&records, key).await.end(answer("paid")).await.unwrap();
    }

    assert_eq!(begun(&records, "d").await, "Full");
    assert_eq!(begun(&records, "a").await, "Answer(201)");

    place.clock.advance(Duration::from_hours(2));
    assert_eq!(begun(&records, "d").await, "started");
}

#[tokio::test]
async fn bytes_are_bounded_and_an_answer_beyond_is_known_by_its_status() {
    let place = Place { max_bytes: 1000, ..Place::new() };
    let records = place.open();
    let body: &'static str = "x".repeat(2000).leak();

    owner(&records, "long").await.end(answer(body)).await.unwrap();
    assert_eq!(begun(&records, "long").await, "Status(201)");

    let mut told = String::new();
    for key in 0..20 {
        told = match records.begin(claim(&key.to_string(), 0)).await {
            Ok(Begun::Started(owner)) => owner.end(Ending::Done(Outcome::Resolved)).await.map(|()| String::new()).unwrap(),
            other => self::told(&other),
        };
    }
    assert_eq!(told, "Full");
    assert!(records.board().bytes.load(std::sync::atomic::Ordering::Relaxed) <= 1000);
}

#[tokio::test]
async fn a_second_process_waits_for_the_first_and_gives_up_in_time() {
    let place = Place::new();
    let first = place.open();
    owner(&first, "k").await.end(answer("paid")).await.unwrap();

    let (second, had) = place.start().unwrap();
    assert_eq!(second.board().condition(), Condition::Opening);
    assert_eq!(begun(&second, "k").await, "Held");
    first.close().await;
    had.await.unwrap().unwrap();
    assert_eq!(second.board().condition(), Condition::Open);
    assert_eq!(begun(&second, "k").await, "Answer(201)");

    let hasty = Place { lock_wait: Duration::ZERO, ..place };
    let (_third, had) = hasty.start().unwrap();
    assert!(matches!(had.await.unwrap(), Err(OpenError::Held(_))));
}

#[tokio::test]
async fn a_store_that_is_closed_refuses_and_is_open_to_the_next() {
    let place = Place::new();
    let records = place.open();

    records.close().await;

    assert_eq!(begun(&records, "k").await, "Closed");
    assert_eq!(begun(&place.open(), "k").await, "started");
}

#[test]
fn the_file_is_its_users_alone_and_its_folder_must_be_there() {
    let place = Place::new();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;

    let _open = place.open();

    assert_eq!(mode(&place.path()), 0o600);
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 1, "nothing is left beside it");
    let missing = Settings { path: "/nowhere/records.redb".into(), ..settings() };
    let (records, inbox) = Records::new();
    let error = start(missing, inbox, records.board(), testing::clock()).unwrap_err();
    assert!(error.to_string().starts_with("the idempotency records in /nowhere/records.redb cannot be opened: "), "{error}");
}

#[test]
fn a_mode_that_is_too_wide_is_tightened() {
    let place = Place::new();
    drop(place.open());
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o644)).unwrap();

    let _open = place.start();

    assert_eq!(std::fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

fn settings() -> Settings {
    Settings {
        path: PathBuf::new(),
        key: None,
        retention: Retention { done: 1, unknown: 1 },
        max_records: 1,
        max_bytes: 1,
        lock_wait: Duration::ZERO,
    }
}

/// The error that a file with these bytes leads to, which must leave the file as it is.
fn refused(bytes: &[u8], key: Option<&'static str>) -> OpenError {
    let place = Place { key, ..Place::new() };
    std::fs::write(place.path(), bytes).unwrap();

    let error = place.start().map(|_| ()).unwrap_err();

    assert!(std::fs::read(place.path()).unwrap() == bytes, "the file was changed: {error}");
    error
}

/// The bytes of a file in which one key is done.
async fn written(key: Option<&'static str>) -> Vec<u8> {
    let place = Place { key, ..Place::new() };
    let records = place.open();
    owner(&records, "customer-900123456").await.end(answer("paid to 900123456")).await.unwrap();
    records.close().await;
    std::fs::read(place.path()).unwrap()
}

#[tokio::test]
async fn another_programs_file_is_left_alone() {
    for bytes in [b"SQLite format 3\0 and so on".as_slice(), b"\0", b"", &vec![0; 1 << 20]] {
        let error = refused(bytes, None);

        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_a_clear_error_or_loses_nothing() {
    let whole = written(None).await;
    let mut errors = 0;
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let place = Place::new();
        std::fs::write(place.path(), &damaged).unwrap();

        match place.start() {
            Ok((records, _)) => assert_eq!(begun(&records, "customer-900123456").await, "Answer(201)", "at {at}"),
            Err(error) => {
                errors += 1;
                assert!(error.to_string().contains("damaged"), "{error}");
            }
        }
    }
    let error = refused(&whole[..whole.len() / 2], None);
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert!(errors > 0);
}

#[tokio::test]
async fn a_newer_format_is_left_to_the_newer_version() {
    let place = Place::new();
    place.open().close().await;
    file::testing::set_format(&place.path(), 2);

    let error = place.start().map(|_| ()).unwrap_err();

    assert!(error.to_string().contains("newer version of passport-gateway (format 2)"), "{error}");
    file::testing::set_format(&place.path(), 1);
    assert!(place.start().is_ok());
}

#[tokio::test]
async fn a_wrong_key_is_told_and_loses_nothing() {
    const ONE: Option<&str> = Some("0123456789abcdef0123456789abcdef");
    const TWO: Option<&str> = Some("fedcba9876543210fedcba9876543210");
    for (wrote, opens) in [(ONE, TWO), (ONE, None), (None, ONE)] {
        let place = Place { key: wrote, ..Place::new() };
        let records = place.open();
        owner(&records, "k").await.end(answer("paid")).await.unwrap();
        records.close().await;
        let other = Place { key: opens, ..place };

        let error = other.start().map(|_| ()).unwrap_err();

        assert!(matches!(error, OpenError::Key(_)), "{error}");
        assert_eq!(begun(&Place { key: wrote, ..other }.open(), "k").await, "Answer(201)");
    }
}

#[tokio::test]
async fn a_file_shows_no_key_and_with_encryption_no_answer() {
    let shows = |bytes: &[u8], text: &str| {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, text);
        [text.as_bytes(), encoded.as_bytes()].iter().any(|text| bytes.windows(text.len()).any(|window| window == *text))
    };

    let (plain, sealed) = (written(None).await, written(Some("0123456789abcdef0123456789abcdef")).await);

    assert!(!shows(&plain, "customer-900123456"));
    assert!(shows(&plain, "paid to 900123456"), "or the search finds nothing");
    assert!(!shows(&sealed, "customer-900123456") && !shows(&sealed, "paid to 900123456") && !shows(&sealed, "create_breb"));
}

#[tokio::test]
async fn many_at_once_are_one_forward_each() {
    let records = Place::new().open();

    let asked = futures_util::future::join_all((0..1000).map(|at| records.begin(claim(&(at % 10).to_string(), 0)))).await;

    let mut count = std::collections::BTreeMap::new();
    for told in asked.iter().map(told) {
        *count.entry(told).or_insert(0) += 1;
    }
    assert_eq!(count, [("in flight".to_owned(), 990), ("started".to_owned(), 10)].into());
}
