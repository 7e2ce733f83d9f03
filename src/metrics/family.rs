//! Families of metrics whose labels are structs, so that a wrong or missing label does not compile.

use std::marker::PhantomData;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// A set of labels: names fixed by the type, values borrowed.
pub trait Labels {
    /// The same labels, whatever the lifetime of their values: what a family is declared with.
    type Family;

    /// The label names, in the order of their values.
    const NAMES: &'static [&'static str];

    /// Lends the values to `read`.
    fn lend<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R;
}

impl Labels for () {
    type Family = ();

    const NAMES: &'static [&'static str] = &[];

    fn lend<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
        read(&[])
    }
}

/// A field's name without the `r#` that a keyword needs.
pub(super) const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($label:ident),+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        #[expect(missing_docs, reason = "a field is the label of the same name")]
        pub struct $name<'a> { $(pub $label: &'a str),+ }

        impl Labels for $name<'_> {
            type Family = $name<'static>;

            const NAMES: &'static [&'static str] = &[$($crate::metrics::family::plain(stringify!($label))),+];

            fn lend<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
                read(&[$(self.$label),+])
            }
        }
    )+};
}
pub(super) use labels;

macro_rules! family {
    ($(#[$doc:meta])* $family:ident of $metric:ident in $vec:ident $(with $buckets:ident)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $family<L>($vec, PhantomData<fn(L)>);

        impl<L: Labels> $family<L> {
            pub(super) fn register(registry: &Registry, name: &str, help: &str $(, $buckets: &[f64])?) -> Self {
                let options = family!(@options name, help $(, $buckets)?);
                let vec = $vec::new(options, L::NAMES).expect("names are constants of the right form");
                register(registry, vec.clone());
                Self(vec, PhantomData)
            }

            /// The metric with these labels, made when first asked for.
            pub fn with(&self, labels: impl Labels<Family = L>) -> $metric {
                labels.lend(|values| self.0.with_label_values(values))
            }
        }
    };
    (@options $name:ident, $help:ident) => { Opts::new($name, $help) };
    (@options $name:ident, $help:ident, $buckets:ident) => { HistogramOpts::new($name, $help).buckets($buckets.to_vec()) };
}

family! {
    /// Counters by labels.
    Counters of IntCounter in IntCounterVec
}

family! {
    /// Gauges by labels.
    Gauges of IntGauge in IntGaugeVec
}

impl<L: Labels> Gauges<L> {
    /// Forgets the gauge with these labels, if there is one.
    pub fn remove(&self, labels: &impl Labels<Family = L>) {
        // There was none: it is forgotten already.
        let _ = labels.lend(|values| self.0.remove_label_values(values));
    }
}

family! {
    /// Histograms of seconds by labels.
    Histograms of Histogram in HistogramVec with buckets
}

fn register(registry: &Registry, collector: impl Collector + 'static) {
    registry.register(Box::new(collector)).expect("a metric is declared once");
}
