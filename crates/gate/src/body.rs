//! A response body that is the app's or the gate's page, whatever the app's is.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

pin_project_lite::pin_project! {
    /// The body of a response that came through the gate.
    #[derive(Debug)]
    pub struct GateBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project_lite::pin_project! {
    #[derive(Debug)]
    #[project = KindProj]
    enum Kind<B> {
        App { #[pin] body: B },
        Page { page: Bytes },
    }
}

impl<B> GateBody<B> {
    pub(crate) fn app(body: B) -> Self {
        Self {
            kind: Kind::App { body },
        }
    }

    pub(crate) fn page(page: Bytes) -> Self {
        Self {
            kind: Kind::Page { page },
        }
    }
}

impl<B: Body<Data = Bytes>> Body for GateBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::App { body } => body.poll_frame(cx),
            KindProj::Page { page } => {
                let page = std::mem::take(page);
                Poll::Ready((!page.is_empty()).then(|| Ok(Frame::data(page))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::App { body } => body.is_end_stream(),
            Kind::Page { page } => page.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::App { body } => body.size_hint(),
            Kind::Page { page } => {
                SizeHint::with_exact(u64::try_from(page.len()).unwrap_or(u64::MAX))
            }
        }
    }
}
