//! Reads a caller's body into memory, within bounds.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::body::Body;
use crate::refusal::Refusal;

/// Reads a body to its end.
///
/// # Errors
///
/// Longer than `most` bytes, or cut short by the caller.
pub(super) async fn collect(mut body: Body, most: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
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

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::body::Cut;

    fn body(pieces: &[Result<&'static str, Cut>]) -> Body {
        let frames: Vec<_> =
            pieces.iter().map(|piece| piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes())))).collect();
        Body::streamed(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn pieces_become_the_whole() {
        assert_eq!(collect(body(&[Ok("one")]), 3).await.unwrap(), "one");
        assert_eq!(collect(body(&[Ok("one"), Ok("two"), Ok("three")]), 11).await.unwrap(), "onetwothree");
    }

    #[tokio::test]
    async fn one_byte_too_many_is_refused() {
        assert_eq!(collect(body(&[Ok("one"), Ok("two")]), 5).await, Err(Refusal::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_cut_short_is_malformed() {
        assert!(matches!(collect(body(&[Ok("one"), Err(Cut::Truncated)]), 9).await, Err(Refusal::MalformedRequest(_))));
    }
}
