//! Prose for a plain terminal: no colours, no more than a hundred columns.

/// The width that lines keep within.
const COLUMNS: usize = 100;

/// `text` in lines that begin with `margin`, broken between words or before an `&` of a query.
///
/// Further lines begin with as much space. What has no place to break keeps a line to itself.
pub(super) fn wrapped(margin: &str, text: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), margin.to_owned());
    for (glue, piece) in pieces(text) {
        let empty = line.chars().count() == margin.chars().count();
        if !empty && line.chars().count() + glue.len() + piece.chars().count() > COLUMNS {
            lines.push(std::mem::replace(&mut line, " ".repeat(margin.len())));
        } else if !empty {
            line.push_str(glue);
        }
        line.push_str(piece);
    }
    lines.push(line);
    lines.join("\n")
}

/// What is never broken, and what stands before it unless a line begins there.
fn pieces(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    text.split_whitespace().flat_map(|word| {
        let starts = word.match_indices('&').map(|(at, _)| at).filter(|at| *at > 0);
        let ends = starts.clone().chain([word.len()]);
        let parts = [0].into_iter().chain(starts).zip(ends).map(move |(start, end)| &word[start..end]);
        parts.enumerate().map(|(number, part)| (if number == 0 { " " } else { "" }, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_margin() {
        let text = wrapped("  > ", &"one two ".repeat(20));

        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("  > one two one") && lines[1].starts_with("    one two"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= COLUMNS), "{text}");
        assert_eq!(text.split_whitespace().count(), 41);
    }

    #[test]
    fn a_long_query_breaks_before_a_parameter_and_a_short_one_does_not() {
        let query = format!("/v1?a={}&b={}&c=3", "1".repeat(60), "2".repeat(60));

        assert_eq!(wrapped(" ", &query), format!(" /v1?a={}\n &b={}&c=3", "1".repeat(60), "2".repeat(60)));
        assert_eq!(wrapped(" ", "GET /v1?a=1&b=2"), " GET /v1?a=1&b=2");
    }

    #[test]
    fn what_cannot_be_broken_is_left_whole() {
        let long = "x".repeat(300);

        assert_eq!(wrapped("  ", &long), format!("  {long}"));
        assert_eq!(wrapped("  ", ""), "  ");
    }
}
