//! Until when a Lambda function may take for a request.

use tokio::time::Instant;

/// When the function ends at the latest: an extension of its requests, and of no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline(pub(crate) Instant);
