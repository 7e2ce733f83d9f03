//! Reads an answer's body into memory, up to a limit beyond which it goes on streaming.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::room::Room;
use crate::body::{Body, Cut};

/// A body that was read as far as the limit allowed.
pub(super) enum Collected {
    /// All of it, in memory of its own.
    Whole(Bytes),
    /// It is longer than the limit: the very same body, nothing of it lost.
    TooLong(Body),
    /// There was no room for it in time.
    Crowded,
}

/// Reads `body` to its end, or to the first byte beyond `limit`, where there is `room` for it; waits for that until `deadline`.
/// Frames are copied, because they may be parts of a larger buffer.
pub(super) async fn collect(mut body: Body, limit: usize, room: &Room, deadline: Instant) -> Result<Collected, Cut> {
    let hint = body.size_hint();
    if usize::try_from(hint.lower()).map_or(true, |least| least > limit) {
        return Ok(Collected::TooLong(body));
    }
    let exact = hint.exact().and_then(|exact| usize::try_from(exact).ok()).unwrap_or_default();
    let mut taken = room.nothing();
    if !taken.cover(exact, exact, deadline).await {
        return Ok(Collected::Crowded);
    }
    let mut held = Vec::with_capacity(exact);
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(data) = frame.into_data() else { continue };
        let length = held.len() + data.len();
        if length > limit {
            let read = [Bytes::from(held), data];
            return Ok(Collected::TooLong(Body::streamed(Resumed { read: read.into_iter(), rest: body })));
        }
        if !taken.cover(length, limit, deadline).await {
            return Ok(Collected::Crowded);
        }
        held.extend_from_slice(&data);
    }
    Ok(Collected::Whole(Bytes::from(held.into_boxed_slice())))
}

/// What was read of a body, then the rest of it.
struct Resumed {
    read: std::array::IntoIter<Bytes, 2>,
    rest: Body,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.read.find(|bytes| !bytes.is_empty()) {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.as_slice().iter().all(Bytes::is_empty) && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.read.as_slice().iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::Metrics;

    fn body(frames: Vec<Result<&'static str, Cut>>) -> Body {
        let frames = frames.into_iter().map(|frame| frame.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))));
        Body::streamed(StreamBody::new(stream::iter(frames)))
    }

    async fn collect(body: Body, limit: usize) -> Result<Collected, Cut> {
        let room = Room::beside(1 << 20, limit, &Metrics::new());
        super::collect(body, limit, &room, Instant::now() + Duration::from_secs(1)).await
    }

    async fn read(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn a_body_within_the_limit_is_held_whole() {
        let Ok(Collected::Whole(bytes)) = collect(body(vec![Ok("ab"), Ok(""), Ok("cd")]), 4).await else { panic!("not whole") };

        assert_eq!(bytes, "abcd");
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_streams_on_with_nothing_lost() {
        let Ok(Collected::TooLong(rest)) = collect(body(vec![Ok("ab"), Ok("cd"), Ok("ef")]), 3).await else { panic!("held") };

        assert_eq!(rest.size_hint().lower(), 4);
        assert_eq!(read(rest).await, "abcdef");
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_not_touched() {
        let Ok(Collected::TooLong(rest)) = collect(Bytes::from_static(b"abcd").into(), 3).await else { panic!("held") };

        assert_eq!(rest.held().unwrap(), "abcd");
    }

    #[tokio::test]
    async fn a_cut_body_is_no_body() {
        assert!(matches!(collect(body(vec![Ok("ab"), Err(Cut::Truncated)]), 9).await, Err(Cut::Truncated)));
    }

    #[tokio::test]
    async fn what_is_held_shares_no_memory_with_the_frames() {
        let frame = Bytes::from(vec![7; 64]);
        let whole = frame.slice(..8);
        let streamed = Body::streamed(StreamBody::new(stream::iter([Ok::<_, Cut>(Frame::data(whole))])));

        let Ok(Collected::Whole(bytes)) = collect(streamed, 64).await else { panic!("not whole") };

        assert!(frame.is_unique(), "the frame is still referred to");
        assert_eq!(bytes.len(), 8);
    }

    proptest! {
        #[test]
        fn every_byte_comes_out_whatever_the_frames_and_the_limit(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10), limit in 0_usize..100,
        ) {
            let all = frames.concat();
            let stream = stream::iter(frames.into_iter().map(|frame| Ok::<_, Cut>(Frame::data(Bytes::from(frame)))));
            let body = Body::streamed(StreamBody::new(stream));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();

            let (whole, out) = runtime.block_on(async {
                match collect(body, limit).await.unwrap() {
                    Collected::Whole(bytes) => (true, bytes),
                    Collected::TooLong(rest) => (false, read(rest).await),
                    Collected::Crowded => panic!("there is room"),
                }
            });

            prop_assert_eq!(whole, all.len() <= limit);
            prop_assert_eq!(out, all);
        }
    }
}
