//! One value of a database: for observers.
//!
//! The query becomes part of a statement of ours, which reads a single value as text, within a transaction that may
//! only read: it can neither change anything nor end that transaction. The server ends it by itself when the time is
//! over, so that a query that hangs does not go on there after this client has given up. Each check connects anew:
//! checks are rare, and an idle connection through a pooler or a firewall is one that breaks.
//!
//! No error names the password; what the database says is passed on.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// How many of SQLite's instructions run between two looks at the clock.
const INSTRUCTIONS: i32 = 10_000;

/// A query, and the database that it is asked of.
#[derive(Clone)]
pub struct Database {
    options: Options,
    query: String,
}

#[derive(Clone)]
enum Options {
    Postgres(Box<PgConnectOptions>),
    MySql(Box<MySqlConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

/// The URL of a database cannot be used. It is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the URL of a database: postgres://…, mysql://…, mariadb://… or sqlite:FILE")]
pub struct BadUrl;

/// Why a value could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The database cannot be reached, or refuses the user.
    #[error("cannot connect to the database: {}", said(.0))]
    Connect(#[source] sqlx::Error),
    /// The database refused or ended the query, or the connection is lost.
    #[error("the query failed: {}", said(.0))]
    Query(#[source] sqlx::Error),
    /// Which of them would count?
    #[error("the query gives more than one row")]
    ManyRows,
    /// It has several, or, in PostgreSQL, none.
    #[error("the query must give one column")]
    NotOneColumn,
}

/// What the database or the connection says, without what sqlx puts around it.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => format!("TLS: {error}"),
        error => error.to_string(),
    }
}

impl Database {
    /// The database of this URL, asked by this query. A relative file of SQLite's is in `folder`.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn new(url: &str, query: &str, folder: &Path) -> Result<Self, BadUrl> {
        let scheme = url.split(':').next().unwrap_or_default();
        let options = match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(|_| BadUrl)?;
                // PgBouncer refuses clients that set how floats are written; the server's default is as exact.
                let options = options.extra_float_digits(None);
                Options::Postgres(Box::new(options.application_name("maintenance")))
            }
            "mysql" | "mariadb" => {
                let options = MySqlConnectOptions::from_str(url).map_err(|_| BadUrl)?;
                // The query means what it means in the database's own client.
                let options = options.pipes_as_concat(false).no_engine_substitution(false);
                Options::MySql(Box::new(options))
            }
            "sqlite" => {
                let options = SqliteConnectOptions::from_str(url).map_err(|_| BadUrl)?;
                let file = folder.join(options.get_filename());
                let options = options.read_only(true).create_if_missing(false);
                Options::Sqlite(Box::new(options.filename(file)))
            }
            _ => return Err(BadUrl),
        };
        let query = query.trim().trim_end_matches(';').to_owned();
        Ok(Self { options, query })
    }

    /// The one value of its one row, as text. None: it is NULL, or there is no row.
    ///
    /// # Errors
    /// [`SqlError`]: also if there are several rows or columns.
    pub async fn scalar(&self, within: Duration) -> Result<Option<String>, SqlError> {
        match &self.options {
            Options::Postgres(options) => self.postgres(options, within).await,
            Options::MySql(options) => self.mysql(options, within).await,
            Options::Sqlite(options) => self.sqlite(options, within).await,
        }
    }

    async fn postgres(
        &self,
        options: &PgConnectOptions,
        within: Duration,
    ) -> Result<Option<String>, SqlError> {
        let mut connection = options.connect().await.map_err(SqlError::Connect)?;
        // Of this transaction alone: through a pooler the session is not ours.
        let begin = format!(
            "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {}",
            milliseconds(within)
        );
        let begin = sqlx::raw_sql(AssertSqlSafe(begin));
        connection.execute(begin).await.map_err(asking)?;
        // The end of the line ends a comment at the end of the query.
        let sql = format!("SELECT ({}\n)::text", self.query);
        let value = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
        let value = value.fetch_one(&mut connection).await.map_err(asking);
        // A pooler gives up its own connection when a client leaves in the middle of a transaction.
        let _: Result<_, _> = connection.execute("ROLLBACK").await;
        let _: Result<(), _> = PgConnection::close(connection).await;
        value
    }

    async fn mysql(
        &self,
        options: &MySqlConnectOptions,
        within: Duration,
    ) -> Result<Option<String>, SqlError> {
        let mut connection = options.connect().await.map_err(SqlError::Connect)?;
        let version: String = sqlx::query_scalar("SELECT VERSION()")
            .fetch_one(&mut connection)
            .await
            .map_err(asking)?;
        let limit = match version.contains("MariaDB") {
            true => format!("max_statement_time = {}", within.as_secs_f64()),
            false => format!("max_execution_time = {}", milliseconds(within)),
        };
        for sql in [
            format!("SET SESSION {limit}"),
            "START TRANSACTION READ ONLY".to_owned(),
        ] {
            let sql = sqlx::raw_sql(AssertSqlSafe(sql));
            connection.execute(sql).await.map_err(asking)?;
        }
        let sql = format!("SELECT CAST(({}\n) AS CHAR)", self.query);
        let value = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
        let value = value.fetch_one(&mut connection).await.map_err(asking);
        let _: Result<(), _> = MySqlConnection::close(connection).await;
        value
    }

    async fn sqlite(
        &self,
        options: &SqliteConnectOptions,
        within: Duration,
    ) -> Result<Option<String>, SqlError> {
        let options = options.clone().busy_timeout(within);
        let mut connection = options.connect().await.map_err(SqlError::Connect)?;
        let deadline = Instant::now() + within;
        let mut handle = connection.lock_handle().await.map_err(asking)?;
        handle.set_progress_handler(INSTRUCTIONS, move || Instant::now() < deadline);
        drop(handle);
        // As a value in parentheses, it would take the first of several rows.
        let sql = format!(
            "WITH observed(value) AS ({}\n) SELECT CAST(value AS TEXT) FROM observed LIMIT 2",
            self.query
        );
        let values = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
        let values = values.fetch_all(&mut connection).await.map_err(asking);
        let _: Result<(), _> = SqliteConnection::close(connection).await;
        let mut values: Vec<Option<String>> = values?;
        match values.len() {
            ..=1 => Ok(values.pop().flatten()),
            _ => Err(SqlError::ManyRows),
        }
    }
}

