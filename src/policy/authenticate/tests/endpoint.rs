//! Fetching keys over real sockets: whatever is at the other end, what comes is bounded, and is keys or an error.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::identity::{KeySetError, Vetted};
use crate::transport::{Client, Connector, Trust};

/// Answers every connection with this head and as many bytes of this body as are wanted.
struct Provider {
    address: SocketAddr,
    heads: Arc<std::sync::Mutex<Vec<String>>>,
    sent: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Provider {
    async fn answering(head: &str, body: &[u8], times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heads, sent) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let mut serving = JoinSet::new();
        let (head, body) = (head.to_owned(), body.to_vec());
        let (noted, counted): (Arc<std::sync::Mutex<Vec<String>>>, _) = (Arc::clone(&heads), Arc::clone(&sent));
        serving.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let asked = read_head(&mut stream).await;
                noted.lock().unwrap().push(asked);
                let _ = stream.write_all(head.as_bytes()).await;
                for _ in 0..times {
                    if stream.write_all(&body).await.is_err() {
                        break;
                    }
                    counted.fetch_add(body.len(), Relaxed);
                }
            }
        });
        Self { address, heads, sent, _serving: serving }
    }

    async fn get(&self) -> Answer {
        let client = Client::new(Arc::new(Connector::new(&Trust::Nothing, None, Duration::from_secs(20)).unwrap()));
        client.get(&format!("http://{}/keys?tenant=a", self.address).parse().unwrap()).await
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        head.push(byte);
    }
    String::from_utf8(head).unwrap()
}

fn vetted(answer: Answer) -> Result<usize, KeySetError> {
    Vetted::from_jwks(&answer.unwrap(), &[Algorithm::EdDSA]).map(|vetted| vetted.keys.len())
}

#[tokio::test]
async fn keys_are_asked_for_with_a_get_and_read_to_the_end() {
    let keys = set(&[&Signer::ed("key")]);
    let provider = Provider::answering(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", keys.len()), &keys, 1).await;

    assert_eq!(vetted(provider.get().await), Ok(1));

    let asked = provider.heads.lock().unwrap().remove(0);
    assert!(asked.starts_with("GET /keys?tenant=a HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("accept: application/jwk-set+json, application/json\r\n"), "{asked}");
    assert!(!asked.contains("accept-encoding"), "a compressed answer is never asked for: {asked}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let elsewhere = Provider::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}", 1).await;
        let head = format!("HTTP/1.1 {status}\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.address);
        let provider = Provider::answering(&head, b"", 0).await;

        let error = provider.get().await.unwrap_err();

        assert!(matches!(error, KeysError::Status(_)), "{status}: {error}");
        assert!(elsewhere.heads.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn no_answer_is_read_beyond_its_bound_announced_or_not() {
    let chunk = vec![b' '; 1 << 16];
    let hundreds = 256 << 20;

    for head in
        [&*format!("HTTP/1.1 200 OK\r\nContent-Length: {hundreds}\r\n\r\n"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"]
    {
        let provider = Provider::answering(head, &chunk, hundreds / chunk.len()).await;

        let error = provider.get().await.unwrap_err();

        assert!(matches!(error, KeysError::Fetch(FetchError::TooLarge)), "{head}: {error}");
        assert!(provider.sent.load(Relaxed) < 32 << 20, "the rest is not even taken from the socket");
    }
}

#[tokio::test]
async fn what_is_not_the_document_is_an_error() {
    // A bomb is only dangerous to whoever unpacks it: to us it is a few bytes that are no JSON.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xed, 0xc1, 1, 1, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf];
    for body in [&gzip[..], b"<html>sign in</html>", b"", b"\xef\xbb\xbf{\"keys\":[]}", b"{\"keys\":[],\"keys\":[]}"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        let provider = Provider::answering(&head, body, 1).await;

        assert_eq!(vetted(provider.get().await), Err(KeySetError::NotASet), "{body:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_broken_or_an_error_is_no_answer() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", &b"{"[..]),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"nonsense\r\n"),
        ("nonsense\r\n\r\n", b""),
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", b""),
        ("HTTP/1.1 204 No Content\r\n\r\n", b""),
    ] {
        let provider = Provider::answering(head, body, 1).await;

        assert!(provider.get().await.is_err(), "{head}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::new(Arc::new(Connector::new(&Trust::Nothing, None, Duration::from_secs(20)).unwrap()));
    assert!(matches!(
        client.get(&format!("http://{gone}/").parse().unwrap()).await,
        Err(KeysError::Fetch(FetchError::Connect(_)))
    ));
}
