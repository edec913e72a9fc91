//! The style sheet and the script, each at an address that changes with its content, so that a browser may
//! keep it for ever.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header;
use sha2::{Digest, Sha256};

use super::extract::{PagePath, nothing_here};

/// A file that pages refer to.
pub(super) struct Asset {
    /// Its path: `/assets/console-0123456789ab.css`.
    pub(super) path: String,
    media_type: &'static str,
    content: &'static str,
}

pub(super) static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../../assets/console.css");
    Asset::new("css", "text/css; charset=utf-8", content)
});

pub(super) static JS: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("../../assets/console.js");
    Asset::new("js", "text/javascript; charset=utf-8", content)
});

impl Asset {
    fn new(extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let hash = Sha256::digest(content);
        let hash: String = hash
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            path: format!("/assets/console-{hash}.{extension}"),
            media_type,
            content,
        }
    }
}

/// `GET /assets/{name}`.
pub(super) async fn asset(PagePath(name): PagePath<String>) -> Response {
    let is_it = |asset: &&Asset| asset.path.strip_prefix("/assets/") == Some(name.as_str());
    let Some(asset) = [&*CSS, &*JS].into_iter().find(is_it) else {
        return nothing_here().into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.content).into_response()
}
