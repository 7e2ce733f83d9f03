//! Method and path to operation, deny by default.
//!
//! Literal segments beat parameters, whatever the method: a path is one resource, and its methods are looked at once it is found.

use std::collections::BTreeMap;

use http::{HeaderValue, Method};
use smallvec::SmallVec;

use super::path::{PathParameters, Segment, Template, unambiguous};
use super::set::OperationId;

/// An operation that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The operation.
    pub operation: OperationId,
    /// What its path parameters hold.
    pub parameters: PathParameters,
    /// Whether it was asked for with HEAD, which a GET operation answers without its body (RFC 9110 §9.3.2).
    pub head: bool,
}

/// Why a request asks for no operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMatch {
    /// No operation has this path.
    Unknown,
    /// Operations have this path, but with other methods.
    Method {
        /// The methods that would do, as `Allow` lists them (RFC 9110 §10.2.1).
        allow: HeaderValue,
    },
    /// The path can be read in more than one way, or a parameter holds what no segment may.
    Malformed(&'static str),
}

/// The paths of all operations, as a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Matcher {
    tree: matchit::Router<usize>,
    places: BTreeMap<String, usize>,
    resources: Vec<Resource>,
}

/// What answers at one path.
#[derive(Clone, Debug)]
struct Resource {
    entries: SmallVec<[Entry; 2]>,
    allow: HeaderValue,
}

#[derive(Clone, Debug)]
struct Entry {
    method: Method,
    operation: OperationId,
    /// For each parameter of the operation, which of the path's parameters it is.
    order: SmallVec<[usize; 2]>,
}

impl Matcher {
    /// Adds one path of an operation whose parameters are `names`; gives the operation that already has the method there.
    pub(super) fn insert(
        &mut self,
        method: &Method,
        template: &Template,
        names: &[&str],
        operation: OperationId,
    ) -> Result<(), OperationId> {
        let order = names.iter().filter_map(|name| template.parameters().position(|own| own == *name)).collect();
        let place = self.place(template);
        let resource = &mut self.resources[place];
        if let Some(taken) = resource.entries.iter().find(|entry| entry.method == method) {
            return Err(taken.operation);
        }
        resource.entries.push(Entry { method: method.clone(), operation, order });
        resource.allow = allow(&resource.entries);
        Ok(())
    }

    /// The operation that `method` and `path` ask for.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Match, NoMatch> {
        let decoded = unambiguous(path).map_err(NoMatch::Malformed)?;
        let found = self.tree.at(&decoded).map_err(|_| NoMatch::Unknown)?;
        // An encoded character may stand in a parameter; spelling a literal with one asks for nothing that we know.
        if path.contains('%') && self.tree.at(path).ok().map(|raw| *raw.value) != Some(*found.value) {
            return Err(NoMatch::Unknown);
        }
        let resource = &self.resources[*found.value];
        let head = method == Method::HEAD;
        let asked = if head { &Method::GET } else { method };
        let Some(entry) = resource.entries.iter().find(|entry| entry.method == asked) else {
            return Err(NoMatch::Method { allow: resource.allow.clone() });
        };
        let values: SmallVec<[&str; 2]> = found.params.iter().map(|(_, value)| value).collect();
        let parameters = PathParameters::validated(entry.order.iter().map(|place| values[*place])).map_err(NoMatch::Malformed)?;
        Ok(Match { operation: entry.operation, parameters, head })
    }

    /// Where the resource of this template stands; the names of parameters do not tell resources apart.
    fn place(&mut self, template: &Template) -> usize {
        let segment = |(at, segment): (usize, &Segment)| match segment {
            Segment::Literal(literal) => format!("/{literal}"),
            Segment::Parameter(_) => format!("/{{p{at}}}"),
        };
        let pattern: String = template.segments().iter().enumerate().map(segment).collect();
        if let Some(place) = self.places.get(&pattern) {
            return *place;
        }
        let place = self.resources.len();
        self.tree.insert(pattern.as_str(), place).expect("patterns of whole segments never conflict, and each is new");
        self.places.insert(pattern, place);
        self.resources.push(Resource { entries: SmallVec::new(), allow: HeaderValue::from_static("") });
        place
    }
}

