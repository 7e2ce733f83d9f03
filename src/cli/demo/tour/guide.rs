//! Who leads the tour: makes the calls, tells what came of them, and remembers what went otherwise than told.

use super::call::{Answer, Call};
use super::expect::Expect;
use super::metrics::Metrics;
use super::prose::wrapped;
use crate::cli::demo::client::{Http, NoAnswer};
use crate::cli::demo::ensemble::Venue;
use crate::cli::say;
use crate::sandbox::Received;
use crate::transport::TrustError;

/// The guide of one tour.
pub(super) struct Guide<'v> {
    /// What is visited.
    pub(super) venue: &'v Venue,
    http: Http,
    chapter: &'static str,
    chapters: usize,
    differences: Vec<String>,
}

/// A call that got no answer: the rest of its chapter cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("{call} got no answer: {cause}")]
pub(super) struct Lost {
    call: String,
    cause: NoAnswer,
}

impl<'v> Guide<'v> {
    /// A guide to everything at `venue`.
    pub(super) fn new(venue: &'v Venue) -> Result<Self, TrustError> {
        Ok(Self { venue, http: Http::new()?, chapter: "", chapters: 0, differences: Vec::new() })
    }

    /// Says what there is to see.
    pub(super) fn opening(&self) {
        let Venue { gateway, sandbox, issuer, token_ttl, .. } = self.venue;
        let ttl = token_ttl.as_secs();
        say(format_args!("A tour of passport-gateway: every call below is really made.\n"));
        say(format_args!("  gateway   {gateway}"));
        say(format_args!("  sandbox   {sandbox}   plays Passport; its tokens live {ttl} seconds, to be seen expiring"));
        say(format_args!("  issuer    {issuer}   plays the callers' identity provider"));
    }

    /// Tells one chapter.
    pub(super) async fn tell(
        &mut self,
        title: &'static str,
        chapter: impl for<'g> AsyncFnOnce(&'g mut Guide<'v>) -> Result<(), Lost>,
    ) {
        self.chapters += 1;
        self.chapter = title;
        say(format_args!("\n{}. {title}", self.chapters));
        if let Err(lost) = chapter(self).await {
            self.differs(&lost.to_string());
        }
    }

    /// Makes a call, shows it and the telling lines of its answer, and checks the answer.
    pub(super) async fn call(&mut self, call: Call<'_>, expect: Expect) -> Result<Answer, Lost> {
        let answer = self.ask(&call).await?;
        self.show(&call, &answer, &expect);
        Ok(answer)
    }

    /// Shows a call that was made, and the telling lines of its answer, and checks the answer.
    pub(super) fn show(&mut self, call: &Call<'_>, answer: &Answer, expect: &Expect) {
        say("");
        for line in call.lines() {
            say(wrapped("   > ", &line));
        }
        for line in expect.lines(answer) {
            say(wrapped("   < ", &line));
        }
        for difference in expect.differences(answer) {
            self.differs(&difference);
        }
    }

    /// Makes a call without a word.
    pub(super) async fn ask(&self, call: &Call<'_>) -> Result<Answer, Lost> {
        let answer = match call.request(&self.venue.gateway) {
            Ok(request) => self.http.send(request).await,
            Err(error) => Err(error.into()),
        };
        answer.map(Answer::from).map_err(|cause| Lost { call: call.lines().swap_remove(0), cause })
    }

    /// States what was seen behind the scenes; if it is not so, the tour did not go as told.
    pub(super) fn claim(&mut self, holds: bool, claim: &str) {
        if holds { say(wrapped("   = ", claim)) } else { self.differs(&format!("this does not hold: {claim}")) }
    }

    /// The requests for operations that Passport's double has received so far, oldest first.
    pub(super) fn received(&self) -> Vec<Received> {
        let mut requests = self.venue.passport.requests();
        // Tokens are renewed in the background, whatever the tour is at.
        requests.retain(|request| !request.path.starts_with("/v1/iam/"));
        requests
    }

    /// The gateway's metrics as they are now.
    pub(super) async fn metrics(&self) -> Result<Metrics, Lost> {
        let lost = |cause| Lost { call: "GET /metrics".to_owned(), cause };
        let answer = self.http.get(&format!("{}/metrics", self.venue.admin)).await.map_err(lost)?;
        Ok(Metrics::parse(&String::from_utf8_lossy(answer.body())))
    }

    /// What went otherwise than told, with its chapter.
    pub(super) fn differences(&self) -> &[String] {
        &self.differences
    }

    fn differs(&mut self, difference: &str) {
        say(wrapped("   ! ", difference));
        self.differences.push(format!("{}. {}: {difference}", self.chapters, self.chapter));
    }
}

/// Says why it went as it did.
pub(super) fn because(reason: &str) {
    say(wrapped("   ", reason));
}
