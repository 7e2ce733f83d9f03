//! The stand-in for Passport: a bare hyper server, which is the floor for cache hits too.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::Result;

/// The bearer that only the proxies know.
pub const BEARER: &str = "5f1d7a84db5d4a0ab2e0a4f7c1f3b8d9e6a7b0c1d2e3f405162738495a6b7c8d";

#[derive(clap::Args)]
pub struct Options {
    /// Of each answer's body.
    #[arg(long)]
    bytes: usize,
    /// Answers 401 to whoever does not bring the proxies' bearer.
    #[arg(long)]
    guarded: bool,
}

/// A list in JSON, of exactly so many bytes.
pub fn body(bytes: usize) -> Vec<u8> {
    const ITEM: &str = r#"{"id":"9b2e7a52-6a53-4c1c-9d0a-1f9a3a0f6c11","status":"SETTLED","amount":{"value":"90000000000000000","currency":"COP"}},"#;
    let (open, close) = (r#"{"customers":["#, r#"{}]}"#);
    let mut body = String::from(open);
    while body.len() + ITEM.len() + close.len() <= bytes {
        body.push_str(ITEM);
    }
    body.push_str(&" ".repeat(bytes.saturating_sub(body.len() + close.len())));
    body.push_str(close);
    body.into_bytes()
}

pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(Bytes::from(body(options.bytes)), options.guarded))
}

async fn serve(body: Bytes, guarded: bool) -> Result<()> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let service = service_fn(move |request| {
            let answered = answer(&request, &body, guarded);
            async move { Ok::<_, Infallible>(answered) }
        });
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move { connection.await.ok() });
    }
}

fn answer(request: &Request<Incoming>, body: &Bytes, guarded: bool) -> Response<Full<Bytes>> {
    if request.method() == Method::POST {
        let token = format!(r#"{{"access_token":"{BEARER}","token_type":"Bearer","expires_in":86400}}"#);
        return json(StatusCode::OK, Bytes::from(token));
    }
    let bearer = request.headers().get("authorization").and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if guarded && bearer != Some(BEARER.as_bytes()) {
        return json(StatusCode::UNAUTHORIZED, Bytes::from_static(b"{}"));
    }
    json(StatusCode::OK, body.clone())
}

fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("public, max-age=3600"));
    response
}
