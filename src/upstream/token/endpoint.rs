//! How a token endpoint is reached: one request, one bounded answer.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use super::answer::LONGEST_ANSWER;
use super::failure::Failure;
use crate::config::SecretError;
use crate::transport::{Client, FetchError};

/// How long one attempt may take, from the connection to the answer's last byte.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{failure}")]
pub struct Unanswered {
    /// How the attempt failed.
    pub failure: Failure,
    /// What else is known of it, for the log: holds neither secrets nor a query.
    pub cause: Option<String>,
}

/// Where tokens are asked for.
pub trait TokenEndpoint: Send + Sync + 'static {
    /// Sends one request to the absolute URL of its `uri` and reads the whole answer, redirects being answers. The caller bounds the time.
    fn ask(&self, request: Request<Bytes>) -> impl Future<Output = Result<Response<Bytes>, Unanswered>> + Send;
}

impl TokenEndpoint for Client {
    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Unanswered> {
        self.fetch(request, LONGEST_ANSWER, TIMEOUT).await.map_err(Unanswered::from)
    }
}

impl From<FetchError> for Unanswered {
    fn from(error: FetchError) -> Self {
        let failure = match error {
            FetchError::Url(_) | FetchError::Connect(_) => Failure::Unreachable,
            FetchError::Timeout => Failure::Timeout,
            FetchError::TooLarge => Failure::TooLarge,
            FetchError::Invalid(_) => Failure::Invalid,
        };
        Self { failure, cause: Some(error.to_string()) }
    }
}

impl From<SecretError> for Unanswered {
    fn from(error: SecretError) -> Self {
        Self { failure: Failure::SecretUnreadable, cause: Some(error.to_string()) }
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { failure, cause: None }
    }
}
