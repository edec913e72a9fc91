//! What all reads of Lambda have in common: they come in pages, and of what does not exist there is
//! nothing.

use crate::aws::{CallError, Kind};

/// Reads page after page: `ask` for the one behind a marker, and `take` what is in it, which returns the
/// next marker. Only one page is held at a time; there may be hundreds.
pub(super) async fn pages<P, F>(
    mut ask: impl FnMut(Option<String>) -> F,
    mut take: impl FnMut(P) -> Option<String>,
) -> Result<(), CallError>
where
    F: Future<Output = Result<P, CallError>>,
{
    let mut marker = None;
    loop {
        marker = take(ask(marker).await?).filter(|next| !next.is_empty());
        if marker.is_none() {
            return Ok(());
        }
    }
}

/// What was read; none if it does not exist.
pub(super) fn existing<T>(read: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
