//! The read-only listener for probes and scrapes.
