//! A minute of load over short-lived tokens, while the token endpoint is down for a part of it: who notices, and for how long.
//!
//! The minute passes on an injected clock, or on the machine's if `TOKEN_SOAK` is set (`make soak-tokens`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use passport_gateway::clock::{ManualClock, SharedClock, SystemClock};
use passport_gateway::sandbox::{Control, Fault, Kind, Options, Sandbox};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::support::until::until;
use crate::support::{Answer, Client, LOCAL, World, clock};

/// How long a token lives.
const LIFE: Duration = Duration::from_secs(3);
/// From when on a token may be unusable: its last tenth is not used, and a slow machine gets another.
const UNUSABLE: Duration = Duration::from_millis(2400);
/// A token is renewed at half of its life, less a tenth of that; a slow machine gets another.
const RENEWED: Duration = Duration::from_millis(1200);
/// Four requests every 20 ms are 200 a second.
const STEP: Duration = Duration::from_millis(20);
const CALLERS: usize = 4;
const MINUTE: Duration = Duration::from_mins(1);
const DOWN: Duration = Duration::from_secs(20);
const UP: Duration = Duration::from_secs(25);
/// The longest pause between two tries, and some time for the try itself.
const RECOVERY: Duration = Duration::from_millis(10_500);

/// A gateway before a Passport whose tokens live for three seconds.
struct Scene {
    world: World,
    passport: Control,
    pace: Pace,
    began: SystemTime,
    _serving: JoinSet<()>,
}

/// How time passes.
enum Pace {
    Simulated(ManualClock),
    Real(Interval),
}

/// What a caller was told, and when it had asked.
struct Told {
    at: Duration,
    answer: Answer,
}

/// A request for a token that arrived at Passport.
#[derive(Clone, Copy, Debug)]
struct Mint {
    number: u64,
    at: Duration,
    granted: bool,
}
