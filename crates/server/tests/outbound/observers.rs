//! What observers look at, for real: addresses, files and processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use maintenance_flag::{App, Verdict};
use maintenance_sandbox::{Sandbox, Settings};
use maintenance_server::observers::kinds::{Command, File, FileMode, Http, Kind};
use maintenance_server::observers::{CheckResult, Expected, Observer, Opens, Place};
use tempfile::TempDir;

use crate::client;
use crate::managed::managed;
use crate::receiver::{Receiver, Reply, status};

const M: Verdict = Verdict::Maintenance;
const N: Verdict = Verdict::Normal;
const U: Verdict = Verdict::Unknown;

/// What an observer of this kind sees, of what time is left for.
async fn check(kind: Kind, timeout: Duration, secrets: &[&str]) -> CheckResult {
    let sandbox = Sandbox::new(Settings::quick());
    let app = managed(&sandbox, App::new("shop", "prod").unwrap(), false, None);
    let observer = Observer {
        name: "database".parse().unwrap(),
        kind,
        kind_name: "test",
        confirm: 1,
        interval: Duration::from_secs(30),
        timeout,
        place: Place::App {
            app: Arc::new(app),
            roles: None,
        },
        opens: Opens::default(),
        secrets: secrets.iter().map(|it| (*it).to_owned()).collect(),
    };
    observer.check().await
}

async fn seen(kind: Kind) -> CheckResult {
    check(kind, Duration::from_secs(20), &[]).await
}

fn expected(normal: Option<&str>) -> Expected {
    Expected {
        maintenance: "maintenance".to_owned(),
        normal: normal.map(str::to_owned),
    }
}

fn http(url: String) -> Http {
    Http {
        client: client(),
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        allow_link_local: false,
        status: Vec::new(),
        expected: Some(expected(None)),
        json_path: None,
        within: Duration::from_secs(20),
    }
}

fn body(head: &str, body: &str) -> Reply {
    let length = body.len();
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}");
    Reply::Bytes(answer.into_bytes())
}

async fn receiver(reply: Reply) -> Receiver {
    Receiver::start(move |_, _| reply.clone()).await
}

#[tokio::test]
async fn an_http_observer_takes_a_502_page_for_neither_normal_nor_maintenance() {
    for (head, page, verdict) in [
        ("200 OK", "maintenance", M),
        ("200 OK", "Maintenance\n", M),
        ("200 OK", "all fine", N),
        ("200 OK", "", U),
        ("502 Bad Gateway", "<h1>Bad Gateway</h1>", U),
        ("502 Bad Gateway", "maintenance", U),
        ("503 Service Unavailable", "maintenance", U),
        ("404 Not Found", "ok", U),
        ("401 Unauthorized", "", U),
        ("304 Not Modified", "", U),
    ] {
        let server = receiver(body(head, page)).await;
        let result = seen(Kind::Http(http(format!("http://{}/", server.address)))).await;
        assert_eq!(result.verdict, verdict, "{head} {page}: {result:?}");
        assert_eq!(result.error.is_some(), verdict == U);
    }
}

#[tokio::test]
async fn a_status_may_mean_maintenance_and_the_value_at_a_json_path_counts() {
    let server = receiver(status("503 Service Unavailable")).await;
    let url = format!("http://{}/", server.address);
    let by_status = |status: &[u16], expected| Http {
        status: status.to_vec(),
        expected,
        ..http(url.clone())
    };
    for (kind, verdict) in [
        (by_status(&[503], None), M),
        (by_status(&[500, 503], Some(expected(None))), M),
        (by_status(&[500], None), U),
    ] {
        assert_eq!(seen(Kind::Http(kind)).await.verdict, verdict);
    }
    let server = receiver(status("204 No Content")).await;
    let kind = Http {
        status: vec![503],
        expected: None,
        ..http(format!("http://{}/", server.address))
    };
    assert_eq!(seen(Kind::Http(kind)).await.verdict, N);

    let server = receiver(body(
        "200 OK",
        r#"{"db": {"state": "MAINTENANCE"}, "x": null}"#,
    ))
    .await;
    for (path, verdict) in [("$.db.state", M), ("$.x", U), ("$.none", U), ("$.db", U)] {
        let kind = Http {
            json_path: Some(path.parse().unwrap()),
            ..http(format!("http://{}/", server.address))
        };
        assert_eq!(seen(Kind::Http(kind)).await.verdict, verdict, "{path}");
    }
}

