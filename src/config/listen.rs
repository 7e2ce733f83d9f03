//! How addresses to listen on are written.

use std::fmt;
use std::str::FromStr;

use super::settings::Listen;

/// The longest path that fits a Unix socket's address on every system.
const MAX_UNIX_PATH: usize = 103;

/// Why a text is no address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Neither an IP address with a port nor `unix:` with a path.
    #[error("an address to listen on is an IP address and a port, or `unix:` and an absolute path")]
    Malformed,
    /// The path does not fit a socket's address.
    #[error("the path of a Unix socket has at most {MAX_UNIX_PATH} bytes")]
    PathTooLong,
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        match text.strip_prefix("unix:") {
            Some(path) if !path.starts_with('/') || path.ends_with('/') => Err(ListenError::Malformed),
            Some(path) if path.len() > MAX_UNIX_PATH => Err(ListenError::PathTooLong),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp).map_err(|_| ListenError::Malformed),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in ["127.0.0.1:8080", "[::1]:0", "0.0.0.0:80", "unix:/run/passport-gateway.sock"] {
            assert_eq!(text.parse::<Listen>().map(|listen| listen.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "8080", ":8080", "localhost:8080", "127.0.0.1", "unix:", "unix:run.sock", "unix:/run/"] {
            assert_eq!(text.parse::<Listen>(), Err(ListenError::Malformed), "{text}");
        }
        assert_eq!(format!("unix:/{}", "x".repeat(MAX_UNIX_PATH)).parse::<Listen>(), Err(ListenError::PathTooLong));
    }
}
