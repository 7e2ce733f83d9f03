//! What TLS sees, on both sides: names in certificates, and all that is said over them.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{IDENTIFICATION, Scene, TOKEN, assert_clean, assert_own_answer_clean, customer, searches};
use crate::support::Client;
use crate::support::pki::{Authority, Files, Leaf};

/// A Passport over TLS: it mints the planted token and answers everything else with a planted number.
struct Secure {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Secure {
    async fn of(leaf: &Leaf) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![leaf.der()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let (acceptor, mut connections) = (TlsAcceptor::from(Arc::new(config)), JoinSet::new());
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(acceptor.clone(), stream));
            }
        });
        Self { address, _serving: serving }
    }
}

/// Answers one request; the gateway's connection ends with it.
async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let mints = String::from_utf8_lossy(&head).contains("/v1/iam/oauth/tokens");
    let body = if mints {
        format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":86400}}"#)
    } else {
        format!(r#"{{"accounts":[{{"account_number":"{IDENTIFICATION}"}}]}}"#)
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A gateway that has left, or has sent more than a head, is not the matter here.
    let _ = stream.write_all((head + &body).as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn what_is_said_over_tls_leaves_no_trace_of_anyone() {
    let authority = Authority::new("planted-authority");
    let (own, upstream) = (authority.issue(&["gateway.internal"]), authority.issue(&["localhost"]));
    let files = Files::of(&own, Some(&authority));
    let passport = Secure::of(&upstream).await;
    let url = format!("https://localhost:{}", passport.address.port());
    let lines = format!(
        "{}passport.ca_file = {:?}\npassport.upstreams = {{ paas = {{ url = \"{url}\", token_url = \"{url}/v1/iam/oauth/tokens\" }} }}",
        files.asking(", require_client_certificate = false"),
        files.path("ca.crt").to_str().unwrap(),
    );
    let scene = Scene::with_lines(&lines, |_| {}).await;
    let person = authority.issue(&["zoraida.quinonez.example", "spiffe://planted/zoraida"]);

    for identity in [None, Some(&person)] {
        let config = authority.client(identity);
        let client = Client::over_tls(scene.process.server, &config).await.unwrap();
        let mut client = client.with(format!("X-Api-Key: {}", scene.key));
        for search in searches() {
            assert_own_answer_clean(&client.get(&search).await);
        }
        assert_own_answer_clean(&client.post("/v1/customers", &customer().to_string()).await);
    }
    let strange = Authority::new("planted-stranger");
    let refused = Client::over_tls(scene.process.server, &strange.client(None)).await;
    assert!(refused.is_err(), "a caller that does not trust the gateway says so");

    let told = scene.told().await;
    assert!(told.contains("list_accounts") || told.contains("get_account"), "{told}");
    assert_clean(&told, "what the program told");
    for certificate in [person.der(), own.der(), upstream.der()] {
        assert_eq!(spelled_in(&told, &certificate), None, "a part of a certificate, in what the program told");
    }
}

#[test]
fn a_certificate_is_recognised_however_it_is_written() {
    let certificate = Authority::new("planted-authority").issue(&["gateway.internal"]).der();

    for written in [format!("Server cert is {certificate:?}"), format!("{:?}", &*certificate), STANDARD.encode(&certificate)] {
        assert!(spelled_in(&written, &certificate).is_some(), "{written}");
    }
}

/// A part from the middle of the certificate, as it stands in the text: in hexadecimal, as a list of numbers or in base 64.
fn spelled_in(text: &str, certificate: &[u8]) -> Option<String> {
    let part = &certificate[certificate.len() / 6 * 3..][..24];
    let hexadecimal: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
    let numbers = format!("{part:?}");
    let spellings = [hexadecimal.to_uppercase(), hexadecimal, numbers[1..numbers.len() - 1].to_owned(), STANDARD.encode(part)];
    spellings.into_iter().find(|spelling| text.contains(spelling))
}