fn allow(entries: &[Entry]) -> HeaderValue {
    let mut methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    HeaderValue::try_from(methods.join(", ")).expect("method names are header characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(routes: &[(Method, &str)]) -> Matcher {
        let mut matcher = Matcher::default();
        for ((method, path), id) in routes.iter().zip(0..) {
            let template = Template::parse(path).unwrap();
            let names: Vec<&str> = template.parameters().collect();
            matcher.insert(method, &template, &names, OperationId(id)).unwrap();
        }
        matcher
    }

    fn payments() -> Matcher {
        matcher(&[
            (Method::GET, "/v1/payments"),
            (Method::GET, "/v1/payments/{payment_id}"),
            (Method::POST, "/v1/payments/breb"),
            (Method::POST, "/v1/payments/breb/confirm"),
            (Method::PATCH, "/v1/keys/{key_id}/suspend"),
            (Method::GET, "/v1/keys/{id}"),
            (Method::DELETE, "/v1/keys/{key_id}"),
        ])
    }

    fn found(method: &Method, path: &str) -> Result<(u16, Vec<String>), NoMatch> {
        payments().find(method, path).map(|found| (found.operation.0, found.parameters.iter().map(str::to_owned).collect()))
    }

    #[test]
    fn method_and_path_find_the_operation_and_its_parameters() {
        assert_eq!(found(&Method::GET, "/v1/payments"), Ok((0, vec![])));
        assert_eq!(found(&Method::GET, "/v1/payments/p-1"), Ok((1, vec!["p-1".to_owned()])));
        assert_eq!(found(&Method::PATCH, "/v1/keys/k-1/suspend"), Ok((4, vec!["k-1".to_owned()])));
        assert_eq!(found(&Method::DELETE, "/v1/keys/k-1"), Ok((6, vec!["k-1".to_owned()])));
    }

    #[test]
    fn a_literal_beats_a_parameter_whatever_the_method() {
        assert_eq!(found(&Method::POST, "/v1/payments/breb"), Ok((2, vec![])));
        assert_eq!(found(&Method::GET, "/v1/payments/breb"), Err(NoMatch::Method { allow: HeaderValue::from_static("POST") }));
    }

    #[test]
    fn nothing_is_normalised_into_another_path() {
        for path in ["/v1/payments/", "/v1/Payments", "/v1/p%61yments", "/v1/payments/br%65b", "/v1/payments/x/y", "/v1", "/"] {
            assert_eq!(found(&Method::GET, path), Err(NoMatch::Unknown), "{path}");
        }
    }

    #[test]
    fn needless_encoding_in_a_parameter_is_the_same_value() {
        assert_eq!(found(&Method::GET, "/v1/payments/%70-1"), Ok((1, vec!["p-1".to_owned()])));
    }

    #[test]
    fn a_parameter_that_holds_what_no_segment_may_is_malformed() {
        for path in ["/v1/payments/a:b", "/v1/payments/a@b", "/v1/payments/%2e%2e", "/v1/payments/a;b"] {
            assert!(matches!(found(&Method::GET, path), Err(NoMatch::Malformed(_))), "{path}");
        }
    }

    #[test]
    fn head_asks_for_the_operation_of_get() {
        let found = payments().find(&Method::HEAD, "/v1/payments").unwrap();

        assert!(found.head);
        assert_eq!(found.operation, OperationId(0));
        assert!(matches!(payments().find(&Method::HEAD, "/v1/payments/breb"), Err(NoMatch::Method { .. })));
    }

    #[test]
    fn allow_lists_every_method_and_head_beside_get() {
        let refused = payments().find(&Method::OPTIONS, "/v1/keys/k-1");

        assert_eq!(refused, Err(NoMatch::Method { allow: HeaderValue::from_static("DELETE, GET, HEAD") }));
    }

    #[test]
    fn a_method_and_path_are_taken_once() {
        let mut matcher = payments();
        let template = Template::parse("/v1/keys/{other}").unwrap();

        assert_eq!(matcher.insert(&Method::GET, &template, &["other"], OperationId(9)), Err(OperationId(5)));
    }
}
