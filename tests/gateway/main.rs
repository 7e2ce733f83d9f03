//! The whole gateway on real sockets: each module is a chapter of its behaviour.

mod support;

mod forwarding;
