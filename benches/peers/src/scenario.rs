//! What is measured: for each scenario who takes part, with which job, and what is sent.

use crate::system::{Job, System};

/// What callers send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tokens {
    /// The same sixty-four, again and again.
    Known,
    /// Each one once.
    Fresh,
}

pub struct Scenario {
    pub name: &'static str,
    pub title: &'static str,
    pub bytes: usize,
    pub tokens: Tokens,
    pub logs: bool,
    /// Requests a second; as many as go through if none.
    pub rate: Option<u32>,
    /// Whether idle connections are weighed too.
    pub idle: bool,
    pub target: &'static str,
    pub systems: &'static [(System, Job)],
}

/// One that no system keeps.
const PAYMENT: &str = "/v1/payments/0192f0c1-2345-7abc-8def-0123456789ab";
/// One that the catalogue lets be kept.
const CUSTOMERS: &str = "/v1/customers?page_params.page_size=50&page_params.page_number=1&order_params.order_direction=ASC";

const HITS: &[(System, Job)] = &[
    (System::Gateway, Job::Cache),
    (System::BareServer, Job::Plain),
    (System::Floor, Job::Cache),
    (System::NginxLua, Job::Cache),
    (System::Haproxy, Job::Cache),
    (System::Varnish, Job::Cache),
    (System::Envoy, Job::Cache),
];

const FORWARDS: &[(System, Job)] = &[
    (System::Gateway, Job::Full),
    (System::Floor, Job::Full),
    (System::NginxLua, Job::Full),
    (System::Haproxy, Job::Full),
    (System::Envoy, Job::Full),
    (System::Floor, Job::Plain),
    (System::Nginx, Job::Plain),
    (System::Haproxy, Job::Plain),
    (System::Pingora, Job::Plain),
    (System::Caddy, Job::Plain),
    (System::Envoy, Job::Plain),
];

/// A payment of 1 KiB, forwarded for callers whose tokens are known, as fast as it goes.
const FORWARD: Scenario = Scenario {
    name: "forward",
    title: "Forward, 1 KiB, token known",
    bytes: 1024,
    tokens: Tokens::Known,
    logs: false,
    rate: None,
    idle: false,
    target: PAYMENT,
    systems: FORWARDS,
};

/// The same for a list that is kept.
const HIT: Scenario =
    Scenario { name: "hit", title: "Cache hit, 1 KiB, token known", target: CUSTOMERS, systems: HITS, ..FORWARD };

pub const SCENARIOS: &[Scenario] = &[
    Scenario { idle: true, ..FORWARD },
    Scenario { idle: true, ..HIT },
    Scenario { name: "hit-10k", title: "Cache hit, 10 KiB, token known", bytes: 10 * 1024, ..HIT },
    Scenario { name: "hit-100k", title: "Cache hit, 100 KiB, token known", bytes: 100 * 1024, ..HIT },
    Scenario {
        name: "forward-100k",
        title: "Forward, 100 KiB, token known",
        bytes: 100 * 1024,
        systems: &[
            (System::Gateway, Job::Full),
            (System::Floor, Job::Full),
            (System::Nginx, Job::Plain),
            (System::Haproxy, Job::Plain),
            (System::Envoy, Job::Plain),
        ],
        ..FORWARD
    },
    Scenario {
        name: "forward-fresh",
        title: "Forward, 1 KiB, every token new",
        tokens: Tokens::Fresh,
        systems: &[
            (System::Gateway, Job::Full),
            (System::Floor, Job::Full),
            (System::NginxLua, Job::Full),
            (System::Haproxy, Job::Full),
            (System::Envoy, Job::Full),
        ],
        ..FORWARD
    },
    Scenario {
        name: "hit-fresh",
        title: "Cache hit, 1 KiB, every token new",
        tokens: Tokens::Fresh,
        systems: &[
            (System::Gateway, Job::Cache),
            (System::Floor, Job::Cache),
            (System::NginxLua, Job::Cache),
            (System::Haproxy, Job::Cache),
            (System::Envoy, Job::Cache),
        ],
        ..HIT
    },
    Scenario {
        name: "forward-logs",
        title: "Forward, 1 KiB, token known, access logs on",
        logs: true,
        systems: &[
            (System::Gateway, Job::Full),
            (System::NginxLua, Job::Full),
            (System::Nginx, Job::Plain),
            (System::Haproxy, Job::Plain),
            (System::Envoy, Job::Full),
            (System::Caddy, Job::Plain),
        ],
        ..FORWARD
    },
    Scenario {
        name: "hit-logs",
        title: "Cache hit, 1 KiB, token known, access logs on",
        logs: true,
        systems: &[
            (System::Gateway, Job::Cache),
            (System::NginxLua, Job::Cache),
            (System::Haproxy, Job::Cache),
            (System::Envoy, Job::Cache),
        ],
        ..HIT
    },
    Scenario {
        name: "steady",
        title: "Forward, 1 KiB, token known, at 4,000 requests a second",
        rate: Some(4000),
        systems: &[
            (System::Gateway, Job::Full),
            (System::Floor, Job::Full),
            (System::Floor, Job::Plain),
            (System::Nginx, Job::Plain),
            (System::Haproxy, Job::Plain),
        ],
        ..FORWARD
    },
];
