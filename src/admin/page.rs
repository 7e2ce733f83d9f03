//! The live page: one file, allowed to run and load nothing but itself and `/status`.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::service::Response;

use super::pages;

const PAGE: &str = include_str!("page.html");

/// The content security policy: the page's own style and script by their digests, and `/status`.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        source("style"),
        source("script"),
    );
    HeaderValue::from_str(&policy).expect("digests in base64 are visible ASCII")
});

/// The page.
pub(super) fn response() -> Response {
    let mut response = pages::response(StatusCode::OK, "text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    fields.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The source expression for the page's one element of this name (CSP Level 3, §2.3.1).
fn source(element: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, content(element).as_bytes())))
}

/// What stands between the element's tags.
fn content(element: &str) -> &'static str {
    let after = PAGE.split_once(&format!("<{element}>")).map_or("", |(_, after)| after);
    after.split_once(&format!("</{element}>")).map_or("", |(content, _)| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_style_and_one_script_and_both_are_in_the_policy() {
        for element in ["style", "script"] {
            assert_eq!(PAGE.matches(&format!("<{element}")).count(), 1, "{element}");
            assert!(content(element).len() > 100, "{element}");
            assert!(POLICY.to_str().unwrap().contains(&source(element)), "{element}");
        }
    }

    #[test]
    fn the_page_needs_nothing_that_the_policy_forbids() {
        for forbidden in ["style=", " onclick", " onload", "http:", "https:", "src=", "innerHTML", "eval("] {
            assert!(!PAGE.contains(forbidden), "{forbidden}");
        }
    }
}
