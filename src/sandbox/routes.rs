//! The operations of Passport's three hosts, as one table.

use std::collections::BTreeMap;

use http::Method;
use matchit::Router;

use super::call::{Answer, Call};
use super::error::ApiError;
use super::state::{World, accounts, customers, keys, payments, qr_codes, recipients};
use super::tokens::{self, Tokens};

/// An operation: its label is its method and path, which faults and counters know it by.
pub(crate) struct Operation {
    pub(crate) label: &'static str,
    /// What a token must be good for.
    pub(crate) scope: &'static str,
    pub(crate) run: Run,
}

/// What carries an operation out.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// The token endpoint: no bearer, and its own faults.
    Grant,
    /// An operation on tokens.
    Tokens(fn(&mut Tokens, &Call) -> Result<Answer, ApiError>),
    /// An operation on records.
    World(fn(&mut World, &Call) -> Result<Answer, ApiError>),
}

/// The token endpoint's label.
pub(crate) const GRANT: &str = "POST /v1/iam/oauth/tokens";

/// The label of requests for no operation.
pub(crate) const UNMATCHED: &str = "unmatched";

const fn world(label: &'static str, scope: &'static str, run: fn(&mut World, &Call) -> Result<Answer, ApiError>) -> Operation {
    Operation { label, scope, run: Run::World(run) }
}

const fn iam(label: &'static str, scope: &'static str, run: fn(&mut Tokens, &Call) -> Result<Answer, ApiError>) -> Operation {
    Operation { label, scope, run: Run::Tokens(run) }
}

/// Every operation; scopes as documented or, where the API's pages are silent, inferred.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation { label: GRANT, scope: "", run: Run::Grant },
    iam("GET /v1/iam/oauth/tokens", "iam.oauth.tokens.list.get", tokens::list),
    iam("GET /v1/iam/oauth/tokens/{token_id}", "iam.oauth.tokens.get", tokens::retrieve),
    iam("DELETE /v1/iam/oauth/tokens/{token_id}", "iam.oauth.tokens.delete", tokens::delete),
    world("GET /v1/customers", "paas.core.entity_customers.list.get", customers::list),
    world("GET /v1/customers/{customer_id}", "paas.core.entity_customers.get", customers::retrieve),
    world("POST /v1/customers", "paas.core.entity_customers.post", customers::create),
    world("POST /v1/paas/entities/customers", "paas.core.entity_customers.post", customers::create),
    world("POST /v1/customers/business/link", "paas.core.entity_customers.post", customers::link_merchant),
    world("GET /v1/accounts", "paas.core.accounts.list.get", accounts::list),
    world("GET /v1/accounts/{account_id}", "paas.core.accounts.get", accounts::retrieve),
    world("POST /v1/accounts/link", "paas.core.accounts.post", accounts::link),
    world("GET /v1/keys", "paas.core.account_keys.list.get", keys::list),
    world("GET /v1/keys/{key_id}", "paas.core.account_keys.get", keys::retrieve),
    world("POST /v1/keys", "paas.core.account_keys.post", keys::create),
    world("PATCH /v1/keys/{key_id}/suspend", "paas.core.account_keys.patch", keys::suspend),
    world("PATCH /v1/keys/{key_id}/activate", "paas.core.account_keys.patch", keys::activate),
    world("DELETE /v1/keys/{key_id}", "paas.core.account_keys.delete", keys::delete),
    world("POST /v1/key-resolution", "paas.core.account_keys.get", keys::resolve),
    world("GET /v1/recipients", "paas.core.breb_recipients.list.get", recipients::list),
    world("GET /v1/recipients/breb/{recipient_id}", "paas.core.breb_recipients.get", recipients::retrieve),
    world("POST /v1/recipients/breb", "paas.core.breb_recipients.post", recipients::create),
    world("GET /v1/payments", "paas.core.breb_payments.list.get", payments::list),
    world("GET /v1/payments/{payment_id}", "paas.core.breb_payments.get", payments::retrieve),
    world("POST /v1/payments/breb", "paas.core.breb_payments.post", payments::create_breb),
    world("POST /v1/payments/breb/confirm", "paas.core.breb_payments.post", payments::confirm),
    world("POST /v1/payments/ach", "paas.core.breb_payments.post", payments::create_ach),
    world("GET /v1/qrcodes", "paas.core.qrcodes.list.get", qr_codes::list),
    world("GET /v1/qrcodes/{qr_code_id}", "paas.core.qrcodes.get", qr_codes::retrieve),
    world("POST /v1/qrcodes", "paas.core.qrcodes.post", qr_codes::create),
    world("DELETE /v1/qrcodes/{qr_code_id}", "paas.core.qrcodes.delete", qr_codes::delete),
    world("POST /v1/qrcodes/decode", "paas.core.qrcodes.get", qr_codes::decode),
];

/// Finds operations by method and path.
pub(crate) struct Routes(Router<Vec<&'static Operation>>);

/// What a method and path lead to.
pub(crate) enum Matched {
    /// An operation, with the path's parameter.
    Operation(&'static Operation, Option<String>),
    /// The path exists, with these other methods.
    OtherMethods(String),
    Nothing,
}

impl Matched {
    /// The label that faults and counters use.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Operation(operation, _) => operation.label,
            Self::OtherMethods(_) | Self::Nothing => UNMATCHED,
        }
    }
}

impl Operation {
    fn method_and_path(&self) -> (&'static str, &'static str) {
        self.label.split_once(' ').expect("a label is a method, a space and a path")
    }
}

impl Routes {
    /// Every operation of the table.
    pub(crate) fn new() -> Self {
        let mut by_path: BTreeMap<&str, Vec<&'static Operation>> = BTreeMap::new();
        for operation in OPERATIONS {
            by_path.entry(operation.method_and_path().1).or_default().push(operation);
        }
        let mut router = Router::new();
        for (path, operations) in by_path {
            router.insert(path, operations).expect("the table's paths do not conflict");
        }
        Self(router)
    }

    /// The operation for a request.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Matched {
        let Ok(found) = self.0.at(path) else { return Matched::Nothing };
        let id = found.params.iter().next().map(|(_, value)| value.to_owned());
        match found.value.iter().find(|operation| operation.method_and_path().0 == method.as_str()) {
            Some(operation) => Matched::Operation(operation, id),
            None => Matched::OtherMethods(found.value.iter().map(|o| o.method_and_path().0).collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;

    #[test]
    fn every_operation_is_found_by_its_own_label_and_has_a_scope() {
        let routes = Routes::new();
        for operation in OPERATIONS {
            let (method, path) = operation.method_and_path();

            let found = routes.find(&method.parse().unwrap(), path);

            assert_eq!(found.label(), operation.label);
            assert!(operation.label == GRANT || operation.scope.parse::<Scope>().is_ok(), "{}", operation.label);
        }
    }

    #[test]
    fn static_segments_beat_parameters() {
        let label = |method: Method, path| Routes::new().find(&method, path).label();

        assert_eq!(label(Method::POST, "/v1/payments/breb"), "POST /v1/payments/breb");
        assert_eq!(label(Method::GET, "/v1/payments/1"), "GET /v1/payments/{payment_id}");
    }

    #[test]
    fn an_unknown_path_is_nothing_and_an_unknown_method_names_the_others() {
        let routes = Routes::new();
        assert!(matches!(routes.find(&Method::GET, "/v1/nothing"), Matched::Nothing));
        assert!(matches!(routes.find(&Method::PUT, "/v1/accounts"), Matched::OtherMethods(methods) if methods == "GET"));
    }
}
