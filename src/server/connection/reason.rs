//! Why callers' connections end in an error: the closed set behind `connection_errors_total{reason}`.

use crate::server::phase::Phase;

/// Why a connection ended in an error, or never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The TLS handshake did not end in time.
    HandshakeTimeout,
    /// The TLS handshake failed; what was said was no TLS, perhaps.
    Handshake,
    /// The caller's certificate is not valid, or it showed none and must.
    ClientCertificate,
    /// The head did not come in time.
    HeaderTimeout,
    /// The caller did not take its answer in time.
    AnswerTimeout,
    /// The head is no HTTP/1.1; hyper answered 400.
    Parse,
    /// The head is beyond even hyper's limits; hyper answered 414 or 431.
    TooLarge,
    /// The caller left in the middle of a request.
    Incomplete,
    /// The answer's body was cut.
    Cut,
    /// The peer broke HTTP/2.
    Protocol,
    /// The peer sent more HTTP/2 frames that only cost than it is granted.
    Flood,
    /// The socket failed.
    Io,
    /// A defect: the connection's task panicked.
    Panic,
    /// The system did not give the connection.
    Accept,
}

impl Reason {
    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::HandshakeTimeout => "tls_handshake_timeout",
            Self::Handshake => "tls_handshake",
            Self::ClientCertificate => "client_certificate",
            Self::HeaderTimeout => "header_timeout",
            Self::AnswerTimeout => "answer_timeout",
            Self::Parse => "parse",
            Self::TooLarge => "too_large",
            Self::Incomplete => "incomplete",
            Self::Cut => "cut",
            Self::Protocol => "protocol",
            Self::Flood => "flood",
            Self::Io => "io",
            Self::Panic => "panic",
            Self::Accept => "accept",
        }
    }

    pub(super) fn of(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::TooLarge
        } else if error.is_parse() {
            Self::Parse
        } else if error.is_incomplete_message() {
            Self::Incomplete
        } else if error.is_user() {
            Self::Cut
        } else {
            Self::Io
        }
    }

    /// What it means that a phase took too long; nothing if that is how connections end.
    pub(super) fn of_expired(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Head => Some(Self::HeaderTimeout),
            Phase::Answering | Phase::Flushing => Some(Self::AnswerTimeout),
            Phase::Idle | Phase::Working | Phase::Lingering => None,
        }
    }
}
