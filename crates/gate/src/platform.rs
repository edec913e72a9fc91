//! What the platform says of a request, as against what its sender says: where it came from, which id
//! it has, whether it is an event of a WebSocket. Only extensions are read here, which no client can
//! set; never a header.

use std::net::IpAddr;

use http::Extensions;

use crate::asked::Asked;

/// What is said of one request. Everything may be missing.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Platform<'a> {
    source_ip: Option<&'a str>,
    peer: Option<IpAddr>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) socket: Socket,
    raw_path: Option<&'a str>,
    stage: Option<&'a str>,
}

/// What a request is to a WebSocket API.
#[cfg_attr(
    not(any(feature = "lambda", feature = "lambda_http")),
    expect(dead_code, reason = "only AWS says so of a request")
)]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// Nothing: it is plain HTTP.
    #[default]
    None,
    /// It asks to open a connection.
    Connect,
    /// A message over an open connection, or the end of one; or nothing of a request at all. No answer
    /// to it is HTTP.
    Open,
}

impl Socket {
    /// By `requestContext.eventType` of a WebSocket API.
    #[cfg(any(feature = "lambda", feature = "lambda_http"))]
    pub(crate) fn of(event_type: Option<&str>) -> Self {
        match event_type {
            Some("CONNECT") => Self::Connect,
            _ => Self::Open,
        }
    }
}

/// The request context of an event that a plain handler got, kept beside the request made of it.
#[cfg(feature = "lambda")]
#[derive(Debug, Default, Clone)]
pub(crate) struct EventContext {
    pub(crate) source_ip: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) socket: Socket,
}

impl<'a> Platform<'a> {
    /// What the extensions of a request say.
    pub(crate) fn of(extensions: &'a Extensions) -> Self {
        #[cfg(feature = "lambda")]
        if let Some(context) = extensions.get::<EventContext>() {
            return Self {
                source_ip: context.source_ip.as_deref(),
                request_id: context.request_id.as_deref(),
                socket: context.socket,
                ..Self::default()
            };
        }
        #[cfg(feature = "lambda_http")]
        if let Some(platform) = lambda_http(extensions) {
            return platform;
        }
        #[cfg(feature = "axum")]
        if let Some(axum::extract::ConnectInfo(peer)) =
            extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>()
        {
            return Self {
                peer: Some(peer.ip()),
                ..Self::default()
            };
        }
        let _ = extensions;
        Self::default()
    }

    /// The client's address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.peer.or_else(|| self.source_ip?.parse().ok())
    }

    /// The paths by which a rule may name a request: as the handler sees it and, where the platform
    /// put the name of its stage before it, as it was without. None if the two differ by anything else:
    /// then the path was changed on the way here, as lambda_http changes `/a/../b`, or any path by a
    /// `Host` header that has a part of one in it. A handler may go by either.
    pub(crate) fn paths(&self, asked: Asked<'a>) -> Option<(&'a str, &'a str)> {
        // A WebSocket has no path.
        if self.socket != Socket::None {
            return None;
        }
        let path = asked.uri.path();
        let raw = self.raw_path.filter(|raw| !raw.is_empty()).unwrap_or(path);
        let before = path.strip_suffix(raw)?;
        let stage = before.strip_prefix('/');
        (before.is_empty() || (stage.is_some() && stage == self.stage)).then_some((path, raw))
    }
}

/// What lambda_http says.
#[cfg(feature = "lambda_http")]
fn lambda_http(extensions: &Extensions) -> Option<Platform<'_>> {
    use lambda_http::RequestExt;
    use lambda_http::request::RequestContext;

    let context = extensions.get::<RequestContext>()?;
    let raw_path = Some(extensions.raw_http_path());
    let mut platform = Platform {
        raw_path,
        ..Platform::default()
    };
    let request_id = match context {
        RequestContext::ApiGatewayV1(context) => {
            platform.source_ip = context.identity.source_ip.as_deref();
            platform.stage = context.stage.as_deref();
            context.request_id.as_deref()
        }
        RequestContext::ApiGatewayV2(context) => {
            platform.source_ip = context.http.source_ip.as_deref();
            platform.stage = context.stage.as_deref();
            context.request_id.as_deref()
        }
        RequestContext::WebSocket(context) => {
            platform.source_ip = context.identity.source_ip.as_deref();
            platform.socket = Socket::of(context.event_type.as_deref());
            context.request_id.as_deref()
        }
        // A load balancer says neither.
        RequestContext::Alb(_) => None,
        other => {
            if is_no_request(other) {
                platform.socket = Socket::Open;
            }
            None
        }
    };
    platform.request_id = request_id.or_else(|| {
        let invocation = extensions.lambda_context_ref()?;
        Some(invocation.request_id.as_str())
    });
    Some(platform)
}

/// Whether this is the context of an event that lambda_http hands through since it is no request. It is
/// recognised by how it is written, as nothing: its name is there only with the feature `pass_through`,
/// which would be turned on for the app, too.
#[cfg(feature = "lambda_http")]
fn is_no_request(context: &lambda_http::request::RequestContext) -> bool {
    serde_json::to_value(context).is_ok_and(|written| written.is_null())
}
