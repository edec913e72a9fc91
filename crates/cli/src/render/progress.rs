//! The progress of an operation, in words. Pure; `progress` decides when and where it is shown.

use std::time::Duration;

use maintenance_control::describe::duration;
pub(crate) use maintenance_control::describe::waiting;
use maintenance_control::{Action, Unanswered};
use maintenance_flag::{App, Role};

/// The work on the functions of a role, and of an app where others are at work as well.
pub(crate) fn at_work(action: Action, role: &Role, app: Option<&App>) -> String {
    let verb = match action {
        Action::On => "Pausing",
        Action::Off => "Restoring",
    };
    format!("{verb} {}", functions_of(Some((role, app))))
}

/// Before anything of a role, or of several, is changed.
pub(crate) fn reading(of: Option<(&Role, Option<&App>)>) -> String {
    format!("Reading {}", functions_of(of))
}

/// While AWS does not answer, or what provides the credentials does not.
pub(crate) fn unanswered(call: &Unanswered) -> String {
    let (call, seconds, is_sent) = (&call.call, call.time.as_secs(), call.is_sent);
    match is_sent {
        true => format!("AWS has not answered {call} for {seconds} s"),
        false => format!("waiting for AWS credentials to call {call} for {seconds} s"),
    }
}

/// Before it is known how many there are.
pub(crate) fn listing(of: Option<(&Role, Option<&App>)>) -> String {
    format!("Listing {}", functions_of(of))
}

fn functions_of(of: Option<(&Role, Option<&App>)>) -> String {
    match of {
        None => "functions".to_owned(),
        Some((role, None)) => format!("{role} functions"),
        Some((role, Some(app))) => format!("{role} functions of {app}"),
    }
}

/// While code that had begun may still be running.
pub(crate) fn draining(left: Duration) -> String {
    format!("Draining: {} left", duration(left))
}

/// How fast it goes, functions a second, and how long it will take still.
pub(crate) fn throughput(per_second: f64, left: Duration) -> String {
    // A few a minute are not "0.0/s".
    let rate = if per_second < 0.95 {
        format!("{:.1}/min", per_second * 60.0)
    } else {
        format!("{per_second:.1}/s")
    };
    if left.is_zero() || left > LONGEST {
        return rate;
    }
    format!("{rate}, {} left", duration(left))
}

/// A longer estimate comes from a rate that is next to nothing, and says nothing.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Instead of a rate.
pub(crate) fn nothing_finished(idle: Duration) -> String {
    format!("nothing finished for {}", duration(whole(idle)))
}

/// A wait, how long it has taken, and when each thing is given up.
pub(crate) fn for_so_long(waiting: String, so_long: Duration, longest: Option<Duration>) -> String {
    let given_up = longest.map_or_else(String::new, |longest| {
        format!(" (each is given up after {})", duration(longest))
    });
    match whole(so_long) {
        Duration::ZERO => waiting,
        so_long => format!("{waiting}, for {}{given_up}", duration(so_long)),
    }
}

/// Without the part of a second that has begun.
fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_told_in_numbers_that_say_something() {
        let seconds = Duration::from_secs;
        assert_eq!(throughput(9.84, seconds(90)), "9.8/s, 1 min 30 s left");
        assert_eq!(throughput(0.1, seconds(30)), "6.0/min, 30 s left");
        assert_eq!(throughput(10.0, Duration::ZERO), "10.0/s");
        assert_eq!(throughput(0.1, Duration::MAX), "6.0/min");
    }

    #[test]
    fn what_is_waited_for_says_how_long_already_and_when_it_is_given_up() {
        let most = Some(Duration::from_secs(300));
        let told = |ms| for_so_long("waiting for A".to_owned(), Duration::from_millis(ms), most);
        assert_eq!(told(900), "waiting for A");
        assert_eq!(
            told(61_900),
            "waiting for A, for 1 min 1 s (each is given up after 5 min)"
        );
    }
}
