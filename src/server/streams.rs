//! What the streams of an HTTP/2 connection are doing, and since when: what its time-outs are judged by.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use crate::body::{Body, Cut};

use super::connection::{Limits, Reason};

/// How long a connection that drains and has no stream waits for its peer to agree.
const FAREWELL: Duration = Duration::from_secs(1);
/// The largest piece of an answer that is given to a stream at a time: what a reader that stalls makes us hold.
const PIECE: usize = 16 * 1024;

/// The streams of one connection.
#[derive(Debug)]
pub(super) struct Streams(Mutex<State>);

#[derive(Debug)]
struct State {
    /// By number, since when their answers are being sent; none while the stack is at it.
    open: BTreeMap<u64, Option<Instant>>,
    next: u64,
    answered: u64,
    /// Since when no stream is open.
    idle: Instant,
    /// Since when a head is being received.
    head: Option<Instant>,
    draining: bool,
    failure: Option<Reason>,
}

impl Streams {
    /// No streams as yet.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            open: BTreeMap::new(),
            next: 0,
            answered: 0,
            idle: Instant::now(),
            head: None,
            draining: false,
            failure: None,
        }))
    }

    /// A request came; its stream is open until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Stream {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, None);
        Stream { streams: Arc::clone(self), number }
    }

    /// A head has begun to come, or has come.
    pub(super) fn receiving_head(&self, is_receiving: bool) {
        let mut state = self.state();
        state.head = if is_receiving { state.head.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Answers sent to their end so far.
    pub(super) fn answered(&self) -> u64 {
        self.state().answered
    }

    /// No further stream is wanted.
    pub(super) fn drain(&self) {
        self.state().draining = true;
    }

    /// The connection ends for this reason, whatever HTTP/2 calls it. The first one counts.
    pub(super) fn fail(&self, reason: Reason) {
        self.state().failure.get_or_insert(reason);
    }

    /// Why the connection ended, if it is known.
    pub(super) fn failure(&self) -> Option<Reason> {
        self.state().failure
    }

    /// Ends when something takes too long; says what, unless that is how connections end.
    ///
    /// Nothing begun after a look can be late before the shortest time-out is over, so that is when to look again.
    pub(super) async fn expired(&self, limits: &Limits) -> Option<Reason> {
        let shortest = limits.idle_timeout.min(limits.header_timeout).min(limits.answer_timeout);
        loop {
            let now = Instant::now();
            let (deadline, reason) = self.deadline(limits).unwrap_or((now + shortest, None));
            if deadline <= now {
                return reason;
            }
            let farewell = if self.state().draining { FAREWELL } else { shortest };
            sleep_until(deadline.min(now + farewell)).await;
        }
    }

    /// The next time at which something is late, and what.
    fn deadline(&self, limits: &Limits) -> Option<(Instant, Option<Reason>)> {
        let state = self.state();
        let idle = if state.draining { FAREWELL.min(limits.idle_timeout) } else { limits.idle_timeout };
        let oldest = state.open.values().flatten().min();
        let deadlines = [
            state.head.map(|since| (since + limits.header_timeout, Some(Reason::HeaderTimeout))),
            oldest.map(|since| (*since + limits.answer_timeout, Some(Reason::AnswerTimeout))),
            state.open.is_empty().then(|| (state.idle + idle, None)),
        ];
        deadlines.into_iter().flatten().min_by_key(|(deadline, _)| *deadline)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Arc<Streams>,
    number: u64,
}

impl Stream {
    /// The stack has answered; the stream is open until the body is dropped.
    pub(super) fn answer(self, body: Body) -> StreamBody {
        self.streams.state().open.insert(self.number, Some(Instant::now()));
        StreamBody { body, rest: Bytes::new(), stream: self }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.streams.state();
        state.open.remove(&self.number);
        if state.open.is_empty() {
            state.idle = Instant::now();
        }
    }
}

/// An answer's body, in pieces.
#[derive(Debug)]
pub(super) struct StreamBody {
    body: Body,
    rest: Bytes,
    stream: Stream,
}

impl HttpBody for StreamBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut whole = SizeHint::new();
        whole.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.stream.streams.state().answered += 1;
        }
    }
}
