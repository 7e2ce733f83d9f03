//! Reads a caller's body into memory, within bounds of size, time and pace.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::body::{Body, Cut};
use crate::refusal::Refusal;
use crate::snapshot::Bounds;

/// How long a body may take whatever its pace.
const GRACE: Duration = Duration::from_secs(5);

/// When a body that began to be read then, and of which so much has come, is too late. Each byte buys its own time, and no
/// more: the deadline does not start anew.
fn deadline(bounds: Bounds, began: Instant, came: usize) -> Instant {
    let paced = came.saturating_mul(1_000_000).checked_div(bounds.min_body_rate);
    let paced = paced.map(|micros| GRACE + Duration::from_micros(micros as u64));
    began + paced.map_or(bounds.body_timeout, |paced| paced.min(bounds.body_timeout))
}

/// Reads a body to its end.
///
/// # Errors
///
/// Too long, too slow, or cut short by the caller.
pub(super) async fn collect(mut body: Body, bounds: Bounds) -> Result<Bytes, Refusal> {
    let (began, most) = (Instant::now(), bounds.max_body_bytes);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = next(&mut body, deadline(bounds, began, first.len() + all.len())).await? {
        let frame = frame.map_err(|_| Refusal::MalformedRequest("The body was cut short or broke its framing."))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > most {
            return Err(Refusal::BodyTooLarge);
        }
        // Most bodies come in one piece, which needs no copy.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

async fn next(body: &mut Body, deadline: Instant) -> Result<Option<Result<Frame<Bytes>, Cut>>, Refusal> {
    timeout_at(deadline, body.frame()).await.map_err(|_| Refusal::RequestTimeout)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::StreamBody;

    use super::*;

    const fn bounds(most: usize) -> Bounds {
        Bounds { max_body_bytes: most, body_timeout: Duration::from_secs(15), min_body_rate: 1024, retries: 0, retry_budget: 0.0 }
    }

    fn body(pieces: &[Result<&'static str, Cut>]) -> Body {
        let frames: Vec<_> =
            pieces.iter().map(|piece| piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes())))).collect();
        Body::streamed(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn pieces_become_the_whole() {
        assert_eq!(collect(body(&[Ok("one")]), bounds(3)).await.unwrap(), "one");
        assert_eq!(collect(body(&[Ok("one"), Ok("two"), Ok("three")]), bounds(11)).await.unwrap(), "onetwothree");
    }

    #[tokio::test]
    async fn one_byte_too_many_is_refused() {
        assert_eq!(collect(body(&[Ok("one"), Ok("two")]), bounds(5)).await, Err(Refusal::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_cut_short_is_malformed() {
        assert!(matches!(collect(body(&[Ok("one"), Err(Cut::Truncated)]), bounds(9)).await, Err(Refusal::MalformedRequest(_))));
    }

    /// A byte every `pace`, for ever.
    fn dripping(pace: Duration, piece: &'static [u8]) -> Body {
        let drips = stream::unfold((), move |()| async move {
            tokio::time::sleep(pace).await;
            Some((Ok(Frame::data(Bytes::from_static(piece))), ()))
        });
        Body::streamed(StreamBody::new(Box::pin(drips)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_given_up_though_each_byte_comes_soon() {
        let began = Instant::now();

        let read = collect(dripping(Duration::from_millis(100), b"x"), bounds(1 << 20)).await;

        assert_eq!(read, Err(Refusal::RequestTimeout));
        assert_eq!(began.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_keeps_the_pace_has_the_whole_time_and_no_more() {
        let began = Instant::now();

        let read = collect(dripping(Duration::from_millis(10), &[b'x'; 64]), bounds(1 << 20)).await;

        assert_eq!(read, Err(Refusal::RequestTimeout));
        assert_eq!(began.elapsed().as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn no_pace_is_asked_for_where_none_is_set() {
        let (began, bounds) = (Instant::now(), Bounds { min_body_rate: 0, ..bounds(1 << 20) });

        assert_eq!(collect(dripping(Duration::from_secs(1), b"x"), bounds).await, Err(Refusal::RequestTimeout));
        assert_eq!(began.elapsed().as_secs(), 15);
    }
}
