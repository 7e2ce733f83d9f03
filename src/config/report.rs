//! Faults as people read them: file, line and column, key path, what is wrong, the line itself and the remedy.

use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use memchr::memchr_iter;

use self::excerpt::Excerpt;
use crate::fault::{Fault, Severity, SourceId};

mod excerpt;

/// Every fault of one configuration, in the order of the files. Holds of their text only the excerpts that are shown.
#[derive(Clone, Debug, Default)]
pub struct Report(Vec<Entry>);

/// A fault, and where people find it.
#[derive(Clone, Debug)]
struct Entry {
    fault: Fault,
    path: PathBuf,
    position: Position,
    excerpt: Option<Excerpt>,
}

/// A file in which faults may stand.
pub(super) struct Source<'a> {
    id: SourceId,
    path: &'a Path,
    text: &'a str,
    /// Where each line begins: a text of ten thousand tenants may have as many faults.
    starts: Vec<usize>,
}

/// Line and column, both from one, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
}

impl Report {
    /// Finds every fault's place in its source; what has no source of its own stands in the first.
    pub(super) fn new(mut faults: Vec<Fault>, sources: &[Source<'_>]) -> Self {
        let position = |fault: &Fault| (fault.source, fault.span.as_ref().map_or(0, |span| span.start));
        faults.sort_by(|a, b| (position(a), &a.key, &a.message).cmp(&(position(b), &b.key, &b.message)));
        faults.dedup();
        let entry = |fault: Fault| {
            let source = sources.iter().find(|source| source.id == fault.source).or(sources.first())?;
            let span = fault.span.clone().unwrap_or_default();
            let line = source.line(span.start);
            let excerpt = Excerpt::of(&fault, line.text, span.start - line.start..span.end.saturating_sub(line.start));
            let column = source.text[line.start..].char_indices().take_while(|(at, _)| line.start + at < span.start).count() + 1;
            let position = Position { line: line.number, column };
            Some(Entry { path: source.path.to_owned(), position, excerpt, fault })
        };
        Self(faults.into_iter().filter_map(entry).collect())
    }

    /// The faults, in the order of the files.
    #[must_use]
    pub fn faults(&self) -> impl ExactSizeIterator<Item = &Fault> {
        self.0.iter().map(|entry| &entry.fault)
    }

    /// The lines of what prevents the start, advice left out.
    pub fn error_lines(&self) -> impl Iterator<Item = String> {
        let lines = self.faults().zip(self.lines());
        lines.filter(|(fault, _)| fault.severity == Severity::Error).map(|(_, line)| line)
    }

    /// How many faults prevent the start.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|entry| entry.fault.severity == Severity::Error).count()
    }

    /// How many faults are advice.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each fault on one line, for logs: `gateway.toml:12:5: server.workers: what is wrong; what to do`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|entry| {
            let Entry { fault, path, position, .. } = entry;
            format!("{}:{position}: {}; {}", path.display(), entry.title(), fault.remedy)
        })
    }

    /// All faults as a compiler shows them, and their number.
    ///
    /// On a terminal (`styled`) with colours. An excerpt of the file is shown only where no secret can stand.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for entry in &self.0 {
            text.push_str(&entry.render(&renderer));
            text.push_str("\n\n");
        }
        text.push_str(&self.count());
        text.push('\n');
        text
    }

    fn count(&self) -> String {
        let some = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        match (self.errors(), self.warnings()) {
            (0, warnings) => some(warnings, "warning"),
            (errors, 0) => some(errors, "fault"),
            (errors, warnings) => format!("{}, {}", some(errors, "fault"), some(warnings, "warning")),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl Entry {
    fn title(&self) -> String {
        match self.fault.key.as_str() {
            "" => self.fault.message.clone(),
            key => format!("{key}: {}", self.fault.message),
        }
    }

    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.fault.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = self.path.display().to_string();
        let title = level.primary_title(self.title());
        let group = match &self.excerpt {
            Some(excerpt) => title.element(
                Snippet::source(excerpt.text.as_str())
                    .line_start(self.position.line)
                    .path(path)
                    .annotation(AnnotationKind::Primary.span(excerpt.marked.clone())),
            ),
            None => title.element(Origin::path(path).line(self.position.line).char_column(self.position.column)),
        };
        renderer.render(&[group.element(Level::HELP.message(self.fault.remedy.as_str()))])
    }
}

impl<'a> Source<'a> {
    pub(super) fn new(id: SourceId, path: &'a Path, text: &'a str) -> Self {
        let starts = iter::once(0).chain(memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1)).collect();
        Self { id, path, text, starts }
    }

    /// The line that has this byte; the last one has whatever is beyond.
    fn line(&self, at: usize) -> Line<'a> {
        let number = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[number - 1];
        Line { number, start, text: self.text[start..].lines().next().unwrap_or_default() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A line of a text.
struct Line<'a> {
    number: usize,
    start: usize,
    text: &'a str,
}

#[cfg(test)]
mod tests;
