//! The closed table of what can be changed: a path, and the file that changes it.

use http::StatusCode;

use super::fault::Fault;
use super::order::Order;
use super::{Controls, Done, log_level, purge, reload, resolve};

/// Something that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    LogLevel,
    Purge,
    Reload,
    Resolve,
}

/// Every route, by its path.
const ROUTES: [(&str, Route); 4] = [
    ("/log-level", Route::LogLevel),
    ("/cache/purge", Route::Purge),
    ("/reload", Route::Reload),
    ("/idempotency/resolve", Route::Resolve),
];

impl Route {
    /// The route at this path.
    pub(super) fn find(path: &str) -> Result<Self, Fault> {
        let found = ROUTES.iter().find(|(at, _)| *at == path);
        found.map(|(_, route)| *route).ok_or_else(|| {
            let paths: Vec<_> = ROUTES.iter().map(|(path, _)| *path).collect();
            let detail = format!("There is nothing to change at this path; there is {}.", paths.join(", "));
            Fault::new(StatusCode::NOT_FOUND, "unknown-operation", detail)
        })
    }

    /// How the log calls this path: by itself if there is such a route.
    pub(super) fn label(path: &str) -> &'static str {
        ROUTES.iter().find(|(at, _)| *at == path).map_or("unmatched", |(path, _)| path)
    }

    /// Changes what the order says.
    pub(super) async fn call(self, controls: &Controls, order: &Order) -> Result<Done, Fault> {
        match self {
            Self::LogLevel => log_level::set(controls, &order.parse()?),
            Self::Purge => purge::purge(controls, &order.parse()?).await,
            Self::Reload => reload::reload(controls, order.parse()?).await,
            Self::Resolve => resolve::set(controls, &order.parse()?).await,
        }
    }
}
