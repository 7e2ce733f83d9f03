//! A token endpoint played by the test, and tokens without one.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

use super::answer::{self, Minted};
use super::{Failure, Settings, Token, TokenEndpoint, Tokens, Unanswered};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::testing::wall;

/// Lets a future go on by itself.
pub(super) fn aside<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    TaskTracker::new().spawn(future)
}

/// What a token endpoint would answer with this token and life in seconds.
pub(super) fn granting(token: &str, expires_in: u64) -> String {
    format!(r#"{{"access_token": "{token}", "token_type": "Bearer", "expires_in": {expires_in}}}"#)
}

/// A token that lives for so many seconds.
pub(super) fn minted(expires_in: u64) -> Minted {
    answer::read(Response::new(granting("t", expires_in).into()), wall()).unwrap()
}

/// A token of a day.
pub(super) fn token(generation: u64, sent: Instant) -> Token {
    Token::new(minted(86_400), generation, sent)
}

/// The endpoint's side: what it was asked, in order.
pub(super) struct Script(mpsc::UnboundedReceiver<Asked>);

/// The gateway's side.
struct Scripted(mpsc::UnboundedSender<Asked>);

/// One request for a token, unanswered.
pub(super) struct Asked {
    pub(super) request: Request<Bytes>,
    pub(super) at: Instant,
    reply: oneshot::Sender<Result<Response<Bytes>, Unanswered>>,
}

impl TokenEndpoint for Scripted {
    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Asked { request, at: Instant::now(), reply }).expect("the script goes on");
        answer.await.expect("the script has no defect in mind")
    }
}

impl Script {
    /// The next request for a token.
    pub(super) async fn asked(&mut self) -> Asked {
        self.0.recv().await.expect("the source goes on")
    }

    /// Whether nobody asks within `time`.
    pub(super) async fn rests(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.recv()).await.is_err()
    }

    /// Whether nobody has asked up to now.
    pub(super) fn is_idle(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

impl Asked {
    /// Answers with this token and life in seconds.
    pub(super) fn grant(self, token: &str, expires_in: u64) {
        self.answer(200, &granting(token, expires_in));
    }

    /// Answers with this status and body.
    pub(super) fn answer(self, status: u16, body: &str) {
        let answer = Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        // Who asked may have given up.
        let _ = self.reply.send(Ok(answer));
    }

    /// Gives no answer.
    pub(super) fn fail(self, failure: Failure) {
        let _ = self.reply.send(Err(Unanswered { failure, cause: Some("as the script says".to_owned()) }));
    }

    /// Does not answer at all until the asker has left.
    pub(super) async fn hang(mut self) {
        self.reply.closed().await;
    }

    /// Panics inside the gateway.
    pub(super) fn panic(self) {
        drop(self.reply);
    }
}

/// Sources whose endpoint the test plays.
pub(super) struct Stage {
    pub(super) tokens: Arc<Tokens>,
    pub(super) script: Script,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tracker: TaskTracker,
    pub(super) shutdown: DropGuard,
}

/// Starts the sources of a configuration.
pub(super) fn stage(config: &Config, clock: &SharedClock) -> Stage {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (metrics, tracker, shutdown) = (Arc::new(Metrics::new()), TaskTracker::new(), CancellationToken::new());
    let settings = Settings {
        credentials: &config.credentials,
        upstreams: &config.passport.upstreams,
        tenants: &config.tenants,
        catalogue: &config.catalogue,
    };
    let tokens = Tokens::start(settings, Scripted(sender), clock, &metrics, &tracker, &shutdown);
    Stage { tokens, script: Script(receiver), metrics, tracker, shutdown: shutdown.drop_guard() }
}

/// What was logged by this thread.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A second subscriber, which sees nothing: with only one, `tracing` would let whichever thread comes first decide what is logged.
static SILENT: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Captures the log of this thread, at every level, until the guard goes.
pub(super) fn captured_log() -> (Log, DefaultGuard) {
    LazyLock::force(&SILENT);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::TRACE);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}
