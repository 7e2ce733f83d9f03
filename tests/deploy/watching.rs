//! Dashboard, rules and run-book ask for what the gateway exports, and know of each other.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use super::support::{file, tool, values};

const RULES: &str = "deploy/prometheus/rules.yml";
const DASHBOARD: &str = "deploy/grafana/dashboards/passport-gateway.json";
/// What Prometheus adds to every series, and what it makes itself.
const ADDED: [&str; 4] = ["job", "instance", "alertname", "alertstate"];

/// Every metric of the gateway, as `src/metrics.rs` declares it, with its labels.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let source = file("src/metrics.rs");
    let set = Regex::new(r"(?m)^    (\w+) \{ ([\w#, ]+) \}$").unwrap();
    let labels: BTreeMap<String, Vec<String>> = set
        .captures_iter(&source)
        .map(|set| (set[1].to_owned(), set[2].split(',').map(|label| label.trim().trim_start_matches("r#").to_owned()).collect()))
        .collect();
    let metric = Regex::new(r"(?m)^    (\w+): (Counters|Gauges|Histograms)<(\w+|\(\))").unwrap();
    let mut exported = BTreeMap::new();
    for metric in metric.captures_iter(&source) {
        let own: BTreeSet<String> =
            if &metric[3] == "()" { BTreeSet::new() } else { labels[&metric[3]].iter().cloned().collect() };
        let name = format!("passport_gateway_{}", &metric[1]);
        if &metric[2] == "Histograms" {
            let bucket = own.iter().cloned().chain(["le".to_owned()]).collect();
            exported.insert(format!("{name}_bucket"), bucket);
            exported.extend(["sum", "count"].map(|part| (format!("{name}_{part}"), own.clone())));
        } else {
            exported.insert(name, own);
        }
    }
    let process = Regex::new(r#"metric\("(process_\w+)""#).unwrap();
    let source = file("src/metrics/process.rs");
    exported.extend(process.captures_iter(&source).map(|name| (name[1].to_owned(), BTreeSet::new())));
    exported.extend([("up".to_owned(), BTreeSet::new()), ("ALERTS".to_owned(), BTreeSet::new())]);
    exported
}

/// What an expression asks for that nothing exports: metrics, labels of a metric's own braces, and labels to group by.
fn unknown(expression: &str, exported: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let bare = Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap().replace_all(expression, r#""""#).into_owned();
    let metric = Regex::new(r"\b(passport_gateway_\w+|process_\w+|up|ALERTS)\b(\{([^}]*)\})?").unwrap();
    let label = Regex::new(r"(\w+)\s*[=!]").unwrap();
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = ADDED.into();
    // A recorded series is named for what it keeps: `job_upstream:…`.
    let recorded = Regex::new(r"\b(\w+):passport_gateway_\w+:\w+").unwrap();
    for kept in recorded.captures_iter(&bare) {
        known.extend(["job", "operation", "upstream"].into_iter().filter(|label| kept[1].contains(label)));
    }
    let bare = recorded.replace_all(&bare, "");
    for found in metric.captures_iter(&bare) {
        let Some(labels) = exported.get(&found[1]) else {
            faults.push(found[1].to_owned());
            continue;
        };
        known.extend(labels.iter().map(String::as_str));
        let asked = found.get(3).map_or("", |matchers| matchers.as_str());
        let own = label.captures_iter(asked).map(|asked| asked[1].to_owned());
        faults.extend(own.filter(|label| !labels.contains(label) && !ADDED.contains(&label.as_str())));
    }
    let grouped = Regex::new(r"\b(?:by|on|ignoring|without) \(([^)]*)\)").unwrap();
    let grouped: Vec<String> = grouped
        .captures_iter(&bare)
        .flat_map(|group| group[1].split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>())
        .collect();
    faults.extend(grouped.into_iter().filter(|label| !known.contains(label.as_str())));
    faults
}

/// Every query of the dashboard: panels, variables, annotations.
fn queries() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    match (key.as_str(), member) {
                        ("expr", Value::String(query)) => found.push(query.clone()),
                        ("definition", Value::String(query)) => {
                            let series = query.trim_start_matches("label_values(").rsplit_once(',').unwrap().0;
                            found.push(series.to_owned());
                        }
                        _ => collect(member, found),
                    }
                }
            }
            Value::Array(members) => members.iter().for_each(|member| collect(member, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(&file(DASHBOARD)).unwrap(), &mut found);
    found
}

