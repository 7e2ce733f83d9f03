//! Passport as the sandbox plays it: who may ask for what, and what is then done.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::request::Parts;
use http::{StatusCode, header};

use super::call::{Answer, Call};
use super::error::ApiError;
use super::moment::Moment;
use super::oauth;
use super::options::{Client, Options};
use super::query::Query;
use super::routes::{Matched, Operation, Run};
use super::state::World;
use super::state::sample::CUSTOMERS;
use super::tokens::Tokens;

/// Everything a reset restores.
pub(crate) struct Passport {
    pub(crate) clients: Vec<Client>,
    pub(crate) tokens: Tokens,
    pub(crate) world: World,
}

/// A request, read.
pub(crate) struct Asked<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) matched: &'a Matched,
    /// The body, or why there is none.
    pub(crate) body: Result<Bytes, ApiError>,
    /// The code with which a payment is to be rejected, if a fault says so.
    pub(crate) rejection: Option<String>,
}

impl Passport {
    /// Passport as it is at the start, with the sample data of each client's entity.
    pub(crate) fn seeded(options: &Options, moment: Moment) -> Result<Self, ApiError> {
        let mut world = World::new(options.seed, options.settle_after, options.resolution_ttl);
        world.fill_directory();
        let entities: BTreeSet<_> = options.clients.iter().map(|client| client.account_id.as_str()).collect();
        for entity in entities.into_iter().filter(|_| options.sample_data) {
            world.add_sample(entity, CUSTOMERS, moment)?;
        }
        Ok(Self { clients: options.clients.clone(), tokens: Tokens::new(options.seed, options.token_ttl), world })
    }

    /// Does what a request asks for, if it may.
    pub(crate) fn perform(&mut self, asked: Asked, moment: Moment) -> Result<Answer, ApiError> {
        let (operation, id) = match asked.matched {
            Matched::Operation(operation, id) => (*operation, id.clone()),
            Matched::OtherMethods(_) => return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "path", "Method not allowed")),
            Matched::Nothing => return Err(ApiError::not_found("path")),
        };
        match operation.run {
            Run::Grant => oauth::grant(&mut self.tokens, &self.clients, (&asked.parts.headers, &asked.body?), moment),
            Run::Tokens(run) => {
                let call = self.authorize(asked, operation, id, moment)?;
                run(&mut self.tokens, &call)
            }
            Run::World(run) => {
                let call = self.authorize(asked, operation, id, moment)?;
                self.world.settle(moment);
                run(&mut self.world, &call)
            }
        }
    }

    fn authorize(&self, asked: Asked, operation: &Operation, id: Option<String>, moment: Moment) -> Result<Call, ApiError> {
        let token = self.tokens.present(bearer(asked.parts), moment.now).authorize(operation.scope)?;
        let query = Query::parse(asked.parts.uri.query().unwrap_or_default())?;
        Ok(Call { entity: token.account_id, id, query, body: asked.body?, moment, rejection: asked.rejection })
    }
}

/// The bearer token of a request (RFC 6750 §2.1).
pub(crate) fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
