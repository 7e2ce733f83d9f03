//! What must not compile: a stack with a missing or misordered security layer, and a stage made without its check.

#[test]
fn a_stack_without_its_checks_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/stages/*.rs");
}
