//! One request, one connection, one bounded answer: for tokens, keys and other fetches in the background.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{Connect, ConnectError, Connector, Origin, OriginError, USER_AGENT, handshake};

/// A client without a pool, without redirects and without retries.
#[derive(Clone, Debug)]
pub struct Client(Arc<Connector>);

/// Why there is no answer. Never shows the URL, a header field or a body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The request's URL leads nowhere.
    #[error(transparent)]
    Url(#[from] OriginError),
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The whole answer was not there in time.
    #[error("no answer in time")]
    Timeout,
    /// The answer's body is longer than allowed.
    #[error("the answer is longer than allowed")]
    TooLarge,
    /// The connection broke, or the answer is not valid HTTP.
    #[error("the answer is not valid, or was cut short: {0}")]
    Invalid(#[source] hyper::Error),
}

impl Client {
    /// A client over the connections of `connector`.
    #[must_use]
    pub fn new(connector: Arc<Connector>) -> Self {
        Self(connector)
    }

    /// Sends one request to the absolute URL of its `uri`, on a connection of its own, and reads the whole answer.
    ///
    /// Redirects are not followed, and any status is an answer. `timeout` covers everything, the connection included.
    ///
    /// # Errors
    ///
    /// No connection, no valid answer, one whose body exceeds `limit` bytes, or none in time.
    pub async fn fetch(
        &self,
        request: Request<Bytes>,
        limit: usize,
        timeout_after: Duration,
    ) -> Result<Response<Bytes>, FetchError> {
        timeout(timeout_after, self.exchange(request, limit)).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn exchange(&self, request: Request<Bytes>, limit: usize) -> Result<Response<Bytes>, FetchError> {
        let origin = Origin::of(request.uri())?;
        let request = addressed(request, &origin);
        let io = self.0.connect(&origin).await?;
        let (mut sender, connection, watch) = handshake(io).await.map_err(FetchError::Invalid)?;
        watch.ask(request.method());
        let answer = pin!(async move {
            let answer = sender.send_request(request).await.map_err(FetchError::Invalid)?;
            collect(answer, limit).await
        });
        // The connection lives in this future and ends with it. Its error, if any, also ends the exchange over it.
        let connection = pin!(async move {
            let _ = connection.await;
            std::future::pending::<Infallible>().await
        });
        tokio::select! {
            answer = answer => answer,
            never = connection => match never {},
        }
    }
}

/// The request in origin form, with the fields that belong to a connection of its own.
fn addressed(request: Request<Bytes>, origin: &Origin) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().cloned();
    head.uri = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    head.version = http::Version::HTTP_11;
    head.headers.insert(header::HOST, origin.host_field());
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if body.is_empty() && head.method == Method::POST {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    head.headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
    Request::from_parts(head, Full::new(body))
}

async fn collect(answer: Response<Incoming>, limit: usize) -> Result<Response<Bytes>, FetchError> {
    let (head, mut body) = answer.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers are of no use here.
        let Ok(data) = frame.map_err(FetchError::Invalid)?.into_data() else { continue };
        if data.len() > limit - bytes.len() {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Response::from_parts(head, bytes.freeze()))
}

#[cfg(test)]
mod tests;
