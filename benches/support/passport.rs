//! A Passport in memory: it answers every request over HTTP/1.1 on a pipe, and mints tokens that last.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use passport_gateway::policy::authenticate::{KeyEndpoint, KeysError};
use passport_gateway::transport::{Connect, ConnectError, Origin};
use passport_gateway::upstream::token::{TokenEndpoint, Unanswered};
use tokio::io::DuplexStream;
use tokio_util::task::TaskTracker;

/// One kilobyte of JSON, which is what lists are about.
pub(crate) const ANSWER: &[u8] = &[b' '; 1024];

const TOKEN: &[u8] = br#"{"access_token":"0123456789abcdef0123456789abcdef","token_type":"Bearer","expires_in":86400}"#;

/// The upstream, the token endpoint and the key endpoint in one.
#[derive(Clone, Default)]
pub(crate) struct Passport(TaskTracker);

impl Passport {
    /// A pipe at whose other end requests are answered.
    pub(crate) fn pipe(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        self.0.spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(far), service_fn(answer));
            connection.await.expect("the near end closes in order");
        });
        near
    }
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = Response::builder().header("content-type", "application/json");
    Ok(answer.body(Full::new(Bytes::from_static(ANSWER))).expect("a static answer"))
}

impl Connect for Passport {
    type Stream = DuplexStream;

    async fn connect(&self, _: &Origin) -> Result<DuplexStream, ConnectError> {
        Ok(self.pipe())
    }
}

impl TokenEndpoint for Passport {
    async fn ask(&self, _: Request<Bytes>) -> Result<Response<Bytes>, Unanswered> {
        Ok(Response::new(Bytes::from_static(TOKEN)))
    }
}

impl KeyEndpoint for Passport {
    async fn get(&self, _: &Uri) -> Result<Bytes, KeysError> {
        unreachable!("the key set is in a file")
    }
}
