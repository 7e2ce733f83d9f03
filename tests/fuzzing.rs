//! What the fuzz targets set up keeps working: they are built by `make fuzz` alone, and would end at their first input otherwise.

#[expect(dead_code, unreachable_pub, clippy::panic, reason = "it is a library, of which the targets use the rest")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

#[test]
fn the_fuzz_targets_have_a_configuration_an_issuer_and_operations() {
    assert_eq!(&*targets::operation("create_customer").name, "create_customer");
    assert_eq!(targets::CONFIG.issuers.len(), 1);
    let head = targets::head(b"GET /v1/customers HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!((head.uri.path(), head.headers.len()), ("/v1/customers", 1));
}
