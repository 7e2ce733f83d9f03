//! What RFC 9111 allows and forbids a shared cache, case by case: the kinds of cases of the public suite for HTTP caches, in tables of
//! our own. Each line is an answer of Passport's; what follows is whether the next request may have it.

use std::time::SystemTime;

use super::*;

mod requests;
mod responses;

/// What may come of asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The stored answer.
    Hit,
    /// Passport's new one.
    Miss,
}

/// A question, what Passport answers, what time then passes, and another question.
struct Case {
    first: Vec<String>,
    answered: String,
    status: &'static str,
    after: Duration,
    second: Vec<String>,
}

impl Case {
    fn answered(fields: &str) -> Self {
        let answered: String = fields.lines().map(|line| format!("{}\r\n", line.trim())).collect();
        Self { first: Vec::new(), answered, status: "200 OK", after: Duration::ZERO, second: Vec::new() }
    }

    fn status(self, status: &'static str) -> Self {
        Self { status, ..self }
    }

    fn after(self, seconds: u64) -> Self {
        Self { after: Duration::from_secs(seconds), ..self }
    }

    fn asked_with(self, fields: &[&str]) -> Self {
        Self { first: fields.iter().map(ToString::to_string).collect(), ..self }
    }

    fn again_with(self, fields: &[&str]) -> Self {
        Self { second: fields.iter().map(ToString::to_string).collect(), ..self }
    }
}

/// A gateway that keeps what is not forbidden for a minute.
struct Conformance {
    upstream: Scripted,
    world: World,
    asked: u32,
    passed: Duration,
}

impl Conformance {
    async fn new() -> Self {
        let upstream = Scripted::start().await;
        let lines = format!(
            "operations.list_accounts.cache_ttl = \"60s\"\nretry.attempts = 0\nbreaker.minimum = 100000\n\
             cache.stale_while_revalidate = \"0s\"\n{LOCAL}"
        );
        Self { world: World::before(&upstream, &lines).await, upstream, asked: 0, passed: Duration::ZERO }
    }

    async fn client(&self, fields: &[String]) -> Client {
        let client = self.world.client().await;
        fields.iter().fold(client, |client, field| client.with(field.clone()))
    }

    /// A time on the wall, so many seconds from now.
    fn date(&self, offset: i64) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(crate::support::BEGINNING) + self.passed;
        let offset_by = Duration::from_secs(offset.unsigned_abs());
        httpdate::fmt_http_date(if offset < 0 { now - offset_by } else { now + offset_by })
    }

    fn advance(&mut self, by: Duration) {
        self.passed += by;
        self.world.clock.advance(by);
    }

    /// Plays a case at a target of its own, and says what came of it.
    async fn play(&mut self, case: &Case) -> Next {
        self.asked += 1;
        let target = format!("/v1/accounts?account_number={}", self.asked);
        let mut first = self.client(&case.first).await;
        let line = answer(case.status, &case.answered, r#""first""#);
        tokio::join!(first.get(&target), self.upstream.answer(line));
        self.advance(case.after);

        let mut second = self.client(&case.second).await;
        let asking = second.get(&target);
        tokio::pin!(asking);
        tokio::select! {
            biased;
            call = self.upstream.call() => {
                call.answer(&ok(r#""second""#)).await;
                asking.await;
                Next::Miss
            }
            answered = &mut asking => {
                assert!(told(&answered).starts_with("hit"), "{}", told(&answered));
                Next::Hit
            }
        }
    }

    /// Plays all cases, and lists those that end in another way.
    async fn expect(&mut self, expected: Next, cases: impl IntoIterator<Item = Case>) {
        let mut wrong = Vec::new();
        for case in cases {
            if self.play(&case).await != expected {
                wrong.push(format!("{:?} → {} {:?} → {:?}", case.first, case.status, case.answered, case.second));
            }
        }
        assert!(wrong.is_empty(), "not a {expected:?}:\n{}", wrong.join("\n"));
    }
}
