//! The pages of all products, and of one.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use maintenance_control::describe;

use super::extract::PagePath;
use super::history;
use super::page::{Live, Page, Section, html};
use super::view::{Functions, Offers, ProductView};
use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedProduct;
use crate::problem::{Code, Problem};

#[derive(Template)]
#[template(path = "products.html")]
struct Products {
    page: Page,
    environments: Vec<(String, Vec<ProductView>)>,
}

/// `GET /`.
pub(super) async fn products(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Response {
    let visible = state.catalog.products();
    let visible = visible.filter(|product| caller.may_read(&product.id));
    let views = visible.map(|product| ProductView::new(&state, product));
    let mut environments: Vec<(String, Vec<ProductView>)> = Vec::new();
    for product in futures_util::future::join_all(views).await {
        match environments
            .iter_mut()
            .find(|(name, _)| *name == product.environment)
        {
            Some((_, products)) => products.push(product),
            None => environments.push((product.environment.clone(), vec![product])),
        }
    }
    let mut page = Page::new("Products", &caller).live(Live::Yes);
    page.section = Section::Products;
    html(StatusCode::OK, &Products { page, environments })
}

#[derive(Template)]
#[template(path = "product.html")]
struct Product {
    page: Page,
    it: ProductView,
    offers: Offers,
    /// The last transitions; none while they are being read.
    history: Vec<history::Row>,
    history_path: String,
}

/// `GET /products/{environment}/{product}`.
pub(super) async fn product(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    PagePath((environment, id)): PagePath<(String, String)>,
) -> Result<Response, Problem> {
    let product = find(&state, &caller, &environment, &id)?;
    let status = state.statuses.product(&product).await;
    let mut it = ProductView::of(&state, &status, Timestamp::now());
    let (history, ()) = tokio::join!(
        history::last_of(&state, &product),
        it.read_functions(&state, &product)
    );
    let offers = Offers::of(&status, &caller, it.at_work.is_some());
    let title = format!("{}: {}", it.title, it.mode);
    let is_at_work = it.at_work.is_some() || it.is_reading();
    let page = Page::new(title, &caller).live(if is_at_work { Live::Soon } else { Live::Yes });
    let product = Product {
        page,
        it,
        offers,
        history,
        history_path: history::path_of(&product),
    };
    Ok(html(StatusCode::OK, &product))
}

/// The product of this id, if it is of this environment and the caller may see it.
pub(super) fn find(
    state: &AppState,
    caller: &Caller,
    environment: &str,
    id: &str,
) -> Result<Arc<ManagedProduct>, Problem> {
    let product = state.catalog.product(environment, id);
    let product = product.filter(|product| caller.may_read(&product.id));
    product.cloned().ok_or_else(|| {
        let detail = format!("There is no product {id} in the environment {environment}, or your token is limited to others.");
        Problem::new(Code::NotFound, detail)
    })
}

/// The same, if the caller may also turn its maintenance on and off.
pub(super) fn find_to_change(
    state: &AppState,
    caller: &Caller,
    environment: &str,
    id: &str,
) -> Result<Arc<ManagedProduct>, Problem> {
    let product = find(state, caller, environment, id)?;
    caller.check_write(&product.id)?;
    Ok(product)
}
