//! Queries and path parameters as the pages say, by the embedded catalogue.

use super::*;

/// What the query of `name` breaks: names that are refused, names that are reported.
fn judge(name: &str, query: &str) -> (Vec<String>, Vec<String>) {
    let mut report = Report::new(Modes::default());
    let _ = operation(name).query.check(Some(query), &mut report);
    let names = |list: Vec<Violation>| list.into_iter().map(|violation| violation.name).collect();
    (names(report.refused), names(report.reported))
}

/// A list, and its filters as the pages name them.
const FILTERS: [(&str, &str); 6] = [
    ("list_customers", "identification_number customer_id identification_type"),
    ("list_accounts", "customer_id account_id status account_type account_number"),
    (
        "list_payments",
        "payment_id customer_id account_id direction key_value status qr_code_reference type end_to_end_identification
         sender_type sender_name sender_identification_type sender_identification_number sender_account_type
         sender_account_number sender_participant_name sender_participant_identification_number
         receiver_type receiver_name receiver_identification_type receiver_identification_number receiver_account_type
         receiver_account_number receiver_participant_name receiver_participant_identification_number",
    ),
    ("list_keys", "customer_id account_id key_type key_id key_value status"),
    ("list_recipients", "customer_id type recipient_id identification_number account_number account_type"),
    ("list_qr_codes", "qr_code_id customer_id key_id type key_value key_type"),
];

#[test]
fn a_list_knows_exactly_its_filters_beside_pages_order_and_times() {
    for (list, filters) in FILTERS {
        let mut filters = names(filters);
        filters.sort();
        let known = operation(list).query.parameters().iter().map(|parameter| parameter.name.to_string());
        let own: Vec<_> = known.filter(|name| !name.contains('.')).collect();
        assert_eq!(own, filters, "{list}");
    }
}

#[test]
fn a_filter_takes_any_value_that_could_be_meant() {
    let none = (vec![], vec![]);
    for (list, filters) in FILTERS {
        for filter in names(filters) {
            let is_id = filter.ends_with("_id");
            let value = if is_id { "db7e89e7-59d8-4ab1-b675-a2ae52c3339e" } else { "José+4%2F5" };
            assert_eq!(judge(list, &format!("{filter}={value}")), none, "{list} {filter}");
            assert_eq!(judge(list, &format!("{filter}=not+a+uuid")).1.is_empty(), !is_id, "{list} {filter}");
            assert_eq!(judge(list, &format!("{filter}=")), (vec![], vec![filter.clone()]), "{list} {filter}: empty");
            assert_eq!(
                judge(list, &format!("{filter}={}", "x".repeat(141))),
                (vec![], vec![filter.clone()]),
                "{list} {filter}: long"
            );
        }
    }
}

#[test]
fn the_times_are_the_payments_own() {
    for (list, _) in FILTERS {
        let (_, reported) = judge(list, "created_at_after.seconds=1&updated_at_before.nanos=1&updated_at_before.seconds=1");
        assert_eq!(reported.is_empty(), list == "list_payments", "{list}");
    }
}

#[test]
fn the_pages_own_requests_pass_with_nothing_to_report() {
    for path in ["/v1/customers", "/v1/customers/db7e89e7-59d8-4ab1-b675-a2ae52c3339e", "/v1/accounts", "/v1/payments"] {
        let found = catalogue().find(&Method::GET, path).unwrap();
        let operation = catalogue().operation(found.operation);
        let mut report = Report::new(Modes::default());
        operation.check_path(&found.parameters, &mut report);
        let query = operation.query.check(None, &mut report).unwrap();
        assert!(report.refused.is_empty() && report.reported.is_empty(), "{path}");
        assert_eq!(operation.target(&found.parameters, &query, &Uri::default()), path);
    }
}

#[test]
fn pagination_and_ordering_are_judged_as_documented_or_inferred() {
    for (query, refused, reported) in [
        ("page_params.page_size=50&page_params.page_number=1", "", ""),
        ("page_params.page_size=0", "", "page_params.page_size"),
        ("page_params.page_number=x", "", "page_params.page_number"),
        ("page_params.first_request_timestamp.seconds=1760031317&page_params.first_request_timestamp.nanos=864000000", "", ""),
        ("page_params.first_request_timestamp.seconds=-62135596800", "", ""),
        ("page_params.first_request_timestamp.seconds=-62135596801", "page_params.first_request_timestamp.seconds", ""),
        ("page_params.first_request_timestamp.seconds=253402300799", "", ""),
        ("page_params.first_request_timestamp.seconds=253402300800", "page_params.first_request_timestamp.seconds", ""),
        ("page_params.first_request_timestamp.nanos=0", "", "page_params.first_request_timestamp.nanos"),
        (
            "page_params.first_request_timestamp.seconds=1&page_params.first_request_timestamp.nanos=1000000000",
            "page_params.first_request_timestamp.nanos",
            "",
        ),
        ("order_params.order_key=created_at&order_params.order_direction=DESC", "", ""),
        ("order_params.order_direction=ORDER_DIRECTION_ENUM_UNSPECIFIED", "", ""),
        ("order_params.order_direction=desc", "order_params.order_direction", ""),
        ("order_params.order_key=Created-At", "", "order_params.order_key"),
        ("page_size=5", "", "page_size"),
        ("colour=a&colour=b", "colour", "colour colour"),
    ] {
        for list in ["list_customers", "list_accounts", "list_payments", "list_keys", "list_recipients", "list_qr_codes"] {
            assert_eq!(judge(list, query), (names(refused), names(reported)), "{list}?{query}");
        }
    }
}

#[test]
fn the_times_of_payments_are_judged_too() {
    for (query, refused, reported) in [
        ("created_at_after.seconds=1&created_at_before.seconds=2&updated_at_after.seconds=1&updated_at_before.seconds=1", "", ""),
        ("created_at_after.seconds=2&created_at_before.seconds=1", "", "created_at_after"),
        (
            "updated_at_after.seconds=1&updated_at_after.nanos=2&updated_at_before.seconds=1&updated_at_before.nanos=1",
            "",
            "updated_at_after",
        ),
        ("created_at_before.nanos=1", "", "created_at_before.nanos"),
        ("updated_at_before.seconds=1&updated_at_before.nanos=-1", "updated_at_before.nanos", ""),
        ("created_at_after.seconds=soon", "created_at_after.seconds", ""),
    ] {
        assert_eq!(judge("list_payments", query), (names(refused), names(reported)), "{query}");
    }
}

#[test]
fn an_id_in_a_path_is_reported_if_it_is_no_uuid() {
    let catalogue = catalogue();
    for (path, is_uuid) in [("/v1/accounts/6c23f053-0e1a-46b4-b902-97ba47e351bc", true), ("/v1/accounts/42", false)] {
        let found = catalogue.find(&Method::GET, path).unwrap();
        let mut report = Report::new(Modes::default());
        catalogue.operation(found.operation).check_path(&found.parameters, &mut report);
        assert!(!report.refuses());
        assert_eq!(report.reported.is_empty(), is_uuid, "{path}");
    }
}
