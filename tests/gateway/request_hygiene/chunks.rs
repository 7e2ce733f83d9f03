//! Chunked bodies: by the letter of the grammar, or cut.

use http::StatusCode;

use super::{SMUGGLED, assert_goes_on, assert_refused};
use crate::support::World;

const HEAD: &str = "POST /v1/payments/breb/confirm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
const PAYMENT: &str = r#"{"id":"5a0d8c1e-0000-4000-8000-000000000001"}"#;

#[tokio::test]
async fn a_body_that_breaks_its_framing_is_refused_and_nothing_behind_it_is_read() {
    let world = World::new().await;
    let data = format!("{:x}\r\n{PAYMENT}", PAYMENT.len());

    for body in [
        "0x2d\r\n".to_owned(),
        "+2d\r\n".to_owned(),
        "-1\r\n".to_owned(),
        " 2d\r\n".to_owned(),
        "2d \r\n".to_owned(),
        "2_d\r\n".to_owned(),
        "2d\n".to_owned(),
        "2d\r".to_owned(),
        "\r\n2d\r\n".to_owned(),
        ";a\r\n".to_owned(),
        "zz\r\n".to_owned(),
        "1000000000000002d\r\n".to_owned(),
        "0000000000000002d\r\n".to_owned(),
        "ffffffffffffffff\r\n".to_owned() + "0\r\n\r\n",
        "2d;a\nb\r\n".to_owned(),
        "2d;a\rb\r\n".to_owned(),
        "2d;a\0b\r\n".to_owned(),
        "2d;".to_owned() + &"a".repeat(20 << 10) + "\r\n",
        data.clone() + "0\r\n\r\n",
        data.clone() + "\n0\r\n\r\n",
        data.clone() + "\r0\r\n\r\n",
        data.clone() + "\r\n0\n\n",
        data.clone() + "\r\n0\r\n\n",
        data.clone() + "\r\n0\r\nX-Sum: 1\n\r\n",
        data.clone() + "\r\n0\r\nX-Sum: a\0b\r\n\r\n",
        data.clone() + "\r\n0\r\nX-Sum : 1\r\n\r\n",
        data.clone() + "\r\n0\r\n: 1\r\n\r\n",
        data + "\r\n0\r\n" + &"X-Sum: 1\r\n".repeat(300) + "\r\n",
    ] {
        let body = if body.ends_with("ffff\r\n0\r\n\r\n") { body + &"a".repeat(300 << 10) } else { body };
        let mut client = world.client().await;
        client.send(format!("{HEAD}{body}").as_bytes()).await;
        client.send(SMUGGLED.as_bytes()).await;

        let answer = client.answer(false).await.unwrap_or_else(|| panic!("no answer to {:?}", &body[..body.len().min(60)]));

        let shown = &body[..body.len().min(60)];
        assert!(matches!(answer.status.as_u16(), 400 | 413), "{shown:?}: {} {}", answer.status, answer.text());
        assert!(client.is_closed().await, "{shown:?}");
        assert!(world.arrived().is_empty(), "{shown:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_clear_goes_up_whole_with_a_length_of_ours() {
    for body in [
        format!("{:x}\r\n{PAYMENT}\r\n0\r\n\r\n", PAYMENT.len()),
        format!("{:X};ext=\"a;b\"\r\n{PAYMENT}\r\n0;last\r\n\r\n", PAYMENT.len()),
        format!("00{:x} ;ext\r\n{PAYMENT}\r\n000\r\n\r\n", PAYMENT.len()),
        PAYMENT.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect::<String>() + "0\r\n\r\n",
        format!("{:x}\r\n{PAYMENT}\r\n0\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nHost: evil\r\n\r\n", PAYMENT.len()),
    ] {
        let world = World::new().await;
        let mut client = world.client().await;

        client.send(format!("{HEAD}{body}").as_bytes()).await;

        let answer = client.answer(false).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{body:?}: {}", answer.text());
        let up = world.sent_up();
        assert_eq!((up.method.as_str(), up.path.as_str()), ("POST", "/v1/payments/breb/confirm"));
        assert_eq!(up.headers["content-length"], PAYMENT.len().to_string());
        assert!(!up.header_names.contains(&"transfer-encoding".to_owned()));
        assert_goes_on(&mut client).await;
    }
}

#[tokio::test]
async fn a_coding_that_is_not_exactly_chunked_is_refused() {
    let world = World::new().await;
    let head = |lines: &str| HEAD.replace("Transfer-Encoding: chunked\r\n", lines);

    for lines in [
        "Transfer-Encoding:\x0bchunked\r\n",
        "Transfer-Encoding: chunked\x0c\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: 'chunked'\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: cow\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-encoding: x\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
        "Transfer\u{2010}Encoding: chunked\r\n",
    ] {
        assert_refused(&world, head(lines) + "0\r\n\r\n").await;
    }
}

/// Some servers read an underscore as a hyphen; here it is another field, and one that does not go up.
#[tokio::test]
async fn a_field_that_only_looks_like_the_coding_frames_nothing() {
    let world = World::new().await;
    let mut client = world.client().await;
    let head =
        "GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\nTransfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked\r\n\r\n";

    client.send(head.as_bytes()).await;

    assert_eq!(client.answer(false).await.unwrap().status, StatusCode::OK);
    assert!(!world.sent_up().header_names.iter().any(|name| name.contains("ncoding")));
    assert_goes_on(&mut client).await;
}
