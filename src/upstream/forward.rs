//! Layer 21: sends the request to Passport over a pooled connection and streams the answer back.
//!
//! What goes up is built here from what was validated and a closed list of header fields; nothing else of the caller's does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use self::attempt::Attempt;
use super::destination::Destination;
use super::pool::{Connection, Host, Pool, Unanswered};
use crate::clock::turn;
use crate::metrics::Metrics;
use crate::refusal::{Refusal, Sent};
use crate::service::{Response, Service};
use crate::stage::Outbound;
use crate::trace::Stage;
use crate::transport::{Connect, ConnectError, Connector};

mod answer;
mod attempt;
mod fields;
mod request;

/// The innermost service.
#[derive(Debug)]
pub struct Forward<C = Connector> {
    pool: Pool<C>,
    extra_fields: Arc<[HeaderName]>,
    key_field: Option<HeaderName>,
    stream_timeout: Duration,
    metrics: Arc<Metrics>,
}

impl<C: Connect> Forward<C> {
    /// Sends over `pool`; `extra_fields` of the caller go up besides the usual ones, and an answer's body has `stream_timeout`.
    #[must_use]
    pub fn new(pool: Pool<C>, extra_fields: &[HeaderName], stream_timeout: Duration, metrics: Arc<Metrics>) -> Self {
        Self { pool, extra_fields: request::permitted(extra_fields), key_field: None, stream_timeout, metrics }
    }

    /// What goes up, and the account of it.
    fn begin<'a>(&'a self, destination: &'a Destination, outbound: &'a Outbound) -> (Request<Full<Bytes>>, Attempt<'a>) {
        let validated = outbound.validated();
        let span = validated.exchange().span(Stage::Upstream);
        let mut request = request::build(destination, outbound, &self.extra_fields, span.as_ref());
        if let Some(field) = &self.key_field {
            request::write_key(&mut request, validated, field);
        }
        (request, Attempt::begin(&self.metrics, &destination.name, validated, span))
    }

    /// Lets the idempotency key of a write go up, in this field.
    #[must_use]
    pub fn with_key_in(self, field: Option<HeaderName>) -> Self {
        Self { key_field: field, ..self }
    }
}

impl<C: Connect> Service<Outbound> for Forward<C> {
    type Error = Refusal;

    async fn call(&self, outbound: Outbound) -> Result<Response, Refusal> {
        let validated = outbound.validated();
        let host = self.pool.host(validated.operation().upstream).ok_or(Refusal::OperationUnavailable)?;
        let (request, attempt) = self.begin(host.destination(), &outbound);
        let (answer, connection) = match exchange(host, request, validated.deadline()).await {
            Ok(answered) => answered,
            Err(refusal) => {
                attempt.failed();
                return Err(refusal);
            }
        };
        attempt.answered(answer.status());
        answer::receive(answer, connection, turn::now() + self.stream_timeout, validated.exchange(), validated.held().is_some())
    }
}

/// Sends the request until a connection takes it, and waits for the head of the answer.
///
/// A connection that dies under a request before a byte of it was given to the socket hands it back; the next one is tried.
/// Each try uses up a resting connection, so that the last one is on a new connection.
async fn exchange<C: Connect>(
    host: &Host<C>,
    mut request: Request<Full<Bytes>>,
    deadline: Instant,
) -> Result<(http::Response<Incoming>, Connection), Refusal> {
    loop {
        let connection = connect(host, deadline).await?;
        let reused = connection.is_reused();
        let sending = timeout_at(deadline, connection.send(request)).await;
        match sending.map_err(|_| Refusal::DeadlineExceeded(Sent::Something))? {
            Ok(answered) => return Ok(answered),
            Err(unanswered) => match *unanswered {
                Unanswered { unsent: Some(unsent), .. } if reused => request = unsent,
                unanswered => return Err(broken(host, &unanswered)),
            },
        }
    }
}

async fn connect<C: Connect>(host: &Host<C>, deadline: Instant) -> Result<Connection, Refusal> {
    let late = Refusal::DeadlineExceeded(Sent::Nothing);
    let Ok(connection) = timeout_at(deadline, host.connection()).await else { return Err(late) };
    // With no time left nothing must be sent: a write that is cut off at once would leave its outcome unknown for nothing.
    if Instant::now() >= deadline {
        return Err(late);
    }
    connection.map_err(|error| unconnected(host, &error))
}

fn unconnected<C: Connect>(host: &Host<C>, error: &ConnectError) -> Refusal {
    tracing::warn!(upstream = &*host.destination().name, %error, "no connection to the upstream");
    Refusal::UpstreamUnreachable(Sent::Nothing)
}

fn broken<C: Connect>(host: &Host<C>, unanswered: &Unanswered) -> Refusal {
    let Unanswered { error, unsent, flaw } = unanswered;
    let flaw_text = flaw.map(tracing::field::display);
    tracing::warn!(upstream = &*host.destination().name, %error, flaw = flaw_text, "no answer from the upstream");
    match (unsent, flaw.is_some() || error.is_parse()) {
        (Some(_), _) => Refusal::UpstreamUnreachable(Sent::Nothing),
        (None, true) => Refusal::UpstreamInvalidResponse,
        (None, false) => Refusal::UpstreamUnreachable(Sent::Something),
    }
}

#[cfg(test)]
mod tests;
