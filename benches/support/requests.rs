//! Requests of ordinary applications, as they come from a connection.

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use passport_gateway::body::Body;
use passport_gateway::peer::Peer;
use passport_gateway::stage::Arrival;

/// A page of settled payments to one receiver, newest first.
pub(crate) const LIST_PAYMENTS: &str = "/v1/payments?page_params.page_size=50&page_params.page_number=2\
    &order_params.order_key=created_at&order_params.order_direction=DESC&status=SETTLED\
    &receiver_name=Mar%C3%ADa+P%C3%A9rez&created_at_after.seconds=1793750400&created_at_after.nanos=0";

/// The same without what would make each request another.
pub(crate) const LIST_ACCOUNTS: &str = "/v1/accounts?customer_id=db7e89e7-59d8-4ab1-b675-a2ae52c3339e";

/// A payment, which is never cached.
pub(crate) const GET_PAYMENT: &str = "/v1/payments/6c23f053-0e1a-46b4-b902-97ba47e351bc";

/// The body of Create Customer, as Passport's page has it.
pub(crate) const CUSTOMER: &str = r#"{
  "type": "BUSINESS",
  "business_name": "Panadería La Estrella S.A.S.",
  "email": "contacto@laestrella.example",
  "mobile_phone_number": "+573001234567",
  "identification_type": "NIT",
  "identification_number": "900123456"
}"#;

/// A GET with this credential and the fields that clients send.
pub(crate) fn get(target: &str, authorization: &HeaderValue) -> Arrival {
    arrival(Method::GET, target, authorization, "")
}

/// A POST of JSON.
pub(crate) fn post(target: &str, authorization: &HeaderValue, body: &'static str) -> Arrival {
    arrival(Method::POST, target, authorization, body)
}

fn arrival(method: Method, target: &str, authorization: &HeaderValue, body: &'static str) -> Arrival {
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", "gateway.internal")
        .header("authorization", authorization)
        .header("accept", "application/json")
        .header("user-agent", "orders-app/3.2");
    let request = if body.is_empty() { request } else { request.header("content-type", "application/json") };
    let (head, ()) = request.body(()).unwrap().into_parts();
    Arrival {
        head,
        body: Body::from(Bytes::from_static(body.as_bytes())),
        peer: Peer { address: None, local: true, certificate: None },
        flaw: None,
    }
}
