//! What an observer does, from its streak and the flags. Pure: every row is a test.
//!
//! | enough results in a row are | and of its roles | it |
//! |---|---|---|
//! | maintenance | one is held by a person, or has a flag that cannot be read | waits |
//! | maintenance | one was taken from it by force, and it has not seen normal since | waits |
//! | maintenance | one is held by another observer | reports the conflict, and does nothing else |
//! | maintenance | one is off | turns all on |
//! | maintenance | all are its own | nothing, unless it has not finished |
//! | normal | some are its own | turns those off |
//! | normal | none is | nothing |
//! | neither | | nothing |

use jiff::Timestamp;
use maintenance_control::State;
use maintenance_flag::{App, Flag, Owner, OwnerKind, Role, Verdict};

/// A role of what it acts on, as its flag has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoleNow<'a> {
    pub(super) app: &'a App,
    pub(super) role: &'a Role,
    pub(super) state: State,
    pub(super) flag: Option<&'a Flag>,
}

impl RoleNow<'_> {
    fn owner(&self) -> Option<&Owner> {
        self.flag?.owner.as_ref()
    }

    /// Whether the observer of this name opened its window.
    fn is_of(&self, observer: &str) -> bool {
        self.state == State::On && self.owner() == Some(&Owner::observer(observer))
    }

    /// When another than this observer changed it last, UTC.
    fn changed_by_other(&self, observer: &str) -> Option<Timestamp> {
        let flag = self.flag?;
        let own = Owner::observer(observer);
        let is_own = match self.state {
            State::On => flag.owner.as_ref() == Some(&own),
            // A window that has ended by itself still names its owner.
            _ => flag.owner.as_ref() == Some(&own) || flag.by.as_deref() == Some(observer),
        };
        flag.since.filter(|_| !is_own)
    }
}

/// What it knows of what it saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// What enough results in a row were; [`Verdict::Unknown`] if there are not enough.
    pub(super) confirmed: Verdict,
    /// When enough results in a row were normal last, UTC.
    pub(super) normal_at: Option<Timestamp>,
    /// What it began last has not ended well.
    pub(super) is_unfinished: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Nothing,
    /// Turn all roles on.
    On,
    /// Turn these roles off.
    Off(Vec<(App, Role)>),
    /// It would act, and does not, for this reason.
    Waits(String),
    /// Another observer is in its way.
    Conflict(String),
}

