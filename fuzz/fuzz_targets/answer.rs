//! Whatever an upstream sends, how its bytes are cut changes nothing, and an answer that is taken has one end only: a slower
//! reader of the grammar finds the same, and so does hyper.

#![no_main]

use std::sync::LazyLock;

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use libfuzzer_sys::fuzz_target;
use passport_gateway::transport::{Answers, Flaw, handshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    let Some((&how, stream)) = data.split_first() else { return };
    let (bodiless, piece) = (how & 1 == 1, usize::from(how >> 1) + 1);

    let whole = taken(stream.chunks(stream.len().max(1)), bodiless);
    let pieces = taken(stream.chunks(piece), bodiless);

    assert_eq!(whole.ok(), pieces.ok());
    if whole == Ok(true) {
        let body = body(stream, bodiless).expect("the grammar knows no such answer");
        // hyper may be stricter: it knows what a trailer is, and counts fields.
        assert!(RUNTIME.block_on(heard(stream, bodiless)).is_none_or(|heard| heard == body));
    }
});

/// Whether the answer has come to its end.
fn taken<'a>(mut pieces: impl Iterator<Item = &'a [u8]>, bodiless: bool) -> Result<bool, Flaw> {
    let mut answers = Answers::default();
    answers.ask(bodiless);
    pieces.try_for_each(|piece| answers.read(piece))?;
    Ok(answers.is_settled())
}

/// The body, if this is one answer to its last byte, with those before it that only inform.
fn body(stream: &[u8], bodiless: bool) -> Option<Vec<u8>> {
    let end = stream.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let rest = &stream[end + 4..];
    let head = String::from_utf8_lossy(&stream[..end]);
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.get(9..12)?.parse().ok()?;
    let (mut lengths, mut codings) = (Vec::new(), Vec::new());
    for line in lines {
        assert!(!line.contains(['\r', '\n', '\0']), "{head}");
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value.trim().to_owned()),
            "transfer-encoding" => codings.push(value.trim().to_ascii_lowercase()),
            _ => {}
        }
    }
    assert!(lengths.len() + codings.len() <= 1, "{head}");
    match status {
        100..=199 => body(rest, bodiless),
        204 | 304 => rest.is_empty().then(Vec::new),
        _ if bodiless => rest.is_empty().then(Vec::new),
        _ if !codings.is_empty() => {
            assert_eq!(codings, ["chunked"], "{head}");
            chunks(rest)
        }
        _ => (lengths.first()?.parse::<usize>().ok()? == rest.len()).then(|| rest.to_vec()),
    }
}

fn chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = std::str::from_utf8(rest[..end].split(|byte| *byte == b';').next()?).ok()?;
        let size = usize::from_str_radix(size.trim_matches([' ', '\t']), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            let ends = rest == b"\r\n" || (rest.ends_with(b"\r\n\r\n") && !rest[..rest.len() - 1].windows(4).any(|bytes| bytes == b"\r\n\r\n"));
            return ends.then_some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
}

/// What hyper makes of it.
async fn heard(stream: &[u8], bodiless: bool) -> Option<Vec<u8>> {
    let (near, mut far) = duplex(1 << 16);
    let (mut sender, driver, watch) = handshake(near).await.expect("a pipe");
    let method = if bodiless { Method::HEAD } else { Method::GET };
    let request = Request::builder().method(method).header("host", "a").body(Full::default()).expect("a request");
    watch.ask(request.method());
    let exchange = async {
        let answer = sender.send_request(request).await.ok()?;
        Some(answer.into_body().collect().await.ok()?.to_bytes().to_vec())
    };
    let peer = async {
        while far.read_u8().await.is_ok_and(|byte| byte != b'\n') {}
        // It may have been given up.
        let _ = far.write_all(stream).await;
        std::future::pending::<()>().await
    };
    let driver = async {
        // An error is the exchange's, too.
        let _ = driver.await;
        std::future::pending::<()>().await
    };
    tokio::select! {
        biased;
        heard = exchange => heard,
        () = peer => None,
        () = driver => None,
    }
}
