//! Instructions that the gateway's own process spends on a request, counted by callgrind: a figure that does not depend on the machine's mood.
//!
//! A request comes over a connection on a pipe and, if it is forwarded, goes up over another one; the kernel is not counted, a small
//! client and a small upstream are. What is counted is compared with `benches/instructions.toml`, and a request that costs more
//! than that and a margin fails the run.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on says so, and prints what it found"
)]

mod support;

use std::process::{Command, ExitCode, Stdio};

use support::callers::Callers;
use support::passport::ANSWER;
use support::requests::{GET_PAYMENT, LIST_ACCOUNTS};
use support::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What requests may cost.
const LIMITS: &str = include_str!("instructions.toml");
/// How much more than the file says is still no regression, in parts of a hundred: compilers differ a little.
const MARGIN: u64 = 4;
/// Requests before counting begins: the token is known then, the list is stored, and buffers have grown.
const WARM: usize = 200;
const COUNTED: u64 = 500;
/// How the process that is counted is told what to do, and how many tenants, operations and stored lists there are besides.
const KIND: &str = "COUNTED_REQUESTS";
const OTHERS: &str = "OTHER_TENANTS_OPERATIONS_AND_LISTS";
/// What `growth` looks at. A configuration may hold 10,000 tenants.
const GROWTH: [Others; 3] = [Others([10, 10, 10]), Others([1_000, 1_000, 1_000]), Others([9_000, 3_000, 100_000])];
const KINDS: [(&str, &str, &str); 2] =
    [("forward", GET_PAYMENT, "HTTP/1.1 200 OK"), ("hit", LIST_ACCOUNTS, "cache-status: passport-gateway; hit")];

/// How many tenants, operations and stored lists there are besides what is asked for.
#[derive(Clone, Copy, Default)]
struct Others([u32; 3]);

fn main() -> ExitCode {
    if let (Ok(kind), Ok(others)) = (std::env::var(KIND), std::env::var(OTHERS)) {
        requests(&kind, Others::read(&others));
        return ExitCode::SUCCESS;
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    if !has_valgrind() {
        println!("instructions: there is no valgrind on the PATH, so nothing is counted");
    } else if filter == "growth" {
        for (kind, ..) in KINDS {
            tell_growth(kind);
        }
    } else if "instructions".contains(&filter) {
        let limits: toml::Table = LIMITS.parse().unwrap();
        let within = KINDS.map(|(kind, ..)| is_within(kind, u64::try_from(limits[kind].as_integer().unwrap()).unwrap()));
        return if within.iter().all(|within| *within) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    ExitCode::SUCCESS
}

/// What a request costs among few other tenants, operations and stored lists, and among many.
fn tell_growth(kind: &str) {
    for others in GROWTH {
        let Others([tenants, operations, lists]) = others;
        let counted = count(kind, others);
        println!("instructions/growth/{kind}: {counted} among {tenants} tenants, {operations} operations, {lists} lists");
    }
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn is_within(kind: &str, limit: u64) -> bool {
    let counted = count(kind, Others::default());
    let verdict = match counted * 100 {
        more if more > limit * (100 + MARGIN) => "MORE than benches/instructions.toml allows",
        less if less < limit * (100 - MARGIN) => "less: let benches/instructions.toml say so",
        _ => "as expected",
    };
    println!("instructions/{kind}: {counted} a request ({limit} in the file): {verdict}");
    counted * 100 <= limit * (100 + MARGIN)
}

/// Runs this program under callgrind, which counts what `counted` does.
fn count(kind: &str, others: Others) -> u64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"]);
    let output = command.arg(std::env::current_exe().unwrap()).env(KIND, kind).env(OTHERS, others.written()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap_or_else(|| panic!("{said}")).1;
    collected.trim().parse::<u64>().unwrap() / COUNTED
}

impl Others {
    fn read(text: &str) -> Self {
        let numbers: Vec<u32> = text.split(' ').map(|number| number.parse().unwrap()).collect();
        Self(numbers.try_into().unwrap())
    }

    fn written(self) -> String {
        self.0.map(|number| number.to_string()).join(" ")
    }

    /// Their part of the configuration.
    fn configuration(self) -> String {
        let Self([tenants, operations, _]) = self;
        let tenants = (0..tenants)
            .map(|number| format!("[tenants.other-{number}]\ncredential = \"acme\"\nscopes = [\"paas.core.*\"]\nrate_limit = {{ requests = 100, per = \"1s\" }}\n"));
        let operations = (0..operations).map(|number| {
            format!("[operations.other_{number}]\nmethod = \"GET\"\npath = \"/v1/others/{number}/{{id}}\"\nupstream = \"paas\"\nscope = \"paas.core.others.get\"\n")
        });
        format!("cache.max_bytes = \"512MiB\"\n{}{}", tenants.collect::<String>(), operations.collect::<String>())
    }

    /// A target for each stored list.
    fn lists(self) -> impl Iterator<Item = String> {
        let Self([.., lists]) = self;
        (0..lists).map(|number| format!("/v1/accounts?customer_id=db7e89e7-59d8-4ab1-b675-{number:012x}"))
    }
}

fn requests(kind: &str, others: Others) {
    let (_, target, expected) = KINDS.into_iter().find(|(name, ..)| *name == kind).unwrap();
    let callers = Callers::new();
    let world = World::new(support::configuration(&callers, &others.configuration()));
    let mut connection = world.connection();
    for list in others.lists() {
        world.runtime.block_on(ask(&mut connection, &request(&list, &callers)));
    }
    let request = request(target, &callers);
    for _ in 0..WARM {
        world.runtime.block_on(ask(&mut connection, &request));
    }
    let answer = world.runtime.block_on(ask(&mut connection, &request));
    assert!(answer.contains(expected), "{answer}");
    counted(&world, &mut connection, &request);
}

fn request(target: &str, callers: &Callers) -> String {
    let authorization = callers.token.to_str().unwrap();
    format!(
        "GET {target} HTTP/1.1\r\nHost: gateway.internal\r\nAccept: application/json\r\nUser-Agent: orders-app/3.2\r\n\
         Authorization: {authorization}\r\n\r\n"
    )
}

#[inline(never)]
fn counted(world: &World, connection: &mut DuplexStream, request: &str) {
    world.runtime.block_on(async {
        for _ in 0..COUNTED {
            ask(connection, request).await;
        }
    });
}

/// Asks and reads the answer, whose body is known; gives its head.
async fn ask(connection: &mut DuplexStream, request: &str) -> String {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::with_capacity(4096);
    while !answer.ends_with(ANSWER) {
        assert_ne!(connection.read_buf(&mut answer).await.unwrap(), 0, "{}", String::from_utf8_lossy(&answer));
    }
    answer.truncate(answer.len() - ANSWER.len());
    String::from_utf8(answer).unwrap()
}
