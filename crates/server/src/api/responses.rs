//! Which problems each kind of route can answer, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::MEDIA_TYPE;

type Responses = BTreeMap<String, RefOr<Response>>;

fn problems(of: &[(u16, &str)]) -> Responses {
    let problem = |(status, description): &(u16, &str)| {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new().description(*description);
        let response = response.content(MEDIA_TYPE, content).build();
        (status.to_string(), RefOr::T(response))
    };
    of.iter().map(problem).collect()
}

const MALFORMED: (u16, &str) = (400, "`bad_request`: a parameter or the body is malformed.");
const UNAUTHORIZED: (u16, &str) = (401, "`unauthorized`: no token, or one that is not valid.");
const FORBIDDEN: (u16, &str) = (
    403,
    "`forbidden`: the token lacks a permission, which `missing` names.",
);
const NOT_FOUND: (u16, &str) = (
    404,
    "`not_found`: there is no such thing, not in this environment, or the token may not see it.",
);
const TOO_MANY: (u16, &str) = (
    429,
    "`too_many_requests`: too many tokens that are not valid came from here.",
);
const AWS: (u16, &str) = (
    503,
    "`aws`: Parameter Store or Lambda is out of reach, or refuses.",
);
const TIMEOUT: (u16, &str) = (504, "`timeout`: the answer took too long.");

/// What every route answers that needs a token and only reads.
pub(super) struct Reads;

impl IntoResponses for Reads {
    fn responses() -> Responses {
        problems(&[
            MALFORMED,
            UNAUTHORIZED,
            FORBIDDEN,
            NOT_FOUND,
            TOO_MANY,
            AWS,
            TIMEOUT,
        ])
    }
}

/// What a route answers that needs no token and reads.
pub(super) struct OpenReads;

impl IntoResponses for OpenReads {
    fn responses() -> Responses {
        problems(&[MALFORMED, UNAUTHORIZED, NOT_FOUND, TOO_MANY, AWS, TIMEOUT])
    }
}

/// What a route answers that turns maintenance on or off.
pub(super) struct Changes;

impl IntoResponses for Changes {
    fn responses() -> Responses {
        let mut all = Reads::responses();
        all.extend(problems(&[
            (
                409,
                "`owner`: another owner holds the window, or it was opened for another `product`; `owner` and \
                 `sinceUtc` say who and since when. \
                 `partial`: not everything is where it should be; `left` names what is not. `events_lost`: \
                 asynchronous events would be lost; `functions` names whose. `overlap`: the window would be open at the \
                 same time as `other`. `begun`: the window has begun.",
            ),
            (413, "`too_large`: the body is larger than the server takes."),
            (415, "`unsupported_media_type`: the body is not JSON."),
            (422, "`unprocessable`: the request is well-formed and cannot be carried out as it is."),
            (423, "`busy`: another operation is running; `holder` says whose."),
            (500, "`internal`: an error of the server, or something stored that it cannot read."),
        ]));
        all
    }
}
