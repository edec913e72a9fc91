//! The platform's facts about a request: source address, request id, and whether it is HTTP at all.
//! They come from request extensions or the event of the platform, which no client can set; never from a header.

use std::net::IpAddr;

use http::Extensions;

use crate::request::RequestHead;

/// The platform's facts about one request. Each may be missing.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    pub(crate) source_ip: Option<&'a str>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) kind: EventKind,
    pub(crate) raw_path: Option<&'a str>,
    pub(crate) stage: Option<&'a str>,
    /// Whether the request came through Lambda without its event: then its path cannot be trusted.
    pub(crate) is_opaque: bool,
    /// Whether the method in the event is not a valid one: then only a token lets the request pass.
    pub(crate) invalid_method: bool,
}

/// The kind of event behind a request.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// An HTTP request.
    #[default]
    Http,
    /// `$connect` of a WebSocket API.
    WebSocketConnect,
    /// `$disconnect`, or a message over a WebSocket. It cannot be answered with HTTP.
    WebSocketMessage,
    /// An event that lambda_http did not recognise and passes through as a body.
    #[cfg(feature = "lambda_http")]
    PassThrough,
}

impl EventKind {
    /// Returns the kind for `requestContext.eventType` of a WebSocket API.
    #[cfg(any(feature = "lambda", feature = "lambda_http"))]
    pub(crate) fn of_web_socket(event_type: Option<&str>) -> Self {
        match event_type {
            Some("CONNECT") => Self::WebSocketConnect,
            _ => Self::WebSocketMessage,
        }
    }
}

impl<'a> RequestContext<'a> {
    /// Reads the extensions of a request. `in_lambda`: whether this process is a Lambda function.
    pub(crate) fn of(extensions: &'a Extensions, in_lambda: bool) -> Self {
        #[cfg(feature = "lambda_http")]
        if let Some(context) = of_lambda_http(extensions) {
            return context;
        }
        Self {
            peer: peer(extensions),
            is_opaque: in_lambda,
            ..Self::default()
        }
    }

    /// Returns the client's address, if the platform names it.
    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        self.peer.or_else(|| self.source_ip?.parse().ok())
    }

    /// Returns the paths that a path rule may match: the one that the handler sees, and the same without the name of
    /// the stage, where the platform put that before it.
    ///
    /// `None`, so that no rule matches, if the handler and the platform see different paths, since a handler may use
    /// either: lambda_http resolves `/a/../b`, and a crafted `Host` header changes any path. So also for a request in
    /// Lambda whose event the gate cannot see, and for an event without a valid method.
    pub(crate) fn paths(&self, head: RequestHead<'a>) -> Option<(&'a str, &'a str)> {
        if self.kind != EventKind::Http || self.is_opaque || self.invalid_method {
            return None;
        }
        let path = head.uri.path();
        let raw = self.raw_path.filter(|raw| !raw.is_empty()).unwrap_or(path);
        let before = path.strip_suffix(raw)?;
        let stage = before.strip_prefix('/');
        (before.is_empty() || (stage.is_some() && stage == self.stage)).then_some((path, raw))
    }
}

/// Returns the peer of an axum server's connection.
#[cfg(feature = "axum")]
fn peer(extensions: &Extensions) -> Option<IpAddr> {
    use axum::extract::ConnectInfo;
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<std::net::SocketAddr>>()?;
    Some(peer.ip())
}

#[cfg(not(feature = "axum"))]
fn peer(_: &Extensions) -> Option<IpAddr> {
    None
}

#[cfg(feature = "lambda_http")]
fn of_lambda_http(extensions: &Extensions) -> Option<RequestContext<'_>> {
    use lambda_http::RequestExt;
    use lambda_http::request::RequestContext as Lambda;

    let event = extensions.get::<Lambda>()?;
    let mut context = RequestContext {
        raw_path: Some(extensions.raw_http_path()),
        ..RequestContext::default()
    };
    let request_id = match event {
        Lambda::ApiGatewayV1(event) => {
            context.source_ip = event.identity.source_ip.as_deref();
            context.stage = event.stage.as_deref();
            event.request_id.as_deref()
        }
        Lambda::ApiGatewayV2(event) => {
            context.source_ip = event.http.source_ip.as_deref();
            context.stage = event.stage.as_deref();
            event.request_id.as_deref()
        }
        Lambda::WebSocket(event) => {
            context.source_ip = event.identity.source_ip.as_deref();
            context.kind = EventKind::of_web_socket(event.event_type.as_deref());
            event.request_id.as_deref()
        }
        // A load balancer gives neither address nor id.
        Lambda::Alb(_) => None,
        other => {
            if is_pass_through(other) {
                context.kind = EventKind::PassThrough;
            }
            None
        }
    };
    context.request_id = request_id.or_else(|| {
        let invocation = extensions.lambda_context_ref()?;
        Some(invocation.request_id.as_str())
    });
    Some(context)
}

/// Whether lambda_http passes an event through because it recognised no request in it. That variant
/// serializes as null. To name it here would turn on the feature `pass_through` for the app, too.
#[cfg(feature = "lambda_http")]
fn is_pass_through(context: &lambda_http::request::RequestContext) -> bool {
    serde_json::to_value(context).is_ok_and(|written| written.is_null())
}
