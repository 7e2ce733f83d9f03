//! The embedded catalogue against the pages it comes from.

use http::Method;

use super::*;

fn catalogue() -> Catalogue {
    Catalogue::embedded(BTreeMap::new()).expect("the embedded catalogue has no fault")
}

#[test]
fn the_embedded_catalogue_has_no_fault() {
    let started = std::time::Instant::now();
    let c = catalogue();
    eprintln!("{} {:?}", c.len(), started.elapsed());
}
