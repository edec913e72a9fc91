//! The tables, as Markdown.

use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use crate::fleet::{Fleet, Outcome, PATIENCE, Source};

const SIZES: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];
const TTLS: [u64; 6] = [1, 5, 15, 30, 60, 300];

/// Reads a second that Parameter Store answers by default: AWS General Reference, Systems Manager
/// endpoints and quotas, "Max throughput", for GetParameter, GetParameters and GetParametersByPath
/// together.
const DEFAULT_LIMIT: u64 = 40;
/// The same with "higher throughput" switched on, for GetParameter.
const RAISED_LIMIT: u64 = 10_000;
/// US dollars for 10,000 API interactions with higher throughput: AWS Systems Manager pricing. With the
/// default throughput, standard parameters cost nothing.
const DOLLARS: f64 = 0.05;
const SECONDS_A_MONTH: f64 = 30.0 * 86_400.0;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn fleet(environments: u32, ttl: Duration, source: Source, limit: u64) -> Fleet {
    Fleet {
        environments,
        ttl,
        source,
        request_every: secs(1),
        limit,
    }
}

/// All tables.
pub(crate) fn all() -> String {
    let mut text = String::new();
    let grid = |limit, sizes: &[u32]| {
        let all = sizes
            .iter()
            .flat_map(|size| TTLS.map(|ttl| (*size, secs(ttl))));
        all.map(|(size, ttl)| fleet(size, ttl, Source::Direct, limit))
            .collect::<Vec<_>>()
    };
    let default = run(grid(DEFAULT_LIMIT, &SIZES));
    table(
        &mut text,
        "default",
        &["environments", "TTL"],
        &default,
        false,
    );
    // Where the default refuses nothing, more would change nothing.
    let raised = run(grid(RAISED_LIMIT, &SIZES[2..]));
    table(&mut text, "raised", &["environments", "TTL"], &raised, true);

    let extensions = [1_000, 10_000].into_iter().flat_map(|size| {
        [(5, 5), (5, 60), (5, 300), (60, 300)].map(|(ttl, held)| {
            fleet(
                size,
                secs(ttl),
                Source::Extension(secs(held)),
                DEFAULT_LIMIT,
            )
        })
    });
    let extensions = run(extensions.collect());
    table(
        &mut text,
        "extension",
        &["environments", "TTL", "the extension's"],
        &extensions,
        false,
    );

    let quiet = [1_000, 10_000].into_iter().flat_map(|size| {
        [1, 60, 600].map(|every| Fleet {
            request_every: secs(every),
            ..fleet(size, secs(5), Source::Direct, DEFAULT_LIMIT)
        })
    });
    let quiet = run(quiet.collect());
    table(
        &mut text,
        "quiet",
        &["environments", "TTL", "a request every"],
        &quiet,
        false,
    );

    let files = TTLS.map(|ttl| fleet(10_000, secs(ttl), Source::File, 0));
    let files = run(files.into());
    table(&mut text, "file", &["environments", "TTL"], &files, false);
    text.trim_end().to_owned()
}

/// One fleet, at the default limit and the raised one.
pub(crate) fn one(environments: u32, ttl: Duration) -> String {
    let fleets =
        [DEFAULT_LIMIT, RAISED_LIMIT].map(|limit| fleet(environments, ttl, Source::Direct, limit));
    let mut text = String::new();
    table(
        &mut text,
        "one",
        &["environments", "TTL", "limit"],
        &run(fleets.into()),
        true,
    );
    text.trim_end().to_owned()
}

/// Runs fleets on as many threads as there are processors. The order stays.
fn run(fleets: Vec<Fleet>) -> Vec<(Fleet, Outcome)> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    // Dealt out like cards, since large fleets stand together.
    let mut outcomes: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| {
                let mine = fleets.iter().enumerate().skip(first).step_by(threads);
                scope.spawn(move || mine.map(|(n, fleet)| (n, fleet.run())).collect::<Vec<_>>())
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().expect("a fleet runs to its end"))
            .collect()
    });
    outcomes.sort_by_key(|(number, _)| *number);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
    fleets.iter().copied().zip(outcomes).collect()
}

/// Writes one table, between a marker and an empty line. The first columns say which fleet it is.
fn table(text: &mut String, name: &str, columns: &[&str], rows: &[(Fleet, Outcome)], costs: bool) {
    let _ = writeln!(text, "<!-- {name} -->");
    let _ = write!(
        text,
        "| {} | reads/s asked | refused |",
        columns.join(" | ")
    );
    let _ = writeln!(
        text,
        "{} half | 99 % | last |",
        if costs { " a month |" } else { "" }
    );
    let count = columns.len() + 5 + usize::from(costs);
    let _ = writeln!(text, "|{}", "---:|".repeat(count));
    for (fleet, outcome) in rows {
        let _ = write!(text, "|");
        for column in columns {
            let _ = write!(text, " {} |", cell(fleet, column));
        }
        let _ = write!(text, " {} | {} |", rate(outcome.asked), refused(outcome));
        if costs {
            let _ = write!(text, " {} |", dollars(fleet, outcome));
        }
        for time in [outcome.half, outcome.most, outcome.last] {
            let _ = write!(text, " {} |", after(time));
        }
        let _ = writeln!(text);
    }
    let _ = writeln!(text);
}

fn cell(fleet: &Fleet, column: &str) -> String {
    match column {
        "environments" => grouped(fleet.environments.into()),
        "TTL" => whole(fleet.ttl),
        "limit" => format!("{}/s", grouped(fleet.limit)),
        "a request every" => whole(fleet.request_every),
        _ => match fleet.source {
            Source::Extension(ttl) => whole(ttl),
            Source::Direct | Source::File => String::new(),
        },
    }
}

fn whole(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}

fn rate(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        0.0..10.0 => format!("{rate:.1}"),
        _ => grouped(rate.round() as u64),
    }
}

fn refused(outcome: &Outcome) -> String {
    let refused = outcome.asked - outcome.answered;
    if refused == 0.0 {
        return "none".to_owned();
    }
    let percent = 100.0 * refused / outcome.asked;
    if percent < 1.0 {
        return "< 1 %".to_owned();
    }
    format!("{percent:.0} %")
}

fn dollars(fleet: &Fleet, outcome: &Outcome) -> String {
    if fleet.limit <= DEFAULT_LIMIT {
        return "$0".to_owned();
    }
    let dollars = outcome.answered * SECONDS_A_MONTH / 10_000.0 * DOLLARS;
    format!("${}", grouped(dollars.round() as u64))
}

fn after(ms: Option<u64>) -> String {
    match ms {
        None => format!("> {} min", PATIENCE / 60_000),
        Some(ms @ 0..90_000) => format!("{:.1} s", ms as f64 / 1_000.0),
        Some(ms) => format!("{:.1} min", ms as f64 / 60_000.0),
    }
}
