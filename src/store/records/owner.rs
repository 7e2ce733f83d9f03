//! The right to forward a request once, which cannot be lost.

use tokio::sync::{mpsc, oneshot};

use super::{Command, Digest, Ending, Fence, Unavailable};

/// The owner of a record in flight: the only one who may forward its request.
///
/// Dropped before [`forwarding`](Self::forwarding), it frees the key, since nothing was sent; dropped after that, by a panic or because its
/// task was cut off, it leaves the outcome unknown.
#[derive(Debug)]
pub struct Owner {
    digest: Digest,
    fence: Fence,
    commands: mpsc::UnboundedSender<Command>,
    if_dropped: Option<Ending>,
}

impl Owner {
    pub(super) fn new(digest: Digest, fence: Fence, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { digest, fence, commands, if_dropped: Some(Ending::Free) }
    }

    /// The record's place in the store: a keyed digest, safe to log.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// From here on bytes of the request may leave.
    pub fn forwarding(&mut self) {
        self.if_dropped = Some(Ending::Unknown);
    }

    /// Says how the write ended, and waits until that is durable.
    ///
    /// # Errors
    ///
    /// The store did not take note: to it the outcome is unknown.
    pub async fn end(mut self, ending: Ending) -> Result<(), Unavailable> {
        self.if_dropped = None;
        let (to, reply) = oneshot::channel();
        let command = Command::End(self.digest, self.fence, ending, to);
        self.commands.send(command).map_err(|_| Unavailable::Closed)?;
        reply.await.unwrap_or(Err(Unavailable::Closed))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(ending) = self.if_dropped.take() {
            let (nobody, _) = oneshot::channel();
            // A store that is closed takes a record in flight for unknown when it is opened again.
            let _ = self.commands.send(Command::End(self.digest, self.fence, ending, nobody));
        }
    }
}
