//! What to do about a flag that would be too large. How large it may be is decided in the flag's own crate.

use maintenance_flag::{NoRoom, Part};

/// Which options to shorten so that a flag fits or, where what is stored takes the room, what to do
/// about that.
pub(super) fn hint(name: &str, refused: &NoRoom) -> String {
    let options: Vec<String> = refused
        .options()
        .filter_map(|(part, bytes)| {
            let option = match part {
                Part::Observer => "--observer",
                Part::Reason => "--reason",
                Part::Message => "--message",
                Part::Addresses => "--allow-ip",
                Part::Paths => "--allow-path",
                _ => return None,
            };
            Some(format!("{option} ({bytes} bytes)"))
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
