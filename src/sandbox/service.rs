//! One request from its head to its answer: what arrived is noted, faults happen, operations are carried out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::call::Answer;
use super::connections::Counter;
use super::control::{Control, http as control_http};
use super::error::ApiError;
use super::fault::Kind;
use super::faults::{Faults, Plan};
use super::log::{Arrival, Log};
use super::moment::Time;
use super::options::Options;
use super::passport::{Asked, Passport, bearer};
use super::payload::Payload;
use super::reply::{Outcome, Reply, Severed};
use super::routes::{Matched, Operation, Routes, Run};

/// What all connections and every [`Control`] share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) time: Time,
    pub(crate) routes: Routes,
    pub(crate) passport: Mutex<Passport>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) log: Mutex<Log>,
    pub(crate) connections: Counter,
}

/// No request of Passport's comes near it.
const MOST_BODY_BYTES: usize = 1 << 20;

impl Shared {
    /// Answers a request, or says how its connection is to end.
    pub(crate) async fn serve(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Payload>, Severed> {
        let (parts, body) = request.into_parts();
        if parts.uri.path().starts_with(control_http::PREFIX) {
            let body = read(body).await?;
            return Ok(control_http::answer(&Control::new(self), peer, &parts, body).whole());
        }
        self.play(parts, body).await
    }

    async fn play(&self, parts: Parts, body: Incoming) -> Result<Response<Payload>, Severed> {
        let matched = self.routes.find(&parts.method, parts.uri.path());
        let plan = lock(&self.faults).plan(matched.label(), parts.uri.path());
        let early = matches!(plan.failure, Some((Kind::ResetBeforeBody, _)));
        let body = if early { Ok(Bytes::new()) } else { read(body).await? };
        let number = self.note(&parts, &matched, body.as_ref().ok(), &plan);
        if early {
            return Err(Severed::Reset);
        }
        if !plan.delay.is_zero() {
            // The far end's slowness is real time, not the clock's: it must meet the timeouts of whoever waits.
            tokio::time::sleep(plan.delay).await;
        }
        let asked = Asked { parts: &parts, matched: &matched, body, rejection: plan.rejection() };
        let mut response = match self.carry_out(asked, &plan) {
            Outcome::Answered(response) => response,
            Outcome::Severed(severed) => return Err(severed),
            Outcome::Never => std::future::pending().await,
        };
        response.headers_mut().extend(plan.headers);
        if let Matched::OtherMethods(methods) = &matched
            && let Ok(allow) = methods.parse()
        {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        lock(&self.log).answered(number, matched.label(), response.status().as_u16());
        Ok(response)
    }

    fn note(&self, parts: &Parts, matched: &Matched, body: Option<&Bytes>, plan: &Plan) -> u64 {
        let moment = self.time.moment();
        let presented = lock(&self.passport).tokens.present(bearer(parts), moment.now);
        let secret = matches!(matched, Matched::Operation(Operation { run: Run::Grant, .. }, _));
        let body = body.filter(|_| !secret).cloned().unwrap_or_default();
        let arrival =
            Arrival { at: moment.wall, route: matched.label(), presented: &presented, body, faults: plan.names.clone() };
        lock(&self.log).receive(parts, arrival)
    }

    fn carry_out(&self, asked: Asked, plan: &Plan) -> Outcome {
        let mut passport = lock(&self.passport);
        let url = asked.parts.uri.path();
        let trace_id = passport.world.next("trace").uuid();
        let performed = plan.failure.as_ref().is_none_or(|(_, performed)| *performed);
        let result = if performed { passport.perform(asked, self.time.moment()) } else { Ok(Answer::empty(StatusCode::OK)) };
        let reply = Reply::from_result(result, url, &trace_id);
        match &plan.failure {
            None => Outcome::Answered(reply.whole()),
            Some((kind, _)) => reply.after(kind, url, &trace_id),
        }
    }
}

/// Locks what is shared. No code panics while it holds one, and if one did, a test double's state is still worth serving.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The whole body; an error to answer if it is too long, a severed connection if the peer left.
async fn read(body: Incoming) -> Result<Result<Bytes, ApiError>, Severed> {
    match Limited::new(body, MOST_BODY_BYTES).collect().await {
        Ok(collected) => Ok(Ok(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {
            Ok(Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body", "The body is too large")))
        }
        Err(_) => Err(Severed::Reset),
    }
}
