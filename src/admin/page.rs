//! The live page: one document, allowed to run and load nothing but itself, `/status` and `/metrics`.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::service::Response;

use super::pages;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPTS: [&str; 3] = [include_str!("page/metrics.js"), include_str!("page/elements.js"), include_str!("page/page.js")];

/// The page with style and script in it.
static WHOLE: LazyLock<Bytes> = LazyLock::new(|| {
    let page = PAGE.replace("<style></style>", &format!("<style>{STYLE}</style>"));
    page.replace("<script></script>", &format!("<script>{}</script>", SCRIPTS.concat())).into()
});

/// The content security policy: the page's own style and script by their digests, and this listener.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        source(STYLE),
        source(&SCRIPTS.concat()),
    );
    HeaderValue::from_str(&policy).expect("digests in base64 are visible ASCII")
});

/// The page.
pub(super) fn response() -> Response {
    let mut response = pages::response(StatusCode::OK, "text/html; charset=utf-8", WHOLE.clone());
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    fields.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The source expression for what stands between an element's tags (CSP Level 3, §2.3.1).
fn source(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, content.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> &'static str {
        str::from_utf8(&WHOLE).unwrap()
    }

    #[test]
    fn the_page_has_one_style_and_one_script_and_both_are_in_the_policy() {
        for element in ["style", "script"] {
            let (_, after) = whole().split_once(&format!("<{element}>")).unwrap();
            let (content, _) = after.split_once(&format!("</{element}>")).unwrap();

            assert_eq!(whole().matches(&format!("<{element}>")).count(), 1, "{element}");
            assert!(content.len() > 100 && POLICY.to_str().unwrap().contains(&source(content)), "{element}");
        }
    }

    #[test]
    fn the_page_needs_nothing_that_the_policy_forbids() {
        // The name of the drawing's language is no address that anything is loaded from.
        let page = whole().replace("http://www.w3.org/2000/svg", "");

        for forbidden in ["style=", " onclick", " onload", "http:", "https:", "src=", "innerHTML", "eval("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
