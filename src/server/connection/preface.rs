//! Which protocol a connection speaks: HTTP/2 begins with a preface that no HTTP/1 request has (RFC 9113 §3.4).

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Limits, Opened, Reason};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// As much as most first requests are long; the first read takes them whole.
const FIRST_READ: usize = 2048;
/// How long a caller may take for its first byte, whatever else ends.
const MOMENT: Duration = Duration::from_secs(1);

/// Reads until it is certain whether the preface comes. What was read stays in `opened`.
///
/// With prior knowledge on plain text, and after ALPN on TLS, the preface is what tells: a client must send it either way, and what
/// agreed on HTTP/2 and does not is refused by whoever calls.
///
/// # Errors
///
/// The preface, or anything at all, did not come in time; nothing is wrong with a connection on which nothing ever came.
pub(super) async fn comes<I: AsyncRead + Unpin>(
    opened: &mut Opened<I>,
    limits: &Limits,
    drain: &CancellationToken,
) -> Result<bool, Option<Reason>> {
    opened.read.reserve(FIRST_READ);
    loop {
        if let Some(certain) = is_preface(&opened.read) {
            return Ok(certain);
        }
        let (phase, since) = opened.phases.current();
        let deadline = limits.deadline(phase, since).unwrap_or(since);
        let read = tokio::select! {
            biased;
            read = opened.io.read_buf(&mut opened.read) => read.map_err(|_| Some(Reason::Io))?,
            () = given_up(drain, since) => 0,
            () = sleep_until(deadline) => return Err(Reason::of_expired(phase)),
        };
        if read == 0 {
            return Ok(false);
        }
        opened.phases.received();
    }
}

/// Ends when nobody waits any more for the first byte of a connection that was opened then: at the drain, but not before the caller had
/// a moment. It may have connected just before, and its request be on the way.
pub(in crate::server) async fn given_up(drain: &CancellationToken, opened: Instant) {
    drain.cancelled().await;
    sleep_until(opened + MOMENT).await;
}

/// None while both are possible.
fn is_preface(read: &[u8]) -> Option<bool> {
    let length = read.len().min(PREFACE.len());
    if read[..length] != PREFACE[..length] {
        return Some(false);
    }
    (length == PREFACE.len()).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_preface_is_one_and_the_first_other_byte_is_enough() {
        assert_eq!(is_preface(b""), None);
        assert_eq!(is_preface(&PREFACE[..23]), None);
        assert_eq!(is_preface(PREFACE), Some(true));
        assert_eq!(is_preface(&[PREFACE, b"\0\0\0"].concat()), Some(true));
        for other in [&b"GET /"[..], b"PO", b"PRI * HTTP/1.1", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", b"\x16\x03"] {
            assert_eq!(is_preface(other), Some(false), "{other:?}");
        }
    }
}
