use proptest::prelude::*;

use super::*;

/// Takes all of `stream` in pieces of so many bytes; gives the messages it was taken in, the last one as far as it came.
fn messages(stream: &str, piece: usize) -> (Vec<String>, Framing) {
    let (mut framing, mut messages, mut present) = (Framing::default(), Vec::new(), Vec::new());
    for bytes in stream.as_bytes().chunks(piece) {
        let mut bytes = bytes.to_vec();
        let mut from = 0;
        while from < bytes.len() && framing.flaw().is_none() && !framing.is_broken() {
            let taken = framing.take(&mut bytes[from..]);
            present.extend_from_slice(&bytes[from..from + taken]);
            from += taken;
            if framing.is_between() || framing.flaw().is_some() {
                messages.push(String::from_utf8(std::mem::take(&mut present)).unwrap());
            }
        }
    }
    (messages, framing)
}

fn flaw(head: &str) -> Option<&'static str> {
    messages(head, head.len()).1.flaw()
}

fn post(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn messages_are_told_apart_however_the_bytes_come() {
    let expected = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        post("content-length:3\r\n") + "abc",
        "\r\nGET / HTTP/1.0\r\n\r\n".to_owned(),
        post("TRANSFER-ENCODING: \tchunked \r\n") + "3;a=\"b\"\r\nabc\r\nA \t;x\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
        post("Content-Length: 0\r\n"),
        post("X: Transfer-Encoding: chunked\r\n"),
    ];
    let stream = expected.concat();

    for piece in 1..=stream.len() {
        let (messages, framing) = messages(&stream, piece);
        assert_eq!((messages, framing.is_between()), (expected.to_vec(), true), "{piece}");
    }
}

#[test]
fn nothing_is_taken_after_a_head_with_a_flaw() {
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "transfer-encoding:chunked\r\nX: 1\r\nCONTENT-LENGTH:3\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding:\r\n",
        "X-Note: 1\nContent-Length: 3\r\n",
        "\n",
    ] {
        let stream = post(fields) + "GET / HTTP/1.1\r\n\r\n";
        for piece in 1..=stream.len() {
            let (messages, framing) = messages(&stream, piece);
            assert!(framing.flaw().is_some() && messages.len() == 1, "{fields:?} {messages:?}");
        }
    }
}

#[test]
fn a_target_that_hyper_would_trim_has_a_flaw() {
    for target in ["/a#b", "/a\u{7f}b", "/caf\u{e9}"] {
        assert!(flaw(&format!("GET {target} HTTP/1.1\r\n\r\n")).is_some(), "{target:?}");
    }
    assert_eq!(flaw("GET /a?b=%23 HTTP/1.1\r\n\r\n"), None);
}

#[test]
fn a_request_line_that_is_too_long_is_cut_short_wherever_its_bytes_are_parted() {
    let (fits, longer) = ("a".repeat((16 << 10) - 15), "a".repeat(70 << 10));
    let whole = format!("GET /{fits} HTTP/1.1\r\n\r\n");
    assert_eq!(messages(&whole, whole.len()).0, [whole]);

    for stream in [format!("GET /{longer} HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n"), format!("GET /{longer}")] {
        for piece in [1, 7, 1000, 16 << 10, stream.len()] {
            let (messages, framing) = messages(&stream, piece);
            let head = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat((16 << 10) - 5));
            assert!(messages == [head], "{piece}: {}", messages.len());
            assert!(framing.flaw().is_some());
        }
    }
}

#[test]
fn a_length_that_cannot_be_counted_is_made_unreadable() {
    for length in ["18446744073709551614", "99999999999999999999", "+5", "5 5", "0x5", "-1", ""] {
        let mut head = post(&format!("Content-Length: {length}\r\n")).into_bytes();

        let taken = Framing::default().take(&mut head);

        assert_eq!((taken, head[taken - 1]), (head.len(), 0), "{length:?}");
    }
    assert_eq!(flaw(&post("Content-Length: 18446744073709551613\r\n")), None);
}

#[test]
fn what_is_no_chunk_breaks_the_body() {
    for body in [
        "\r\n",
        ";a\r\n",
        "0x5\r\n",
        "+5\r\n",
        "-5\r\n",
        "5\n",
        "5 \r\n",
        " 5\r\n",
        "5_\r\n",
        "00000000000000005\r\n",
        "5;a\nb",
        "5;a\rb",
        "5;\0\r\n",
        "3\r\nabcd",
        "3\r\nabc\n",
        "3\r\nabc\rd",
        "0\r\n\n",
        "0\r\n\rX",
        "0\r\nX: 1\n",
        "0\r\nX\0",
        "\r5",
    ] {
        let stream = post("Transfer-Encoding: chunked\r\n") + body;
        assert!((1..=stream.len()).all(|piece| messages(&stream, piece).1.is_broken()), "{body:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken_alike_in_one_piece_and_in_many(bytes in "[ -~\r\n:0-9]{0,80}", piece in 1..20_usize) {
        let stream = post("Transfer-Encoding: chunked\r\n") + &bytes;

        let (whole, framed) = messages(&stream, stream.len());
        let (pieces, framed_in_pieces) = messages(&stream, piece);
        prop_assert_eq!(whole, pieces);
        prop_assert_eq!((framed.flaw(), framed.is_broken()), (framed_in_pieces.flaw(), framed_in_pieces.is_broken()));
    }
}
