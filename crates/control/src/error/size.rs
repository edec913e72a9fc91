//! What to do about a flag that would be too large. How large it may be is decided in the flag's own crate.

use maintenance_flag::TooLarge;

/// Which options to shorten so that a flag fits or, where stored fields are too large, what to do
/// about them.
pub(super) fn hint(name: &str, refused: &TooLarge) -> String {
    let options: Vec<String> = refused
        .options()
        .filter_map(|field| {
            let option = match field.name.as_str() {
                "owner" => "--observer",
                "reason" => "--reason",
                "message" => "--message",
                "bypass.addresses" => "--allow-ip",
                "bypass.paths" => "--allow-path",
                _ => return None,
            };
            Some(format!("{option} ({} bytes)", field.bytes))
        })
        .collect();
    let over = refused.bytes.saturating_sub(refused.most);
    if refused.is_of_options() {
        return format!(
            "take {over} bytes away from {}, or from the role's keys in maintenance.toml",
            options.join(" or ")
        );
    }
    format!(
        "take {over} bytes away from {name} by hand, or store the word off there; then run the same command again"
    )
}