/// When another than this observer changed one of these roles last, UTC.
pub(super) fn changed_by_others(observer: &str, roles: &[RoleNow<'_>]) -> Option<Timestamp> {
    let changed = roles
        .iter()
        .filter_map(|role| role.changed_by_other(observer));
    changed.max()
}

pub(super) fn decide(observer: &str, known: Known, roles: &[RoleNow<'_>]) -> Decision {
    match known.confirmed {
        Verdict::Unknown => Decision::Nothing,
        Verdict::Normal => {
            let own = roles.iter().filter(|role| role.is_of(observer));
            let own: Vec<_> = own
                .map(|role| (role.app.clone(), role.role.clone()))
                .collect();
            match own.is_empty() {
                true => Decision::Nothing,
                false => Decision::Off(own),
            }
        }
        Verdict::Maintenance => on(observer, known, roles),
    }
}

fn on(observer: &str, known: Known, roles: &[RoleNow<'_>]) -> Decision {
    let mut conflict = None;
    let mut is_one_off = false;
    for now in roles {
        let place = format!("{} of {}", now.role, now.app);
        match now.state {
            State::Unknown | State::Malformed => {
                return Decision::Waits(format!("the flag of {place} cannot be read"));
            }
            State::Off if is_overridden(observer, known, now) => {
                let by = now.flag.and_then(|flag| flag.by.as_deref());
                return Decision::Waits(format!(
                    "{} took {place} out of maintenance by force: it stays so until all has been normal",
                    by.unwrap_or("a person")
                ));
            }
            State::Off => is_one_off = true,
            State::On if now.is_of(observer) => {}
            State::On => match now.owner() {
                Some(owner) if owner.kind == OwnerKind::Observer => {
                    let holder = &owner.name;
                    conflict = Some(format!("the observer {holder} holds {place}"));
                }
                owner => {
                    let holder = owner.map_or("a person", |owner| owner.name.as_str());
                    return Decision::Waits(format!("{holder} holds {place}"));
                }
            },
        }
    }
    match conflict {
        Some(conflict) => Decision::Conflict(conflict),
        None if is_one_off || (known.is_unfinished && !roles.is_empty()) => Decision::On,
        None => Decision::Nothing,
    }
}

/// Whether a person took it from this observer by force, and the observer has not seen that all is normal since.
fn is_overridden(observer: &str, known: Known, now: &RoleNow<'_>) -> bool {
    let Some(flag) = now.flag else {
        return false;
    };
    let is_own = flag.overrode.as_ref() == Some(&Owner::observer(observer));
    is_own && known.normal_at < flag.since
}

#[cfg(test)]
mod tests {
    use maintenance_flag::Mode;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn on_by(owner: Option<Owner>) -> (State, Flag) {
        let flag = Flag {
            owner,
            since: Some(at(10)),
            ..Flag::bare(Mode::On)
        };
        (State::On, flag)
    }

    fn off_by(by: &str, overrode: Option<Owner>) -> (State, Flag) {
        let flag = Flag {
            by: Some(by.to_owned()),
            since: Some(at(10)),
            overrode,
            ..Flag::off()
        };
        (State::Off, flag)
    }

    /// What `database` does, of whose roles these are the flags.
    fn decided(confirmed: Verdict, flags: &[(State, Flag)]) -> Decision {
        decided_if(confirmed, None, false, flags)
    }

    fn decided_if(
        confirmed: Verdict,
        normal_at: Option<Timestamp>,
        is_unfinished: bool,
        flags: &[(State, Flag)],
    ) -> Decision {
        let app = App::new("shop", "prod").unwrap();
        let roles = [Role::web(), Role::worker()];
        let now: Vec<_> = flags
            .iter()
            .zip(&roles)
            .map(|((state, flag), role)| RoleNow {
                app: &app,
                role,
                state: *state,
                flag: Some(flag),
            })
            .collect();
        let known = Known {
            confirmed,
            normal_at,
            is_unfinished,
        };
        decide("database", known, &now)
    }

    const M: Verdict = Verdict::Maintenance;
    const N: Verdict = Verdict::Normal;

    #[test]
    fn it_acts_on_what_is_its_own_or_nobodys_and_on_nothing_else() {
        let own = || on_by(Some(Owner::observer("database")));
        let other = || on_by(Some(Owner::observer("network")));
        let ana = || on_by(Some(Owner::manual("ana")));
        let by_hand = || on_by(None);
        let off = || off_by("ana", None);
        let unreadable = |state| (state, Flag::off());
        let waits = |why: &str| Decision::Waits(why.to_owned());
        let web = (App::new("shop", "prod").unwrap(), Role::web());
        for (confirmed, flags, expected) in [
            (M, [off(), off()], Decision::On),
            (M, [own(), off()], Decision::On),
            (M, [own(), own()], Decision::Nothing),
            (M, [ana(), off()], waits("ana holds web of shop-prod")),
            (M, [off(), ana()], waits("ana holds worker of shop-prod")),
            (M, [other(), ana()], waits("ana holds worker of shop-prod")),
            (
                M,
                [by_hand(), off()],
                waits("a person holds web of shop-prod"),
            ),
            (
                M,
                [other(), off()],
                Decision::Conflict("the observer network holds web of shop-prod".to_owned()),
            ),
            (
                M,
                [off(), unreadable(State::Malformed)],
                waits("the flag of worker of shop-prod cannot be read"),
            ),
            (
                M,
                [unreadable(State::Unknown), off()],
                waits("the flag of web of shop-prod cannot be read"),
            ),
            (N, [off(), off()], Decision::Nothing),
            (N, [ana(), other()], Decision::Nothing),
            (
                N,
                [by_hand(), unreadable(State::Unknown)],
                Decision::Nothing,
            ),
            (N, [own(), ana()], Decision::Off(vec![web.clone()])),
        ] {
            assert_eq!(
                decided(confirmed, &flags),
                expected,
                "{confirmed} {flags:?}"
            );
            // Unknown never changes anything.
            for is_unfinished in [false, true] {
                let unknown = decided_if(Verdict::Unknown, None, is_unfinished, &flags);
                assert_eq!(unknown, Decision::Nothing);
            }
        }
        assert_eq!(decided_if(M, None, true, &[own(), own()]), Decision::On);
        assert_eq!(decided_if(M, None, true, &[]), Decision::Nothing);
    }

    #[test]
    fn what_a_person_took_by_force_stays_theirs_until_all_has_been_normal() {
        let forced = || off_by("ana", Some(Owner::observer("database")));
        let of_other = || off_by("ana", Some(Owner::observer("network")));
        let decided = |normal_at, flag| decided_if(M, normal_at, false, &[flag]);
        assert!(
            matches!(decided(None, forced()), Decision::Waits(why) if why.starts_with("ana took web"))
        );
        assert!(matches!(decided(Some(at(5)), forced()), Decision::Waits(_)));
        assert_eq!(decided(Some(at(11)), forced()), Decision::On);
        assert_eq!(decided(None, of_other()), Decision::On);
    }

    #[test]
    fn its_own_changes_are_not_those_of_others() {
        let app = App::new("shop", "prod").unwrap();
        let changed = |(state, flag): (State, Flag)| {
            let role = RoleNow {
                app: &app,
                role: &Role::web(),
                state,
                flag: Some(&flag),
            };
            changed_by_others("database", &[role])
        };
        assert_eq!(changed(on_by(Some(Owner::observer("database")))), None);
        assert_eq!(changed(off_by("database", None)), None);
        assert_eq!(changed(on_by(Some(Owner::manual("ana")))), Some(at(10)));
        assert_eq!(
            changed(on_by(Some(Owner::observer("network")))),
            Some(at(10))
        );
        assert_eq!(changed(off_by("ana", None)), Some(at(10)));
        assert_eq!(changed((State::Off, Flag::off())), None);
    }
}
