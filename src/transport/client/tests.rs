use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::transport::Trust;

const SECOND: Duration = Duration::from_secs(1);

fn client() -> Client {
    Client::new(Arc::new(Connector::new(&Trust::Nothing, None, SECOND).unwrap()))
}

fn request(url: String) -> Request<Bytes> {
    Request::post(url).body(Bytes::from_static(b"grant")).unwrap()
}

/// Answers one connection with `answer` and hands back what was asked.
async fn served(answer: &'static [u8], limit: usize) -> (Result<Response<Bytes>, FetchError>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/tokens?secret=query", listener.local_addr().unwrap());
    let server = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"grant") {
            assert_ne!(io.read_buf(&mut asked).await.unwrap(), 0);
        }
        // The client may leave before it has read everything.
        let _ = io.write_all(answer).await;
        String::from_utf8(asked).unwrap()
    };
    let client = client();
    tokio::join!(client.fetch(request(url), limit, SECOND), server)
}

#[tokio::test]
async fn an_answer_is_fetched_in_one_piece() {
    let (answer, asked) =
        served(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5).await;

    assert_eq!(answer.unwrap().body(), "abcde");
    let asked = asked.to_ascii_lowercase();
    assert!(asked.starts_with("post /v1/tokens?secret=query http/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nhost: 127.0.0.1:") && asked.contains("\r\ncontent-length: 5\r\n"), "{asked}");
    assert!(asked.contains("\r\nuser-agent: passport-gateway/"), "{asked}");
}

#[tokio::test]
async fn an_answer_of_http_1_0_ends_with_its_connection() {
    let (answer, _) = served(b"HTTP/1.0 200 OK\r\n\r\nabc", 100).await;

    assert_eq!(answer.unwrap().body(), "abc");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (answer, _) = served(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n", 100).await;

    assert_eq!(answer.unwrap().status(), 302);
}

#[tokio::test]
async fn an_answer_longer_than_the_limit_is_refused() {
    let (answer, _) = served(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef", 5).await;

    assert!(matches!(answer, Err(FetchError::TooLarge)), "{answer:?}");
}

#[tokio::test]
async fn an_answer_cut_short_is_an_error_that_shows_no_url() {
    let (answer, _) = served(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc", 100).await;

    let error = answer.unwrap_err();
    assert!(matches!(error, FetchError::Invalid(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    let (answer, _) = served(b"SMTP ready\r\n\r\n", 100).await;

    assert!(matches!(answer, Err(FetchError::Invalid(_))), "{answer:?}");
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_time_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());

    let answer = client().fetch(request(url), 100, Duration::from_millis(20)).await;

    assert!(matches!(answer, Err(FetchError::Timeout)), "{answer:?}");
}

#[tokio::test]
async fn a_url_that_leads_nowhere_is_an_error() {
    let answer = client().fetch(request("/relative".to_owned()), 100, SECOND).await;

    assert!(matches!(answer, Err(FetchError::Url(OriginError::Scheme))), "{answer:?}");
}
