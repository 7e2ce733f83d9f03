//! What a single value may mean: durations, sizes, shares, addresses, names.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::Value;
use super::table::quoted;
use crate::config::Unread;
use crate::nearest::nearest;
use crate::scope::Grant;
use crate::units::{Size, parse_duration, parse_size};

/// The longest duration in a configuration: timers and limiters count it in 64 bits with room to spare.
const LONGEST: Duration = Duration::from_hours(7 * 24);

impl<'a> Value<'a> {
    /// A duration, zero included.
    pub(in crate::config) fn duration(&self) -> Option<Duration> {
        let text = self.text_such_as("a duration", "\"250ms\", \"5s\" or \"2m\"")?;
        match self.parsed_as("is no duration", parse_duration(text))? {
            long if long > LONGEST => self.fault("is longer than seven days", "write at most \"7d\""),
            duration => Some(duration),
        }
    }

    /// A duration above zero.
    pub(in crate::config) fn time(&self) -> Option<Duration> {
        match self.duration()? {
            Duration::ZERO => self.fault("is zero", "write a duration above zero, such as \"5s\""),
            time => Some(time),
        }
    }

    /// A size in bytes.
    pub(in crate::config) fn size(&self) -> Option<u64> {
        let text = self.text_such_as("a size", "\"64KiB\" or \"16MiB\"")?;
        self.parsed_as("is no size", parse_size(text))
    }

    /// A size that the gateway makes room for.
    pub(in crate::config) fn room(&self, range: RangeInclusive<usize>) -> Option<usize> {
        match usize::try_from(self.size()?) {
            Ok(size) if range.contains(&size) => Some(size),
            _ => {
                let [least, most] = [range.start(), range.end()].map(|bound| Size(*bound as u64));
                self.fault("is out of bounds", format!("write a size from \"{least}\" to \"{most}\""))
            }
        }
    }

    /// A whole number within bounds.
    pub(in crate::config) fn count<N: TryFrom<i128> + Copy + Into<u64>>(&self, range: RangeInclusive<u64>) -> Option<N> {
        let (least, most) = range.clone().into_inner();
        match N::try_from(self.number()?) {
            Ok(number) if range.contains(&number.into()) => Some(number),
            _ => self.fault("is out of bounds", format!("write a whole number from {least} to {most}")),
        }
    }

    /// A number of things the gateway makes room for.
    pub(in crate::config) fn amount(&self, range: RangeInclusive<u32>) -> Option<usize> {
        let bounds = u64::from(*range.start())..=u64::from(*range.end());
        self.count::<u32>(bounds).and_then(|number| usize::try_from(number).ok())
    }

    /// A number of requests, at least one.
    pub(in crate::config) fn requests(&self) -> Option<NonZeroU32> {
        self.count::<u32>(1..=1_000_000).and_then(NonZeroU32::new)
    }

    /// A percentage, as a share of one.
    pub(in crate::config) fn share(&self) -> Option<f64> {
        let text = self.text_such_as("a percentage", "\"50%\"")?;
        let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        match digits.and_then(|digits| digits.parse::<f64>().ok()) {
            Some(percent) if (0.0..=100.0).contains(&percent) => Some(percent / 100.0),
            _ => self.fault("is no percentage", "write a number from 0 to 100 and a percent sign, such as \"50%\""),
        }
    }

    /// One of these words.
    pub(in crate::config) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let example = format!("\"{}\"", names.join("\", \""));
        let text = self.text_such_as("a word", &example)?;
        if let Some((_, meaning)) = words.iter().find(|(name, _)| *name == text) {
            return Some(*meaning);
        }
        let remedy = match nearest(text, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write one of {}", quoted(&names)),
        };
        self.fault("is none of the words that may stand here", remedy)
    }

    /// What was parsed; an error says what would have been right.
    pub(in crate::config) fn parsed_as<T, E: Display>(&self, otherwise: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_or_else(|error| self.fault(otherwise, error.to_string()), Some)
    }

    /// A file's path; relative, it starts at the configuration's own directory.
    pub(in crate::config) fn path(&self) -> Option<PathBuf> {
        let text = self.text_such_as("a path", "\"/etc/passport-gateway/keys.json\"")?;
        Some(self.context().resolve(text))
    }

    /// A text file's path, as above, with what the file holds.
    pub(in crate::config) fn file(&self) -> Option<(PathBuf, String)> {
        let path = self.path()?;
        match crate::config::read(&path) {
            Ok(text) => Some((path, text)),
            Err(Unread { message, remedy }) => self.fault(format!("{message} (`{}`)", path.display()), remedy),
        }
    }

    /// An `http` or `https` URL without credentials, query and fragment; a trailing slash is dropped.
    pub(in crate::config) fn url(&self) -> Option<Uri> {
        const EXAMPLE: &str = "\"https://host.example/path\"";
        let text = self.text_such_as("a URL", EXAMPLE)?;
        let absolute =
            |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
        let Some(uri) = text.trim_end_matches('/').parse::<Uri>().ok().filter(absolute) else {
            return self.fault("is no http or https URL", format!("write a whole URL, such as {EXAMPLE}"));
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return self.fault("holds credentials", "remove what stands before the `@`: URLs are logged, secrets are not");
        }
        if text.contains(['?', '#']) {
            return self.fault("has a query or a fragment", format!("write it without, such as {EXAMPLE}"));
        }
        Some(uri)
    }

    /// A scope, or a prefix of scopes.
    pub(in crate::config) fn grant(&self) -> Option<Grant> {
        let text = self.text_such_as("a scope", "\"paas.core.accounts.*\"")?;
        self.parsed_as("is no scope", text.parse())
    }

    /// One text, or a list of them.
    pub(in crate::config) fn texts(&self) -> Option<Vec<&'a str>> {
        let texts = self.list(Value::text)?;
        if texts.is_empty() { self.fault("is empty", "name at least one") } else { Some(texts) }
    }
}