/// The expressions of the rules, one a line or as blocks.
fn expressions() -> Vec<String> {
    let rules = file(RULES);
    let lines = values(&rules, "expr").into_iter().filter(|value| *value != "|").map(str::to_owned);
    lines.chain(super::support::blocks(&rules, "expr")).collect()
}

#[test]
fn the_dashboard_asks_for_metrics_and_labels_that_exist() {
    let exported = exported();
    let queries = queries();

    assert!(queries.len() > 30, "{}", queries.len());
    for query in queries {
        assert_eq!(unknown(&query, &exported), Vec::<String>::new(), "{query}");
    }
}

#[test]
fn the_rules_ask_for_metrics_and_labels_that_exist() {
    let exported = exported();
    let expressions = expressions();

    assert!(expressions.len() > 20, "{}", expressions.len());
    for expression in expressions {
        assert_eq!(unknown(&expression, &exported), Vec::<String>::new(), "{expression}");
    }
}

#[test]
fn what_does_not_exist_is_found() {
    let exported = exported();

    for (query, what) in [
        ("rate(passport_gateway_request_total[5m])", "passport_gateway_request_total"),
        (r#"passport_gateway_requests_total{caller="x"}"#, "caller"),
        ("sum by (upstream) (passport_gateway_requests_total)", "upstream"),
        ("passport_gateway_request_duration_seconds", "passport_gateway_request_duration_seconds"),
        ("process_cpu_second_total", "process_cpu_second_total"),
    ] {
        assert_eq!(unknown(query, &exported), [what], "{query}");
    }
}

#[test]
fn prometheus_can_read_every_query_of_the_dashboard() {
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (place, query) in queries().iter().enumerate() {
        let query = query.replace("$__rate_interval", "1m");
        rules += &format!("      - record: dashboard:query:{place}\n        expr: {}\n", Value::String(query));
    }
    let written = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(written.path(), rules).unwrap();

    let mut promtool = Command::new(tool("prometheus/usr/bin/promtool"));
    let told = promtool.args(["check", "rules", "--lint=none"]).arg(written.path()).output();

    let told = told.expect("promtool is there: make test gets it");
    let said = String::from_utf8([told.stdout, told.stderr].concat()).unwrap();
    assert!(told.status.success() && said.contains(&format!("{} rules found", queries().len())), "{said}");
}

#[test]
fn every_alert_has_an_entry_in_the_run_book_and_points_to_it() {
    let (rules, book) = (file(RULES), file("deploy/RUNBOOK.md"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let entries: Vec<&str> = book.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let pointed = values(&rules, "runbook_url");

    assert!(alerts.len() > 10);
    assert_eq!(BTreeSet::from_iter(&alerts), BTreeSet::from_iter(&entries));
    let expected: Vec<String> = alerts.iter().map(|alert| format!("deploy/RUNBOOK.md#{}", alert.to_lowercase())).collect();
    assert_eq!(pointed, expected);
    for entry in book.split("\n## ").skip(1) {
        assert!(
            ["**Means**", "**Look**", "do** "].iter().all(|part| entry.to_lowercase().contains(&part.to_lowercase())),
            "{entry}"
        );
    }
}

#[test]
fn every_alert_has_a_unit_test_in_which_it_fires() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/tests");
    let tests: String =
        std::fs::read_dir(folder).unwrap().map(|test| std::fs::read_to_string(test.unwrap().path()).unwrap()).collect();
    let rules = file(RULES);

    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = format!("#{}", alert.to_lowercase());
        assert!(tests.contains(&format!("alertname: {alert}")) && tests.contains(&fires), "{alert}");
    }
}
