//! Where asynchronous events go that fail: the on-failure destinations, of a function and of its
//! qualifiers.

use serde_json::{Value, json};

use crate::clock::epoch_seconds;
use crate::error::ApiResult;
use crate::lambda::functions::find;
use crate::lambda::listing;
use crate::lambda::names::{FunctionRef, function_arn};
use crate::lambda::state::{EventInvoke, LambdaState};
use crate::wire::{Incoming, Reply};
use crate::world::Context;

const PAGE: usize = 50;

fn show(context: &Context<'_>, function: &str, qualifier: &str, config: &EventInvoke) -> Value {
    json!({
        "LastModified": epoch_seconds(config.modified),
        "FunctionArn": function_arn(context.settings, function, Some(qualifier)),
        "DestinationConfig": {
            "OnSuccess": {},
            "OnFailure": { "Destination": config.on_failure },
        },
    })
}

pub(crate) fn list(
    state: &mut LambdaState,
    context: &Context<'_>,
    request: &Incoming,
) -> ApiResult<Reply> {
    let name = FunctionRef::parse(request.segment(0), context.settings)?;
    let function = find(state, context, &name)?;
    let listed = function
        .event_invoke
        .iter()
        .map(|(qualifier, config)| show(context, &name.name, qualifier, config));
    let page = listing::page(request, listed, PAGE, PAGE)?;
    Ok(Reply::json(200, &page.body("FunctionEventInvokeConfigs")))
}
