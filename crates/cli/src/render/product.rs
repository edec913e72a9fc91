//! Sentences about a product, and about one app where others are at work as well.

use maintenance_flag::App;

use super::line::Line;
use crate::settings::ProductSettings;

/// `the product shop (Shop 2.4.1)`.
pub(super) fn title(product: &ProductSettings) -> String {
    let texts = [&product.title, &product.version].into_iter().flatten();
    let texts: Vec<&str> = texts.map(|text| text.value.as_str()).collect();
    match texts.is_empty() {
        true => format!("the product {}", product.id),
        false => format!("the product {} ({})", product.id, texts.join(" ")),
    }
}

/// A line of an app, which is named unless it stands alone or is named there.
pub(crate) fn of_app(line: String, app: Option<&App>) -> String {
    let Some(app) = app else {
        return line;
    };
    if line.contains(&format!("maintenance mode for {app}"))
        || line.contains(&format!("the lease of {app}"))
    {
        return line;
    }
    match line.strip_prefix("Warning: ") {
        Some(warning) => format!("Warning: {app}: {warning}"),
        None => format!("{app}: {line}"),
    }
}

impl Line {
    /// The line of an app, which is named unless it stands alone.
    pub(crate) fn of_app(self, app: Option<&App>) -> Self {
        match (app, self.label.as_str()) {
            (None, _) => self,
            (Some(app), "Warning:") => Self {
                text: format!(" {app}:{}", self.text),
                ..self
            },
            (Some(app), _) => Self {
                label: format!("{app}: {}", self.label),
                ..self
            },
        }
    }
}

/// Above the question, and what follows of each app.
pub(crate) fn will_enable_product(product: &ProductSettings) -> String {
    format!("Will enable maintenance mode for {}", title(product))
}

/// Above the status of each app.
pub(crate) fn product_status_heading(product: &ProductSettings, mode: &str) -> String {
    format!("Maintenance status for {}: {mode}", title(product))
}
