//! A subscription to a channel that survives the connection, and tells when messages may have been missed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use prometheus::IntCounter;
use redis::Msg;
use redis::aio::PubSubSink;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dial::Dial;

/// Messages that may wait for the subscriber. More are as good as lost, and it is told so.
const WAITING: usize = 1024;
/// How often a silent connection is tried, and what its answer may take.
const PACE: Duration = Duration::from_secs(1);
/// The first and the longest pause between attempts to connect.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// From now on messages come. Those before, since the last [`Lost`](Self::Lost) or the start, were missed.
    Subscribed,
    /// A message.
    Message(Vec<u8>),
    /// Messages may be missed from now on.
    Lost,
}

/// Messages of one channel; dropping it ends the subscription.
pub struct Subscription(mpsc::Receiver<Event>);

impl Subscription {
    /// Subscribes in the background, again and again, until the subscription is dropped or `ended`.
    pub(super) fn start(
        channel: String,
        dial: Arc<Dial>,
        errors: IntCounter,
        background: &TaskTracker,
        ended: CancellationToken,
    ) -> Self {
        let (events, receiver) = mpsc::channel(WAITING);
        let source = Source { channel, dial, errors, events };
        background.spawn(async move {
            let _ = ended.run_until_cancelled(source.run()).await;
        });
        Self(receiver)
    }

    /// What happens next; nothing more once the gateway ends.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

/// Where the events of a subscription come from.
struct Source {
    channel: String,
    dial: Arc<Dial>,
    errors: IntCounter,
    events: mpsc::Sender<Event>,
}

/// The subscriber is gone.
struct Unheard;

impl Source {
    async fn run(self) {
        let mut pause = BACK_OFF[0];
        loop {
            match self.dial.subscribed(&self.channel).await {
                Ok(subscribed) => {
                    pause = BACK_OFF[0];
                    let (mut sink, messages) = subscribed.split();
                    if self.relay(&mut sink, messages).await.is_err() {
                        return;
                    }
                }
                Err(error) => tracing::debug!(%error, "no subscription"),
            }
            self.errors.inc();
            tokio::select! {
                () = self.events.closed() => return,
                () = sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)) => {}
            }
            pause = (pause * 2).min(BACK_OFF[1]);
        }
    }

    /// Passes messages on until the connection is lost.
    async fn relay(&self, sink: &mut PubSubSink, messages: impl futures_util::Stream<Item = Msg> + Unpin) -> Result<(), Unheard> {
        let mut messages = messages;
        self.tell(Event::Subscribed).await?;
        loop {
            let next = tokio::select! {
                () = self.events.closed() => return Err(Unheard),
                next = timeout(PACE, messages.next()) => next,
            };
            let goes_on = match next {
                Ok(Some(message)) => self.events.try_send(Event::Message(message.get_payload_bytes().to_vec())).is_ok(),
                Ok(None) => false,
                // A connection that says nothing may be dead: no one would tell.
                Err(_) => matches!(timeout(PACE, sink.ping::<redis::Value>()).await, Ok(Ok(_))),
            };
            if !goes_on {
                return self.tell(Event::Lost).await;
            }
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Unheard> {
        self.events.send(event).await.map_err(|_| Unheard)
    }
}
