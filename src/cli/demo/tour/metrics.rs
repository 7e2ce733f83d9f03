//! The gateway's metrics as scraped: samples of the Prometheus text format.

/// One scrape.
#[derive(Debug, Default)]
pub(super) struct Metrics(Vec<Sample>);

#[derive(Debug)]
struct Sample {
    name: String,
    /// As written, between the braces.
    labels: String,
    value: f64,
}

impl Metrics {
    /// Reads every sample; lines that are none are comments.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(Sample::parse).collect())
    }

    /// The sum of a counter over all samples that have these labels, each written `name="value"`.
    pub(super) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let wanted = |sample: &&Sample| sample.name == name && labels.iter().all(|label| sample.has(label));
        self.0.iter().filter(wanted).fold(0.0, |sum, sample| sum + sample.value)
    }
}

impl Sample {
    fn parse(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        if line.starts_with('#') {
            return None;
        }
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').to_owned();
        Some(Self { name: name.to_owned(), labels, value: value.parse().ok()? })
    }

    fn has(&self, label: &str) -> bool {
        // The gateway's label values hold neither commas nor quotes.
        self.labels.split(',').any(|own| own == label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_labels() {
        let metrics = Metrics::parse(
            "# HELP hits_total Hits.\n# TYPE hits_total counter\n\
             hits_total{operation=\"a\",result=\"hit\"} 2\nhits_total{operation=\"b\",result=\"hit\"} 3\n\
             hits_total{operation=\"b\",result=\"miss\"} 7\nhits 1\n",
        );

        assert!((metrics.sum("hits_total", &["result=\"hit\""]) - 5.0).abs() < f64::EPSILON);
        assert!((metrics.sum("hits_total", &["operation=\"b\"", "result=\"hit\""]) - 3.0).abs() < f64::EPSILON);
        assert!((metrics.sum("hits", &[]) - 1.0).abs() < f64::EPSILON);
        assert!(metrics.sum("misses", &[]).abs() < f64::EPSILON);
    }
}
