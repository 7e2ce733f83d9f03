//! One request from its head to its answer: what arrived is noted, faults happen, operations are carried out.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::call::{Answer, Call};
use super::control::{Control, http as control_http};
use super::error::ApiError;
use super::fault::Kind;
use super::faults::{Faults, Plan};
use super::log::{Arrival, Log};
use super::moment::Time;
use super::oauth;
use super::options::{Client, Options};
use super::payload::Payload;
use super::query::Query;
use super::reply::{Outcome, Reply, Severed};
use super::routes::{Matched, Operation, Routes, Run};
use super::state::World;
use super::tokens::Tokens;

/// What all connections and every [`Control`] share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) time: Time,
    pub(crate) routes: Routes,
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) log: Mutex<Log>,
}

/// What a reset restores.
pub(crate) struct State {
    pub(crate) clients: Vec<Client>,
    pub(crate) tokens: Tokens,
    pub(crate) world: World,
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
        // The far end's slowness is real time: it must meet the timeouts of whoever waits.
        tokio::time::sleep(plan.delay).await;
        let outcome = self.carry_out(&parts, &matched, body, &plan);
        let mut response = match outcome {
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
        let presented = lock(&self.state).tokens.present(bearer(parts), moment.now);
        let secret = matches!(matched, Matched::Operation(Operation { run: Run::Grant, .. }, _));
        let body = body.filter(|_| !secret).cloned().unwrap_or_default();
        let arrival =
            Arrival { at: moment.wall, route: matched.label(), presented: &presented, body, faults: plan.names.clone() };
        lock(&self.log).receive(parts, arrival)
    }

    fn carry_out(&self, parts: &Parts, matched: &Matched, body: Result<Bytes, ApiError>, plan: &Plan) -> Outcome {
        let mut state = lock(&self.state);
        let trace_id = state.world.next("trace").uuid();
        let url = parts.uri.path();
        let unperformed = || Ok(Answer::empty(StatusCode::OK));
        match &plan.failure {
            None => Outcome::Answered(
                Reply::from_result(self.perform(&mut state, parts, matched, body, None), url, &trace_id).whole(),
            ),
            Some((kind, performed)) => {
                let rejection = if let Kind::PaymentRejected { code } = kind { Some(code.clone()) } else { None };
                let result = if *performed { self.perform(&mut state, parts, matched, body, rejection) } else { unperformed() };
                Reply::from_result(result, url, &trace_id).after(kind, url, &trace_id)
            }
        }
    }

    fn perform(
        &self,
        state: &mut State,
        parts: &Parts,
        matched: &Matched,
        body: Result<Bytes, ApiError>,
        rejection: Option<String>,
    ) -> Result<Answer, ApiError> {
        let (operation, id) = match matched {
            Matched::Operation(operation, id) => (operation, id.clone()),
            Matched::OtherMethods(_) => return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "path", "Method not allowed")),
            Matched::Nothing => return Err(ApiError::not_found("path")),
        };
        let moment = self.time.moment();
        let State { clients, tokens, world } = state;
        if let Run::Grant = operation.run {
            return oauth::grant(tokens, clients, (&parts.headers, &body?), moment);
        }
        let token = tokens.present(bearer(parts), moment.now).authorize(operation.scope)?;
        world.settle(moment);
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        let call = Call { entity: token.account_id, id, query, body: body?, moment, rejection };
        match operation.run {
            Run::Tokens(run) => run(tokens, &call),
            Run::World(run) => run(world, &call),
            Run::Grant => Err(ApiError::not_found("path")),
        }
    }
}

impl State {
    /// The state a sandbox with these options starts in.
    pub(crate) fn seeded(options: &Options, time: &Time) -> Result<Self, ApiError> {
        let mut world = World::new(options.seed, options.settle_after, options.resolution_ttl);
        world.fill_directory();
        let mut entities: Vec<_> = options.clients.iter().map(|client| client.account_id.as_str()).collect();
        entities.dedup();
        for entity in entities.into_iter().filter(|_| options.sample_data) {
            world.add_sample(entity, super::state::sample::CUSTOMERS, time.moment())?;
        }
        Ok(Self { clients: options.clients.clone(), tokens: Tokens::new(options.seed, options.token_ttl), world })
    }
}

/// Locks what is shared. No code panics while it holds one, and if one did, a test double's state is still worth serving.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
