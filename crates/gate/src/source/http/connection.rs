//! A connection, and an exchange over it.
//!
//! It is driven by whoever waits for the exchange, not by a task of its own: between two exchanges
//! nothing happens, as in a frozen environment, and a dropped exchange leaves nothing behind.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::source::BoxError;
use crate::source::reason::chain;

/// The largest head and the largest body of an answer, in bytes. A flag is 4,096 bytes at most, and
/// six times that if JSON has to escape every byte of it.
const MAX_BYTES: usize = 65_536;

/// What is sent.
pub(crate) type Request = http::Request<Full<Bytes>>;

/// What comes back, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// What a connection runs over, with TLS or without. Behind a pointer, so that all of HTTP is compiled
/// once for both.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Connection {
    pub(super) async fn over(stream: Box<dyn Stream>) -> Result<Self, BoxError> {
        let (sender, driver) = Builder::new()
            .max_buf_size(MAX_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self {
            sender,
            // Its error is the exchange's, too.
            driver: Box::pin(async move { drop(driver.await) }),
        })
    }

    /// One exchange; and the connection, if another one may follow.
    pub(super) async fn exchange(
        mut self,
        request: Request,
    ) -> Result<(Answer, Option<Self>), BoxError> {
        let mut closed = false;
        let answer = {
            let mut asking = pin!(ask(&mut self.sender, request));
            let driver = &mut self.driver;
            poll_fn(|cx| {
                closed = closed || driver.as_mut().poll(cx).is_ready();
                asking.as_mut().poll(cx)
            })
            .await?
        };
        if !closed {
            let driver = &mut self.driver;
            closed = poll_fn(|cx| Poll::Ready(driver.as_mut().poll(cx).is_ready())).await;
        }
        Ok((answer, (!closed).then_some(self)))
    }
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, request: Request) -> Result<Answer, BoxError> {
    sender.ready().await.map_err(|error| chain(&error))?;
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| chain(&error))?;
    let (head, mut incoming) = response.into_parts();
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|error| chain(&error))?.into_data() else {
            continue;
        };
        if body.len().saturating_add(data.len()) > MAX_BYTES {
            return Err(format!("an answer of more than {MAX_BYTES} bytes").into());
        }
        body.extend_from_slice(&data);
    }
    Ok(Answer {
        status: head.status,
        body: body.freeze(),
    })
}
