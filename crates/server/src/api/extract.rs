//! axum's extractors, with refusals as problems.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Parameters of the path.
pub(super) struct ApiPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(it) = Path::from_request_parts(parts, state).await?;
        Ok(Self(it))
    }
}

/// Parameters of the query.
pub(super) struct ApiQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(it) = Query::from_request_parts(parts, state).await?;
        Ok(Self(it))
    }
}

/// A body, or why it is none: what the caller may see and do is looked at first.
pub(super) struct ApiBody<T>(pub(super) Result<T, Problem>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiBody<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let body = Json::from_request(request, state).await;
        Ok(Self(body.map(|Json(it)| it).map_err(Problem::from)))
    }
}
