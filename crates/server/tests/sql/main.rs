//! One value of a database, read from real servers: `.ci/run` installs PostgreSQL and MariaDB. SQLite is always there.
#![cfg(unix)]

mod servers;

use std::path::Path;
use std::time::{Duration, Instant};

use maintenance_server::sql::{Database, SqlError};
use servers::{PASSWORD, Server};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, SqliteConnection};

const ENOUGH: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

fn database(url: &str, query: &str) -> Database {
    Database::new(url, query, Path::new("")).unwrap()
}

async fn scalar(url: &str, query: &str) -> Result<Option<String>, SqlError> {
    database(url, query).scalar(ENOUGH).await
}

async fn read(url: &str, values: &[(&str, Option<&str>)]) {
    for (query, value) in values {
        let read = scalar(url, query).await;
        let read = read.unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(read.as_deref(), *value, "{query}");
    }
}

/// What every database answers alike. `state` is a table with one row, ('Maintenance', 3).
async fn reads_one_value_and_changes_nothing(url: &str) {
    let values = [
        ("SELECT 'on'", Some("on")),
        ("SELECT mode FROM state", Some("Maintenance")),
        ("SELECT n FROM state;\n", Some("3")),
        ("SELECT -9223372036854775807", Some("-9223372036854775807")),
        ("SELECT n + 0.5 FROM state", Some("3.5")),
        ("SELECT 'é€😀'", Some("é€😀")),
        ("SELECT count(*) FROM state -- how many", Some("1")),
        (
            "WITH a AS (SELECT n FROM state) SELECT n + 1 FROM a",
            Some("4"),
        ),
        ("SELECT NULL", None),
        ("SELECT mode FROM state WHERE n = 4", None),
    ];
    read(url, &values).await;
    for (query, why) in [
        (
            "SELECT mode FROM state UNION ALL SELECT 'x'",
            "the query gives more than one row",
        ),
        (
            "SELECT mode, n FROM state",
            "the query must give one column",
        ),
        ("SELECT nothing FROM state", "nothing"),
        ("SELECT", "the query "),
        ("", "the query failed: "),
        ("DELETE FROM state", "the query failed: "),
        (
            "INSERT INTO state (mode, n) VALUES ('x', 5)",
            "the query failed: ",
        ),
        (
            "SELECT 1); DELETE FROM state; SELECT (1",
            "the query failed: ",
        ),
        ("SELECT 1; COMMIT; DELETE FROM state", "the query failed: "),
        ("COMMIT", "the query failed: "),
    ] {
        let refused = scalar(url, query).await.unwrap_err().to_string();
        assert!(refused.contains(why), "{query}: {refused}");
    }
    let left = scalar(url, "SELECT count(*) FROM state").await.unwrap();
    assert_eq!(left.as_deref(), Some("1"));
}

/// A query that runs for ever is ended by the server: this client would wait.
async fn is_ended(url: &str, query: &str, why: &str) {
    let before = Instant::now();
    let ended = database(url, query).scalar(SHORT).await.unwrap_err();
    assert!(ended.to_string().contains(why), "{ended}");
    assert!(before.elapsed() < ENOUGH, "{:?}", before.elapsed());
}

/// An error that names no password.
fn told(error: &SqlError, password: &str) -> String {
    assert!(
        !format!("{error} {error:?}").contains(password),
        "{error:?}"
    );
    error.to_string()
}

/// A server that is not there is said, without the password.
async fn is_gone(mut server: Server, url: &str) {
    server.kill();
    let gone = told(&scalar(url, "SELECT 1").await.unwrap_err(), PASSWORD);
    assert!(
        gone.starts_with("cannot connect to the database: "),
        "{gone}"
    );
}

