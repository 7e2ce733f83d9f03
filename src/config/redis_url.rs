//! A Redis URL: `redis[s]://[user[:password]@]host[:port][/database]`.

use percent_encoding::percent_decode_str;
use rustls_pki_types::ServerName;

use crate::secret::Secret;

/// Where Redis is, and what it wants to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// Whether it is reached over TLS: `rediss`.
    pub tls: bool,
    /// DNS name or address, an IPv6 address without brackets.
    pub host: String,
    /// The port; 6379 if the URL names none.
    pub port: u16,
    /// The user; none is Redis' default user.
    pub user: Option<String>,
    /// The password, if it wants one.
    pub password: Option<Secret>,
    /// The logical database.
    pub database: i64,
}

/// Why a text is no Redis URL. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// Not a URL, or of another scheme.
    #[error("is no redis:// or rediss:// URL")]
    Scheme,
    /// No host, or none that a certificate could name.
    #[error("has no valid host")]
    Host,
    /// What stands before the `@` is not UTF-8 once decoded.
    #[error("has a user or password that is not percent-encoded UTF-8")]
    User,
    /// The path is no number.
    #[error("has a path that is no number of a database")]
    Database,
    /// A query or fragment, which would be ignored: `#insecure` among them.
    #[error("has a query or a fragment, which this gateway does not know")]
    Extra,
}

impl RedisUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without any of its text.
    pub fn parse(text: &str) -> Result<Self, RedisUrlError> {
        let url = redis::parse_redis_url(text).ok_or(RedisUrlError::Scheme)?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(RedisUrlError::Scheme),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(RedisUrlError::Extra);
        }
        let host = url.host_str().map(|host| host.trim_matches(['[', ']'])).filter(|host| ServerName::try_from(*host).is_ok());
        let database = match url.path().trim_matches('/') {
            "" => 0,
            number => number.parse().ok().filter(|number| *number >= 0).ok_or(RedisUrlError::Database)?,
        };
        Ok(Self {
            tls,
            host: host.ok_or(RedisUrlError::Host)?.to_owned(),
            port: url.port().unwrap_or(6379),
            user: decoded(url.username())?,
            password: decoded(url.password().unwrap_or_default())?.map(Secret::new),
            database,
        })
    }

    /// Whether only this machine is asked.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// A part of the URL as it was meant; none if it is empty.
fn decoded(part: &str) -> Result<Option<String>, RedisUrlError> {
    let text = percent_decode_str(part).decode_utf8().map_err(|_| RedisUrlError::User)?;
    Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_and_decoded() {
        let url = RedisUrl::parse("rediss://gate%40way:p%2Fw%3A%23@redis.internal:6380/3").unwrap();

        assert_eq!((url.tls, &*url.host, url.port, url.database), (true, "redis.internal", 6380, 3));
        assert_eq!((url.user.as_deref(), url.password.as_ref().unwrap().expose()), (Some("gate@way"), "p/w:#"));
    }

    #[test]
    fn what_is_left_out_has_redis_own_defaults() {
        let url = RedisUrl::parse("redis://127.0.0.1").unwrap();

        assert_eq!((url.tls, url.port, url.user, url.password, url.database), (false, 6379, None, None, 0));
        assert_eq!(RedisUrl::parse("redis://:secret@[::1]:7000/").unwrap().host, "::1");
        assert!(
            RedisUrl::parse("redis://[::1]").unwrap().is_loopback()
                && RedisUrl::parse("redis://localhost").unwrap().is_loopback()
        );
        assert!(!RedisUrl::parse("redis://redis.internal").unwrap().is_loopback());
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_telling_it() {
        for (text, error) in [
            ("redis.internal:6379", RedisUrlError::Scheme),
            ("http://redis.internal", RedisUrlError::Scheme),
            ("unix:///run/redis.sock", RedisUrlError::Scheme),
            ("redis://", RedisUrlError::Host),
            ("redis://under_score!/", RedisUrlError::Host),
            ("redis://redis.internal/cache", RedisUrlError::Database),
            ("redis://redis.internal/-1", RedisUrlError::Database),
            ("redis://user:%ff@redis.internal", RedisUrlError::User),
            ("rediss://redis.internal#insecure", RedisUrlError::Extra),
            ("redis://redis.internal?protocol=resp3", RedisUrlError::Extra),
        ] {
            assert_eq!(RedisUrl::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let url = RedisUrl::parse("redis://user:hunter2@redis.internal").unwrap();

        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