#[tokio::test]
async fn headers_are_sent_and_not_parsed_and_dropped_and_what_is_secret_is_never_shown() {
    // It answers with what it was sent, as some test servers do.
    let server = Receiver::start(|_, request| body("200 OK", request)).await;
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer s3cr3t"));
    headers.insert("x-team", HeaderValue::from_static("shop"));
    let kind = Kind::Http(Http {
        headers,
        method: Method::POST,
        ..http(format!("http://{}/?key=s3cr3t", server.address))
    });
    let result = check(kind, Duration::from_secs(20), &["s3cr3t"]).await;
    let asked = server.seen().remove(0);
    assert!(asked.starts_with("POST /?key=s3cr3t "), "{asked}");
    assert!(
        asked.contains("authorization: Bearer s3cr3t\r\n"),
        "{asked}"
    );
    assert!(asked.contains("x-team: shop\r\n"), "{asked}");
    assert_eq!(result.verdict, N);
    assert!(!format!("{result:?}").contains("s3cr3t"), "{result:?}");
}

#[tokio::test]
async fn an_answer_that_is_late_too_large_gone_or_elsewhere_is_unknown() {
    let hangs = receiver(Reply::Hang).await;
    let large = receiver(body("200 OK", &"x".repeat(1_100_000))).await;
    let elsewhere = receiver(status("302 Found\r\nLocation: http://example.com/")).await;
    let cut = receiver(Reply::Bytes(
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nmaintenance".to_vec(),
    ))
    .await;
    for (address, why) in [
        (hangs.address.to_string(), "within"),
        (large.address.to_string(), "larger"),
        (elsewhere.address.to_string(), "another host"),
        (cut.address.to_string(), "broke"),
        ("127.0.0.1:1".to_owned(), "cannot connect"),
        ("169.254.169.254".to_owned(), "link-local"),
    ] {
        let kind = Kind::Http(Http {
            within: Duration::from_millis(if why == "within" { 50 } else { 20_000 }),
            ..http(format!("http://{address}/"))
        });
        let result = seen(kind).await;
        let error = result.error.clone().unwrap_or_default();
        assert_eq!(result.verdict, U, "{address}");
        assert!(error.contains(why), "{address}: {error}");
    }
    // A redirect within the host is followed.
    let server = Receiver::start(|before, _| match before {
        0 => status("302 Found\r\nLocation: /moved"),
        _ => body("200 OK", "maintenance"),
    })
    .await;
    let result = seen(Kind::Http(http(format!("http://{}/", server.address)))).await;
    assert_eq!(result.verdict, M);
}

fn file(path: impl Into<PathBuf>, mode: FileMode) -> Kind {
    Kind::File(File::new(path.into(), mode))
}

#[tokio::test]
async fn a_missing_file_or_an_unmounted_share_does_not_end_maintenance() {
    let share = TempDir::new().unwrap();
    let flag = share.path().join("maintenance");
    let look = async || seen(file(&flag, FileMode::Exists)).await;

    // Not mounted: the folder is empty.
    let unmounted = look().await;
    assert_eq!(unmounted.verdict, U);
    assert!(unmounted.error.unwrap().contains("is not mounted"));
    fs::write(share.path().join(".keep"), "").unwrap();
    assert_eq!(look().await.verdict, N);
    fs::write(&flag, "").unwrap();
    assert_eq!(look().await.verdict, M);
    // The folder is gone.
    let gone = share.path().join("gone").join("maintenance");
    assert_eq!(seen(file(&gone, FileMode::Exists)).await.verdict, U);
    // A file is where the folder was.
    let within = flag.join("maintenance");
    assert_eq!(seen(file(&within, FileMode::Exists)).await.verdict, U);
    #[cfg(unix)]
    {
        let link = share.path().join("link");
        std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
        assert_eq!(seen(file(&link, FileMode::Exists)).await.verdict, U);
    }
    // In the content, nothing is not normal.
    let content = || FileMode::Content(expected(None), None);
    let missing = share.path().join("missing");
    assert_eq!(seen(file(&missing, content())).await.verdict, U);
    assert_eq!(seen(file(&flag, content())).await.verdict, U);
    assert_eq!(seen(file(share.path(), content())).await.verdict, U);
}

