//! Where an issuer's keys come from: a JWK set at a URL, named by its metadata or in a file, or a public key in a file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use serde::Deserialize;

use crate::config::{self, KeySource};
use crate::identity::{KeySetError, Vetted};
use crate::transport::{Client, FetchError};

/// The longest document that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Fetches documents from identity providers.
pub trait KeyEndpoint: Send + Sync + 'static {
    /// The document at this absolute URL, and not one it redirects to.
    fn get(&self, url: &Uri) -> impl Future<Output = Result<Bytes, KeysError>> + Send;
}

/// Why an issuer's keys could not be loaded. Shows no URL and nothing of any document.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There was no answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The answer was not the document.
    #[error("the answer has status {0}")]
    Status(StatusCode),
    /// The issuer's metadata are not what they must be.
    #[error("the issuer's metadata {0}")]
    Metadata(&'static str),
    /// The file could not be read.
    #[error("the file cannot be read: {0}")]
    File(io::ErrorKind),
    /// What was loaded holds no usable keys.
    #[error(transparent)]
    Keys(#[from] KeySetError),
}

impl KeysError {
    /// The metric label: whether nothing came, or nothing usable.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Fetch(_) | Self::Status(_) | Self::File(_) => "unreachable",
            Self::Metadata(_) | Self::Keys(_) => "invalid",
        }
    }
}

impl KeyEndpoint for Client {
    async fn get(&self, url: &Uri) -> Result<Bytes, KeysError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.clone();
        let accepted = HeaderValue::from_static("application/jwk-set+json, application/json");
        request.headers_mut().insert(header::ACCEPT, accepted);
        let answer = self.fetch(request, LONGEST, TIMEOUT).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status => Err(KeysError::Status(status)),
        }
    }
}

/// Loads and vets an issuer's keys.
pub(super) async fn load(issuer: &config::Issuer, endpoint: &impl KeyEndpoint) -> Result<Vetted, KeysError> {
    let accepted = &issuer.algorithms;
    match &issuer.keys {
        KeySource::JwksUrl(url) => Ok(Vetted::from_jwks(&endpoint.get(url).await?, accepted)?),
        KeySource::Discovery(url) => {
            let url = discovered(url, &endpoint.get(url).await?, &issuer.issuer)?;
            Ok(Vetted::from_jwks(&endpoint.get(&url).await?, accepted)?)
        }
        KeySource::JwksFile(path) => Ok(Vetted::from_jwks(&read(path).await?, accepted)?),
        KeySource::PublicKey(path) => Ok(Vetted::from_pem(&read(path).await?, accepted)?),
    }
}

/// Where the metadata at `source` say that the issuer's keys are (`OpenID` Connect Discovery 1.0 §4.3).
fn discovered(source: &Uri, metadata: &[u8], issuer: &str) -> Result<Uri, KeysError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: String,
    }
    let metadata: Metadata =
        serde_json::from_slice(metadata).map_err(|_| KeysError::Metadata("name no issuer or no `jwks_uri`"))?;
    if metadata.issuer != issuer {
        return Err(KeysError::Metadata("are another issuer's"));
    }
    let url: Uri = metadata.jwks_uri.parse().map_err(|_| KeysError::Metadata("have a `jwks_uri` that is no URL"))?;
    let downgrades = source.scheme() == Some(&Scheme::HTTPS) && url.scheme() != Some(&Scheme::HTTPS);
    if url.authority().is_none() || downgrades {
        return Err(KeysError::Metadata("have a `jwks_uri` that is not as safe as their own URL"));
    }
    Ok(url)
}

/// Reads a file on a thread for such work, since a disk may take its time.
async fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    let path = PathBuf::from(path);
    let read = tokio::task::spawn_blocking(move || read_bounded(&path)).await;
    read.unwrap_or_else(|_| Err(io::ErrorKind::Other.into())).map_err(|error| KeysError::File(error.kind()))
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = LONGEST as u64 + 1;
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > LONGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
