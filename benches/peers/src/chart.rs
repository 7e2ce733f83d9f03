//! The chart: CPU time a request, a bar a system, shortest first.

use std::fmt::Write;

use crate::report::Row;
use crate::scenario::Scenario;
use crate::system::System;

const WIDTH: usize = 760;
const LABEL: usize = 210;
const BAR: usize = 22;

/// An SVG that reads on light and on dark ground.
pub fn draw(scenarios: &[&(&'static Scenario, Vec<Row>)]) -> String {
    let mut body = String::new();
    let mut y = 0;
    for (scenario, rows) in scenarios {
        y = panel(&mut body, scenario.title, rows, y);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" aria-label=\"CPU time per request\">\n<style>\
         text{{font:13px system-ui,sans-serif;fill:#57606a}}.title{{font-weight:600}}.bar{{fill:#8c959f}}.ours{{fill:#1a7f37}}\
         @media(prefers-color-scheme:dark){{text{{fill:#9da7b1}}.bar{{fill:#57606a}}.ours{{fill:#3fb950}}}}</style>\n{body}</svg>\n"
    )
}

fn panel(body: &mut String, title: &str, rows: &[Row], top: usize) -> usize {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|one, other| one.cpu().total_cmp(&other.cpu()));
    let longest = rows.last().map_or(1.0, |row| row.cpu());
    let room = (WIDTH - LABEL - 70) as f64;
    let mut y = top + 24;
    let _ = writeln!(body, "<text class=\"title\" x=\"0\" y=\"{}\">{title}: µs of CPU per request</text>", y - 6);
    for row in rows {
        let class = if row.system == System::Gateway { "bar ours" } else { "bar" };
        let width = (row.cpu() / longest * room).max(1.0);
        let middle = y + BAR / 2 + 5;
        let _ = writeln!(body, "<text x=\"0\" y=\"{middle}\">{}</text>", row.label());
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{LABEL}\" y=\"{}\" width=\"{width:.0}\" height=\"{}\" rx=\"3\"/>",
            y + 3,
            BAR - 6
        );
        let _ = writeln!(body, "<text x=\"{:.0}\" y=\"{middle}\">{:.1}</text>", LABEL as f64 + width + 8.0, row.cpu());
        y += BAR;
    }
    y + 16
}
