//! What happens when a body ends, however it ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Body, Cut};

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its last byte was handed on.
    Complete,
    /// It was cut.
    Cut(Cut),
    /// Nobody read it to the end.
    Abandoned,
}

/// What wants to know how a body ended; told exactly once.
pub trait Tail: Send + Sync + Unpin + 'static {
    /// Takes note of the end.
    fn ended(&mut self, end: End);
}

/// A body whose end is told.
pub(super) struct Tailed<T: Tail> {
    body: Body,
    tail: T,
    told: bool,
}

impl<T: Tail> Tailed<T> {
    pub(super) fn new(body: Body, tail: T) -> Self {
        Self { body, tail, told: false }
    }

    fn tell(&mut self, end: End) {
        if !std::mem::replace(&mut self.told, true) {
            self.tail.ended(end);
        }
    }
}

impl<T: Tail> HttpBody for Tailed<T> {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.tell(End::Complete),
            Some(Err(cut)) => self.tell(End::Cut(*cut)),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<T: Tail> Drop for Tailed<T> {
    // hyper does not poll a body past the end it announces, so a dropped body may well be complete.
    fn drop(&mut self) {
        self.tell(if self.body.is_end_stream() { End::Complete } else { End::Abandoned });
    }
}

/// Gives up a resource when the body ends.
pub(super) struct Held<T>(Option<T>);

impl<T> Held<T> {
    pub(super) fn new(resource: T) -> Self {
        Self(Some(resource))
    }
}

impl<T: Send + Sync + Unpin + 'static> Tail for Held<T> {
    fn ended(&mut self, _: End) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<End>>>);

    impl Tail for Told {
        fn ended(&mut self, end: End) {
            self.0.lock().unwrap().push(end);
        }
    }

    fn pieces(pieces: Vec<Result<&'static str, Cut>>) -> Body {
        let frames = pieces.into_iter().map(|piece| piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))));
        Body::streamed(StreamBody::new(futures_util::stream::iter(frames)))
    }

    #[tokio::test]
    async fn the_end_is_told_once_however_it_comes() {
        let told = Told::default();

        pieces(vec![Ok("one")]).with_tail(told.clone()).collect().await.unwrap();
        let _ = pieces(vec![Ok("one"), Err(Cut::Truncated)]).with_tail(told.clone()).collect().await;
        drop(pieces(vec![Ok("one")]).with_tail(told.clone()));

        assert_eq!(*told.0.lock().unwrap(), [End::Complete, End::Cut(Cut::Truncated), End::Abandoned]);
    }

    #[test]
    fn a_body_that_is_not_read_past_the_end_it_announces_is_complete() {
        let told = Told::default();

        drop(Body::empty().with_tail(told.clone()));

        assert_eq!(*told.0.lock().unwrap(), [End::Complete]);
    }

    #[tokio::test]
    async fn a_resource_is_held_until_the_end_and_no_longer() {
        let permit = Arc::new(());
        let mut body = pieces(vec![Ok("one")]).holding(Arc::clone(&permit));

        body.frame().await.unwrap().unwrap();
        assert_eq!(Arc::strong_count(&permit), 2);

        assert!(body.frame().await.is_none());
        assert_eq!(Arc::strong_count(&permit), 1);
    }
}
