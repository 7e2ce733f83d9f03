//! Whatever is sent as a token, nobody is authenticated by it: the issuer's private key is not known to the fuzzer.

#![no_main]

use http::{HeaderValue, Request};
use libfuzzer_sys::{Corpus, fuzz_target};
use passport_gateway_fuzz::{PEER, SNAPSHOT, Unbounded, wall};

fuzz_target!(|token: &[u8]| -> Corpus {
    let Ok(value) = HeaderValue::from_bytes(&[b"Bearer ", token].concat()) else { return Corpus::Reject };
    let (head, ()) = Request::builder().header("authorization", value).body(()).expect("a valid head").into_parts();

    let proven = SNAPSHOT.callers.authenticate(&head, &PEER, wall(), &Unbounded);

    assert!(proven.is_err(), "a token nobody signed was taken");
    Corpus::Keep
});
