//! Prose for a plain terminal: no colours, no more than a hundred columns.

/// The width that lines keep within.
const COLUMNS: usize = 100;

/// `text` in lines that begin with `margin`; words longer than a line keep a line to themselves.
pub(super) fn wrapped(margin: &str, text: &str) -> String {
    let mut lines = vec![margin.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > margin.len() && line + 1 + word.chars().count() > COLUMNS {
            lines.push(margin.to_owned());
        }
        if let Some(line) = lines.last_mut() {
            if line.len() > margin.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

/// `text` on one line, shortened to fit after `margin`.
pub(super) fn shortened(margin: &str, text: &str) -> String {
    let room = COLUMNS - margin.len();
    if text.chars().count() <= room {
        return format!("{margin}{text}");
    }
    let start: String = text.chars().take(room - 3).collect();
    format!("{margin}{start}...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_margin() {
        let text = wrapped("    ", &"one two ".repeat(20));

        assert!(text.lines().all(|line| line.starts_with("    ") && line.chars().count() <= COLUMNS), "{text}");
        assert_eq!(text.split_whitespace().count(), 40);
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_word_without_an_end_is_left_whole_and_a_line_without_one_is_cut() {
        let long = "x".repeat(300);

        assert_eq!(wrapped("  ", &long), format!("  {long}"));
        assert_eq!(shortened("  ", &long).len(), COLUMNS);
        assert_eq!(shortened("  ", "short"), "  short");
    }
}