#[tokio::test]
#[ignore = "needs PostgreSQL: .ci/run has it"]
async fn postgres_is_read_and_nothing_else() {
    let server = Server::postgres();
    let folder = server.folder.path().display().to_string();
    let port = server.port;
    let url = |password: &str| {
        format!("postgres://postgres:{password}@localhost:{port}/postgres?host={folder}")
    };
    let own = url(PASSWORD);
    let mut other = PgConnection::connect(&own).await.unwrap();
    let made = "CREATE TABLE state (mode text, n int); INSERT INTO state VALUES ('Maintenance', 3); \
        CREATE TYPE mood AS ENUM ('on', 'off'); CREATE DOMAIN short AS varchar(3); \
        CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'DELETE FROM state RETURNING n'";
    other.execute(sqlx::raw_sql(made)).await.unwrap();
    reads_one_value_and_changes_nothing(&own).await;
    let at = "'2026-11-29 08:00:00.5+02'";
    let values = [
        ("SELECT true", Some("true")),
        ("SELECT 7::smallint", Some("7")),
        ("SELECT 12.50::numeric", Some("12.50")),
        ("SELECT 0.1::real", Some("0.1")),
        ("SELECT 0.1::double precision", Some("0.1")),
        ("SELECT 'on'::mood", Some("on")),
        ("SELECT 'abc'::short", Some("abc")),
        ("SELECT 'abc'::varchar(9)", Some("abc")),
        ("SELECT DATE '2026-11-29'", Some("2026-11-29")),
        (
            &format!("SELECT {at}::timestamp"),
            Some("2026-11-29 08:00:00.5"),
        ),
        // Times are in UTC, whatever the server's own time zone is.
        (
            &format!("SELECT {at}::timestamptz"),
            Some("2026-11-29 06:00:00.5+00"),
        ),
        ("SELECT INTERVAL '90 minutes'", Some("01:30:00")),
        ("SELECT '{\"a\": 1}'::jsonb->>'a'", Some("1")),
        ("SELECT '{\"a\": 1}'::jsonb", Some("{\"a\": 1}")),
        (
            "SELECT '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid",
            Some("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ),
        ("SELECT '10.0.0.1'::inet", Some("10.0.0.1/32")),
        ("SELECT ARRAY[1, 2]", Some("{1,2}")),
        ("SELECT 'x'::bytea", Some("\\x78")),
        ("VALUES ('on')", Some("on")),
    ];
    read(&own, &values).await;
    // Neither by what follows a change, nor by a function, nor by a setting.
    for query in [
        "WITH gone AS (DELETE FROM state RETURNING n) SELECT n FROM gone",
        "SELECT gone()",
        "SELECT n FROM state FOR UPDATE",
        "SELECT nextval(set_config('transaction_read_only', 'off', true))",
        "SELECT set_config('transaction_read_only', 'off', true)",
    ] {
        assert!(scalar(&own, query).await.is_err(), "{query}");
    }
    let left = scalar(&own, "SELECT count(*) FROM state").await.unwrap();
    assert_eq!(left.as_deref(), Some("1"));
    let why = "canceling statement due to statement timeout";
    is_ended(&own, "SELECT 1 FROM pg_sleep(600)", why).await;
    other.execute("BEGIN; LOCK TABLE state").await.unwrap();
    is_ended(&own, "SELECT n FROM state", why).await;
    other.execute("ROLLBACK").await.unwrap();
    let wrong = scalar(&url("wr0ng"), "SELECT 1").await.unwrap_err();
    let wrong = told(&wrong, "wr0ng");
    assert!(wrong.contains("password authentication failed"), "{wrong}");

    // TLS, of which the certificate counts where the URL says so.
    let tls = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres?sslmode=");
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for mode in [
        "require".to_owned(),
        format!("verify-full&sslrootcert={folder}/cert.pem"),
    ] {
        read(&format!("{tls}{mode}"), &[(encrypted, Some("true"))]).await;
    }
    read(&format!("{tls}disable"), &[(encrypted, Some("false"))]).await;
    let unknown = scalar(&format!("{tls}verify-full"), encrypted).await;
    let unknown = unknown.unwrap_err().to_string();
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");

    // The connection is lost in the middle.
    let asked = database(&own, "SELECT 'on' FROM pg_sleep(600)");
    let asked = tokio::spawn(async move { asked.scalar(ENOUGH).await });
    loop {
        let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE wait_event = 'PgSleep' AND application_name = 'maintenance'";
        let ended = sqlx::query_scalar(ended).fetch_one(&mut other);
        let ended: i64 = ended.await.unwrap();
        if ended == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    told(&asked.await.unwrap().unwrap_err(), PASSWORD);
    is_gone(server, &own).await;
}

#[tokio::test]
#[ignore = "needs MariaDB: .ci/run has it"]
async fn mariadb_is_read_and_nothing_else() {
    let server = Server::mariadb();
    let folder = server.folder.path().display().to_string();
    let url = |scheme: &str, password: &str| {
        format!("{scheme}://watch:{password}@localhost/app?socket={folder}/socket")
    };
    let own = url("mariadb", PASSWORD);
    let other = MySqlConnection::connect(&url("mysql", PASSWORD));
    let mut other = other.await.unwrap();
    for made in [
        "CREATE TABLE state (mode varchar(20), n int)",
        "INSERT INTO state VALUES ('Maintenance', 3)",
        "CREATE TABLE kept (mode enum('on', 'off'), flags set('a', 'b'), bits bit(1), at timestamp, f float, \
         b binary(2), j json, y year)",
        "INSERT INTO kept VALUES ('on', 'a,b', 1, '2026-11-29 08:00:00', 0.1, 'xy', '{\"a\": \"on\"}', 2026)",
        "CREATE FUNCTION gone() RETURNS int BEGIN DELETE FROM state; RETURN 1; END",
    ] {
        other.execute(sqlx::raw_sql(made)).await.unwrap();
    }
    reads_one_value_and_changes_nothing(&own).await;
    let values = [
        ("SELECT true", Some("1")),
        ("SELECT 12.50", Some("12.50")),
        ("SELECT 0.1e0", Some("0.1")),
        ("SELECT f FROM kept", Some("0.1")),
        ("SELECT mode FROM kept", Some("on")),
        ("SELECT flags FROM kept", Some("a,b")),
        ("SELECT bits FROM kept", Some("1")),
        ("SELECT b FROM kept", Some("xy")),
        ("SELECT y FROM kept", Some("2026")),
        ("SELECT json_value(j, '$.a') FROM kept", Some("on")),
        ("SELECT at FROM kept", Some("2026-11-29 08:00:00")),
        ("SELECT DATE '2026-11-29'", Some("2026-11-29")),
        (
            "SELECT TIMESTAMP '2026-11-29 08:00:00'",
            Some("2026-11-29 08:00:00"),
        ),
        // As its own client takes it: `or`.
        ("SELECT 0 || 1", Some("1")),
    ];
    read(&own, &values).await;
    let refused = scalar(&own, "SELECT gone()").await.unwrap_err().to_string();
    assert!(refused.contains("READ ONLY transaction"), "{refused}");
    let forever = "SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b";
    is_ended(&own, forever, "max_statement_time exceeded").await;
    let lock = other.execute("LOCK TABLES state WRITE, kept WRITE");
    lock.await.unwrap();
    is_ended(&own, "SELECT n FROM state", "max_statement_time exceeded").await;
    other.execute("UNLOCK TABLES").await.unwrap();
    let wrong = scalar(&url("mysql", "wr0ng"), "SELECT 1").await;
    let wrong = told(&wrong.unwrap_err(), "wr0ng");
    assert!(wrong.contains("Access denied"), "{wrong}");

    // TLS, of which the certificate counts where the URL says so.
    let encrypted = "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'SSL_VERSION'";
    for (mode, is_encrypted) in [
        ("REQUIRED".to_owned(), "1"),
        (format!("VERIFY_IDENTITY&ssl-ca={folder}/cert.pem"), "1"),
        ("DISABLED".to_owned(), "0"),
    ] {
        let values = [(encrypted, Some(is_encrypted))];
        read(&format!("{own}&ssl-mode={mode}"), &values).await;
    }
    let unknown = scalar(&format!("{own}&ssl-mode=VERIFY_CA"), encrypted).await;
    let unknown = unknown.unwrap_err().to_string();
    assert!(unknown.contains("UnknownIssuer"), "{unknown}");

    // The connection is lost in the middle.
    let asked = database(&own, "SELECT sleep(600)");
    let asked = tokio::spawn(async move { asked.scalar(ENOUGH).await });
    loop {
        let running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT CAST((SELECT sleep%'";
        let running = sqlx::query_scalar(running).fetch_optional(&mut other);
        let running: Option<i64> = running.await.unwrap();
        if let Some(id) = running {
            let kill = AssertSqlSafe(format!("KILL {id}"));
            other.execute(sqlx::raw_sql(kill)).await.unwrap();
            break;
        }
        tokio::task::yield_now().await;
    }
    told(&asked.await.unwrap().unwrap_err(), PASSWORD);
    is_gone(server, &own).await;
}

#[tokio::test]
async fn sqlite_is_read_and_nothing_else() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("state.db");
    let url = format!("sqlite:{}", file.display());
    let missing = scalar(&url, "SELECT 1").await.unwrap_err().to_string();
    let why = "cannot connect to the database: unable to open database file";
    assert_eq!(missing, why);
    assert!(!file.exists());
    let other = SqliteConnection::connect(&format!("{url}?mode=rwc"));
    let mut other = other.await.unwrap();
    // An application at work keeps its database so.
    let made = "PRAGMA journal_mode = WAL; CREATE TABLE state (mode text, n int); \
        INSERT INTO state VALUES ('Maintenance', 3)";
    other.execute(sqlx::raw_sql(made)).await.unwrap();
    reads_one_value_and_changes_nothing(&url).await;
    let values = [
        ("SELECT 1 = 1", Some("1")),
        ("SELECT 0.1", Some("0.1")),
        ("SELECT x'6f6e'", Some("on")),
        (
            "SELECT datetime('2026-11-29 08:00+02:00')",
            Some("2026-11-29 06:00:00"),
        ),
    ];
    read(&url, &values).await;
    let forever = "SELECT count(*) FROM (WITH RECURSIVE all_n(n) AS \
        (SELECT 1 UNION ALL SELECT n + 1 FROM all_n) SELECT n FROM all_n)";
    is_ended(&url, forever, "interrupted").await;
    // Whatever its URL says.
    for writing in ["mode=rwc", "mode=rw", "immutable=1"] {
        let deleted = "DELETE FROM state RETURNING n";
        assert!(scalar(&format!("{url}?{writing}"), deleted).await.is_err());
    }
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    other.execute("DELETE FROM state").await.unwrap();
    // What is not committed is not there.
    read(&url, &[("SELECT count(*) FROM state", Some("1"))]).await;
}

#[tokio::test]
async fn a_relative_file_is_in_the_folder_that_is_given_whatever_that_is_called() {
    let folder = tempfile::TempDir::new().unwrap();
    let odd = folder.path().join("50% off?#");
    std::fs::create_dir(&odd).unwrap();
    let file = sqlx::sqlite::SqliteConnectOptions::new().filename(odd.join("state.db"));
    let file = file.create_if_missing(true);
    let mut other = SqliteConnection::connect_with(&file).await.unwrap();
    other.execute("CREATE TABLE state (n int)").await.unwrap();
    for url in [
        "sqlite:state.db",
        "sqlite://state.db",
        "sqlite:./state.db?mode=ro",
    ] {
        let database = Database::new(url, "SELECT count(*) FROM state", &odd).unwrap();
        let read = database.scalar(ENOUGH).await.unwrap();
        assert_eq!(read.as_deref(), Some("0"), "{url}");
    }
}

#[test]
fn a_url_that_is_none_is_refused_without_being_repeated() {
    for bad in [
        "",
        "https://x:s3cret@y/",
        "postgres",
        "mssql://sa:s3cret@host/db",
        "mysql://host:s3cret/db",
        "postgres://me:s3cret@host/db?sslmode=s3cret",
        "sqlite:state.db?mode=s3cret",
    ] {
        let refused = Database::new(bad, "SELECT 1", Path::new(""));
        let refused = refused.unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains("s3cret"),
            "{bad}"
        );
    }
}
