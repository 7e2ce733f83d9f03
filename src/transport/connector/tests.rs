use std::io::Write;

use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn origin(url: &str) -> Origin {
    Origin::of(&url.parse().unwrap()).unwrap()
}

fn plain(proxy: Option<Proxy>) -> Connector {
    Connector::new(&Trust::Nothing, proxy, SECOND).unwrap()
}

/// A listener with a certificate of its own making for `localhost`, and the file that makes it trusted.
async fn tls_server() -> (TcpListener, TlsAcceptor, tempfile::NamedTempFile) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut ca = tempfile::NamedTempFile::new().unwrap();
    ca.write_all(certified.cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)), ca)
}

#[tokio::test]
async fn a_refused_connection_is_told_from_a_name_without_address() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let refused = plain(None).connect(&origin(&format!("http://{address}"))).await.unwrap_err();
    let unknown = plain(None).connect(&origin("http://name.invalid")).await.unwrap_err();

    assert!(matches!(refused, ConnectError::Tcp(_)), "{refused:?}");
    assert!(matches!(unknown, ConnectError::Resolve(_) | ConnectError::Timeout), "{unknown:?}");
}

#[tokio::test]
async fn a_trusted_server_is_reached_over_tls_and_speaks_http_1() {
    let (listener, acceptor, ca) = tls_server().await;
    let origin = origin(&format!("https://localhost:{}", listener.local_addr().unwrap().port()));
    let connector = Connector::new(&Trust::File(ca.path().to_owned()), None, SECOND).unwrap();

    let server = async {
        let mut tls = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        tls.write_all(b"hello").await.unwrap();
        tls.shutdown().await.unwrap();
    };
    let (stream, ()) = tokio::join!(connector.connect(&origin), server);

    let mut heard = String::new();
    stream.unwrap().read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "hello");
}

#[tokio::test]
async fn an_untrusted_certificate_and_one_for_another_name_are_refused() {
    let (listener, acceptor, ca) = tls_server().await;
    let (_, _, other_ca) = tls_server().await;
    let port = listener.local_addr().unwrap().port();
    let attempt = async |ca: &tempfile::NamedTempFile, host: &str| {
        let connector = Connector::new(&Trust::File(ca.path().to_owned()), None, SECOND).unwrap();
        let origin = origin(&format!("https://{host}:{port}"));
        let server = async { acceptor.accept(listener.accept().await.unwrap().0).await };
        tokio::join!(connector.connect(&origin), server).0.unwrap_err()
    };

    let untrusted = attempt(&other_ca, "localhost").await;
    let misnamed = attempt(&ca, "127.0.0.1").await;

    assert!(matches!(untrusted, ConnectError::Tls(_)), "{untrusted:?}");
    assert!(matches!(misnamed, ConnectError::Tls(_)), "{misnamed:?}");
}

#[tokio::test]
async fn without_trust_https_is_refused_before_a_byte_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = origin(&format!("https://{}", listener.local_addr().unwrap()));

    let refused = plain(None).connect(&origin).await.unwrap_err();

    assert!(matches!(refused, ConnectError::NoTrust), "{refused:?}");
}

#[tokio::test]
async fn a_silent_handshake_ends_with_the_time_allowed() {
    let (listener, _, ca) = tls_server().await;
    let origin = origin(&format!("https://localhost:{}", listener.local_addr().unwrap().port()));
    let connector = Connector::new(&Trust::File(ca.path().to_owned()), None, Duration::from_millis(50)).unwrap();

    let late = connector.connect(&origin).await.unwrap_err();

    assert!(matches!(late, ConnectError::Timeout), "{late:?}");
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_tunnel() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connector = plain(Some(Proxy::new(&url.parse().unwrap()).unwrap()));

    let server = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            assert_ne!(io.read_buf(&mut asked).await.unwrap(), 0);
        }
        io.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        String::from_utf8(asked).unwrap()
    };
    let target = origin("http://api.example/");
    let (stream, asked) = tokio::join!(connector.connect(&target), server);

    stream.unwrap();
    assert!(asked.starts_with("CONNECT api.example:80 HTTP/1.1\r\n"), "{asked}");
}