#[tokio::test]
async fn the_content_of_a_file_counts_or_the_first_group_of_a_regex_in_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    let look = async |text: &[u8], regex: Option<&str>| {
        fs::write(&path, text).unwrap();
        let regex = regex.map(|regex| regex_lite::Regex::new(regex).unwrap());
        seen(file(&path, FileMode::Content(expected(Some("ok")), regex)))
            .await
            .verdict
    };
    let ini = b"[db]\nname = maintenance\nstate = OK\n";
    for (text, regex, verdict) in [
        (&b"maintenance\n"[..], None, M),
        (b"OK", None, N),
        (b"other", None, U),
        (b"", None, U),
        (b"\xff\xfe", None, U),
        (ini, Some(r"state = (\w+)"), N),
        (ini, Some(r"name = (\w+)"), M),
        (ini, Some("maintenance"), M),
        (ini, Some("absent (.)"), U),
    ] {
        assert_eq!(look(text, regex).await, verdict, "{text:?} {regex:?}");
    }
    assert_eq!(look(&vec![b' '; 1_100_000], None).await, U);
}

fn command(words: &[&str], status: &[i32], expected: Option<Expected>, folder: &Path) -> Kind {
    let mut words = words.iter().map(Into::into);
    Kind::Command(Command {
        program: words.next().unwrap(),
        arguments: words.collect(),
        folder: folder.to_owned(),
        status: status.to_vec(),
        expected,
    })
}

#[cfg(unix)]
#[tokio::test]
async fn a_commands_exit_status_or_output_counts_and_a_signal_or_a_missing_one_is_unknown() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("state"), "maintenance").unwrap();
    let sh = |script: &str| ["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
    for (script, prints, verdict, shown) in [
        ("exit 10", false, M, "exit status 10"),
        ("exit 0", false, N, "exit status 0"),
        (
            "echo no route >&2; exit 1",
            false,
            U,
            "exit status 1: no route",
        ),
        ("kill -9 $$", false, U, "signal: 9"),
        ("echo Maintenance", true, M, "Maintenance"),
        ("echo ok", true, N, "ok"),
        ("true", true, U, "empty"),
        ("echo maintenance; exit 1", true, U, "exit status 1"),
        ("cat state", true, M, "maintenance"),
        ("head -c 1100000 /dev/zero", true, U, "more than 1 MB"),
    ] {
        let words = sh(script);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let expected = prints.then(|| expected(None));
        let result = seen(command(&words, &[10], expected, folder.path())).await;
        assert_eq!(result.verdict, verdict, "{script}: {result:?}");
        let said = result.error.or(result.observed).unwrap();
        assert!(said.contains(shown), "{script}: {said}");
    }
    let missing = seen(command(&["/nowhere/check"], &[10], None, folder.path())).await;
    assert_eq!(missing.verdict, U);
    assert!(missing.error.unwrap().contains("/nowhere/check"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_that_is_late_is_killed_with_all_that_it_started() {
    let folder = TempDir::new().unwrap();
    // The child says who it is, and lives on with the output open.
    let script = "sh -c 'echo $$ > child; exec sleep 600' & wait";
    let kind = command(&["/bin/sh", "-c", script], &[10], None, folder.path());
    let child = folder.path().join("child");
    let begun = async {
        while fs::read_to_string(&child)
            .unwrap_or_default()
            .trim()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    let looked = tokio::spawn(check(kind, Duration::from_secs(600), &[]));
    begun.await;
    // As when the time is over: the look is dropped.
    looked.abort();
    assert!(looked.await.is_err());
    let id: i32 = fs::read_to_string(&child).unwrap().trim().parse().unwrap();
    let id = rustix::process::Pid::from_raw(id).unwrap();
    // Until init has reaped it.
    let dead = async {
        while is_running(id) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dead)
        .await
        .expect("the child was killed");
}

/// Whether a process lives: a zombie does not.
#[cfg(unix)]
fn is_running(id: rustix::process::Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()));
    let stat = stat.unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

#[cfg(unix)]
#[tokio::test]
async fn a_check_that_takes_too_long_is_unknown() {
    let folder = TempDir::new().unwrap();
    let kind = command(&["sleep", "600"], &[10], None, folder.path());
    let result = check(kind, Duration::from_millis(50), &[]).await;
    assert_eq!(result.verdict, U);
    assert_eq!(result.error.as_deref(), Some("it took longer than 0.05 s"));
}
