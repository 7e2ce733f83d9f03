//! What the fuzz targets share: a snapshot with an issuer, and requests before it, by the public library alone.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use passport_gateway::body::Body;
use passport_gateway::catalogue::Operation;
use passport_gateway::clock::{ManualClock, SharedClock};
use passport_gateway::config::{self, Config};
use passport_gateway::identity::{Attempts, IssuerId, KeyRing, Vetted};
use passport_gateway::peer::Peer;
use passport_gateway::refusal::Refusal;
use passport_gateway::snapshot::{Snapshot, Snapshots};
use passport_gateway::stage::Arrival;

const KEY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

const CONFIGURATION: &str = r#"
server.listen = ["127.0.0.1:0"]
passport.environment = "custom"
passport.base_url = "http://upstream.test"
idempotency.required_for = "none"

[[issuers]]
issuer = "i"
audience = ["a"]
algorithms = ["EdDSA"]
jwks_url = "http://127.0.0.1:9/jwks.json"

[local]
tenant = "acme"

[tenants.acme]
scopes = ["paas.core.*"]

[credentials.acme]
client_id = "client"
client_secret = "secret"
environment = "custom"
"#;

/// The gateway's configuration: the embedded catalogue, an issuer with one key, and the local app.
pub static CONFIG: LazyLock<Config> = LazyLock::new(|| match config::parse(CONFIGURATION, "fuzz.toml".as_ref(), &|_| None) {
    Ok(loaded) => loaded.config,
    Err(report) => panic!("{}", report.render(false)),
});

/// The snapshot that every request is judged by.
pub static SNAPSHOT: LazyLock<Arc<Snapshot>> = LazyLock::new(|| {
    let mut keys = KeyRing::default();
    let vetted = Vetted::from_jwks(KEY.as_bytes(), &CONFIG.issuers[0].algorithms).expect("a published key");
    keys.replace(IssuerId::of(&CONFIG.issuers[0]), Some(Arc::new(vetted.keys)));
    let clock: SharedClock = Arc::new(ManualClock::starting_at(wall()));
    Snapshots::new(Arc::new(CONFIG.clone()), keys, clock).load()
});

/// The time at which tokens are judged.
pub fn wall() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(500_000)
}

/// The operation of this name.
pub fn operation(name: &str) -> &'static Operation {
    let catalogue = &SNAPSHOT.catalogue;
    catalogue.operation(catalogue.by_name(name).expect("an operation of the catalogue"))
}

/// No bound on failed attempts.
pub struct Unbounded;

impl Attempts for Unbounded {
    fn admit(&self, _: &Peer) -> Result<(), Refusal> {
        Ok(())
    }

    fn failed(&self, _: &Peer) {}
}

/// A caller on this machine.
pub const PEER: Peer = Peer { address: None, local: true, certificate: None };

/// The head that is written like one on the wire; none if it has no form that a connection could give us.
pub fn head(text: &[u8]) -> Option<Parts> {
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(words.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(words.next()?).ok()?;
    for line in lines.take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]).ok()?, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        request.headers_mut().append(name, value);
    }
    Some(request.into_parts().0)
}

/// A request with this head and without a body.
pub fn arrival(head: Parts) -> Arrival {
    Arrival { head, body: Body::empty(), peer: PEER, flaw: None }
}
