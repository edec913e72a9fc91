//! Three ways to lose data, each known from a real tool, are caught within an ordinary run's cuts: who
//! breaks one of these promises in the product will see this harness fail.

use crate::crashes::cut_fleets;
use crate::wire::Broken;

/// As many cuts as an ordinary run makes.
const CUTS: usize = 600;

fn caught(broken: Broken) -> String {
    match cut_fleets(CUTS, false, Some(broken)) {
        Ok(cuts) => panic!("{broken:?} was not seen in {cuts} cuts"),
        Err(violation) => violation,
    }
}

#[test]
fn saving_after_touching_is_caught() {
    let violation = caught(Broken::SavesAfterTouching);
    assert!(violation.contains("is not as it was"), "{violation}");
}

#[test]
fn zero_for_unset_is_caught() {
    let violation = caught(Broken::ZeroForUnset);
    // Where provisioned concurrency does not fit a reservation of 0, `off` itself says so; and of a function
    // that somebody edited nothing does.
    let seen = ["is not as it was", "is not complete", "no report says so"];
    assert!(seen.iter().any(|it| violation.contains(it)), "{violation}");
}

#[test]
fn overwriting_on_the_second_on_is_caught() {
    let violation = caught(Broken::OverwritesOnSecondOn);
    // Of a function at 0 whose saved capacity is gone `off` itself says so.
    let seen = ["is not as it was", "is not complete"];
    assert!(seen.iter().any(|it| violation.contains(it)), "{violation}");
}
