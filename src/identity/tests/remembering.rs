//! A hot caller costs a look-up; nothing remembered outlives its token, its keys or its grants.

use super::*;

fn again(callers: &Callers, token: &str, wall: SystemTime, attempts: &Counted) -> Result<Arc<Caller>, Unauthenticated> {
    callers.authenticate(&bearer(token), &REMOTE, wall, attempts)
}

#[test]
fn a_verified_token_is_looked_up_the_next_time() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let token = signer.token(&claims());
    let attempts = Counted::default();

    let first = again(&callers, &token, wall(), &attempts).unwrap();
    let second = again(&callers, &token, wall(), &attempts).unwrap();

    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(attempts.admitted.get(), 1, "the second time nothing was left to prove");
}

#[test]
fn a_remembered_token_past_its_end_is_refused() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let token = signer.token(&claims());
    let attempts = Counted::default();

    assert!(again(&callers, &token, wall(), &attempts).is_ok());
    let expired = again(&callers, &token, wall() + Duration::from_mins(6), &attempts);

    assert_eq!(expired.unwrap_err(), Unauthenticated::Refused(Refusal::InvalidCredential("The token has expired.")));
    assert_eq!((attempts.admitted.get(), attempts.failed.get()), (2, 1));
}

#[test]
fn a_remembered_token_is_served_though_its_peer_failed_too_often() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let (known, fresh) = (signer.token(&claims()), Signer::ed("key").token(&claims()));
    let exhausted = Counted { exhausted: true, ..Counted::default() };

    assert!(present(&callers, &known).is_ok());

    assert!(again(&callers, &known, wall(), &exhausted).is_ok());
    let refused = again(&callers, &fresh, wall(), &exhausted).unwrap_err();
    assert_eq!(refused, Unauthenticated::Refused(Refusal::TooManyFailures(Duration::from_secs(1))));
    assert_eq!(exhausted.failed.get(), 0, "what was not looked at did not fail");
}

#[test]
fn a_snapshot_without_the_key_does_not_know_the_token() {
    let signer = Signer::ed("key");
    let token = signer.token(&claims());

    assert!(present(&trusting(&[&signer]), &token).is_ok());
    assert!(present(&trusting(&[&Signer::ed("other")]), &token).is_err());
}

#[test]
fn what_was_refused_is_not_remembered() {
    let signer = Signer::ed("key");
    let callers = trusting(&[&signer]);
    let forged = Signer::ed("key").token(&claims());
    let attempts = Counted::default();

    for _ in 0..3 {
        assert!(again(&callers, &forged, wall(), &attempts).is_err());
    }

    assert_eq!((attempts.admitted.get(), attempts.failed.get()), (3, 3));
}
