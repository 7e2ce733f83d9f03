//! The trail on standard output, among the log's lines.

use super::*;

#[tokio::test]
async fn records_stand_among_the_logs_lines_and_all_are_there_at_the_end() {
    let places = "server.listen = [\"127.0.0.1:0\"]\nadmin.listen = \"127.0.0.1:0\"\nlifecycle.pre_drain = \"0s\"\n\
                  passport = { environment = \"custom\", base_url = \"http://127.0.0.1:9\" }\n";
    let process = Process::run(&format!("{places}audit = {{ path = \"stdout\", hmac_key = \"{KEY}\" }}\n{LOCAL}")).await;
    let mut client = Client::connect(process.server).await;
    for _ in 0..50 {
        client.post("/v1/keys", "{}").await;
    }

    let (code, written) = process.end().await;

    assert_eq!(code, Some(0), "{written}");
    let lines: Vec<Value> = written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let count = |member: &str, value: &str| lines.iter().filter(|line| line[member] == value).count();
    assert_eq!((count("event", "write"), count("target", "access")), (50, 50), "{written}");
}
