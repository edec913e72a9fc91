//! One value of a database.
//!
//! NULL and a query without a row are unknown: a table that is empty just now says nothing. So is a database that
//! cannot be reached, or a connection that is lost in the middle.

use std::time::Duration;

use super::CheckResult;
use crate::observers::Expected;
use crate::sql::Database;

/// A query, and what its value means.
#[derive(Debug, Clone)]
pub struct Sql {
    /// What is asked, and where.
    pub database: Database,
    /// What the value means.
    pub expected: Expected,
    /// How long the whole may take: the database ends the query by itself then.
    pub within: Duration,
}

impl Sql {
    pub(super) async fn check(&self) -> CheckResult {
        match self.database.scalar(self.within).await {
            // As a BIT of MySQL's may be: 0 and 1 would both be "any other value".
            Ok(Some(value)) if value.chars().any(is_binary) => CheckResult::unknown(
                "the value is binary: have the query make text or a number of it, as in flag + 0",
            ),
            Ok(Some(value)) => self.expected.judge(&value),
            Ok(None) => CheckResult::unknown("the query gives NULL, or no row"),
            Err(error) => CheckResult::unknown(error.to_string()),
        }
    }
}

fn is_binary(c: char) -> bool {
    c.is_control() && !c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use maintenance_flag::Verdict;

    use super::*;

    /// Products elsewhere take NULL for normal.
    #[tokio::test]
    async fn sql_null_is_unknown_and_not_normal_as_is_all_that_is_no_single_value() {
        for (query, verdict) in [
            ("SELECT 'Maintenance'", Verdict::Maintenance),
            ("SELECT 'ok'", Verdict::Normal),
            ("SELECT NULL", Verdict::Unknown),
            ("SELECT 'ok' WHERE 1 = 0", Verdict::Unknown),
            ("SELECT 'ok' UNION ALL SELECT 'ok'", Verdict::Unknown),
            ("SELECT nothing", Verdict::Unknown),
            ("SELECT 'ok', 'ok'", Verdict::Unknown),
            ("SELECT ''", Verdict::Unknown),
            ("SELECT x'01'", Verdict::Unknown),
            ("SELECT x'00'", Verdict::Unknown),
            ("SELECT 'two' || char(10) || 'lines'", Verdict::Normal),
        ] {
            let sql = Sql {
                database: Database::new("sqlite::memory:", query, Path::new("")).unwrap(),
                expected: Expected {
                    maintenance: "maintenance".to_owned(),
                    normal: None,
                },
                within: Duration::from_secs(10),
            };
            let result = sql.check().await;
            assert_eq!(result.verdict, verdict, "{query}: {result:?}");
        }
    }
}
