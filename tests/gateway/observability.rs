//! What operators see: metrics that add up, logs without secrets, and how the gateway is doing.

use crate::support::{LOCAL, World};

mod logs;
mod metrics;
mod pages;
