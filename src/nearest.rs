//! The name somebody probably meant.

/// The candidate that differs least from `name`, if it is near enough to be a slip of the fingers.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let tolerated = name.chars().count().div_ceil(3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements from one to the other, case ignored (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, from) in from.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["list_payments", "list_accounts", "get_payment"];

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        assert_eq!(nearest("list_payment", NAMES), Some("list_payments"));
        assert_eq!(nearest("List_Acounts", NAMES), Some("list_accounts"));
        assert_eq!(nearest("gte_payment", NAMES), Some("get_payment"));
    }

    #[test]
    fn a_different_word_finds_nothing() {
        assert_eq!(nearest("webhooks", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }
}