/// What is wrong with a query that has too much of something is said of the query, and not of ours around it.
fn asking(error: sqlx::Error) -> SqlError {
    let Some(said) = error.as_database_error() else {
        return SqlError::Query(error);
    };
    let message = said.message();
    let (rows, columns) = if let Some(said) = said.try_downcast_ref::<MySqlDatabaseError>() {
        // ER_SUBQUERY_NO_1_ROW, ER_OPERAND_COLUMNS
        (said.number() == 1242, said.number() == 1241)
    } else if let Some(said) = said.try_downcast_ref::<PgDatabaseError>() {
        // cardinality_violation; the other is a syntax error like many.
        (
            said.code() == "21000",
            message == "subquery must return only one column",
        )
    } else {
        (false, message.starts_with("table observed has "))
    };
    match (rows, columns) {
        (true, _) => SqlError::ManyRows,
        (_, true) => SqlError::NotOneColumn,
        _ => SqlError::Query(error),
    }
}

/// At least one: none would be no limit.
fn milliseconds(within: Duration) -> u128 {
    within.as_millis().max(1)
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match self.options {
            Options::Postgres(_) => "PostgreSQL",
            Options::MySql(_) => "MySQL",
            Options::Sqlite(_) => "SQLite",
        };
        f.debug_struct("Database")
            .field("engine", &engine)
            .finish_non_exhaustive()
    }
}
