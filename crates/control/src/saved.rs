//! What is saved of a role: read from all its windows, and added to, never changed.

use std::collections::{BTreeMap, BTreeSet};

use maintenance_flag::{
    Capacity, CapacityDoc, DecodeError, Parameters, Reserved, Role, WindowId, pack,
};

use crate::error::Error;
use crate::fence::Fence;
use crate::lease::LeaseGuard;
use crate::store::{Created, Store, StoreError, Stored};

/// Everything saved for a role.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// What each function had, by name.
    pub(crate) functions: BTreeMap<String, Capacity>,
    /// The parameters it is in, oldest first.
    pub(crate) documents: Vec<Document>,
    /// Parameters that cannot be read.
    pub(crate) unreadable: Vec<(String, DecodeError)>,
    /// The windows and numbers of all of them, and of those that are missing.
    pub(crate) numbers: BTreeSet<(WindowId, u32)>,
    /// The functions that `invoke` marked: a reservation of 1 on one of them is ours.
    invoking: BTreeSet<String>,
    /// What the operation before left, and is not there any more: it was deleted.
    pub(crate) deleted: BTreeSet<(WindowId, u32)>,
    /// What this operation saved, by function.
    fresh: BTreeMap<String, Fresh>,
    /// A write that failed may have taken effect all the same.
    is_unsure: bool,
}

/// What this operation saved of a function. While it has not touched such a setting, what another client
/// makes of it is what the function has.
#[derive(Debug, Default)]
struct Fresh {
    reserved: bool,
    provisioned: BTreeSet<String>,
    mappings: BTreeSet<String>,
}

/// One parameter of saved capacity.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) origin: String,
    /// The functions in it that can be read.
    pub(crate) functions: Vec<String>,
    /// Not all of it can be read.
    pub(crate) is_damaged: bool,
    /// It marks its one function, which `invoke` lets run, and holds nothing that is restored.
    is_mark: bool,
    n: u32,
    window: WindowId,
}

impl Document {
    /// Its window and number.
    pub(crate) fn number(&self) -> (WindowId, u32) {
        (self.window.clone(), self.n)
    }
}

impl Saved {
    /// What is saved for a role in all windows, of all that is saved: one whose flag was set by hand
    /// may have left some behind.
    pub(crate) fn of_role(names: &Parameters, role: &Role, all: &[(String, Stored)]) -> Self {
        let theirs = all
            .iter()
            .filter(|(name, _)| names.parse_role(name).as_ref() == Some(role));
        Self::of(names, role, theirs.cloned())
    }

    /// Notes that this was left by the operation before, and is not there.
    pub(crate) fn misses(&mut self, left: &BTreeSet<(WindowId, u32)>) {
        self.deleted = left.difference(&self.numbers).cloned().collect();
        self.numbers.extend(self.deleted.iter().cloned());
    }

    /// What the last of several looks found, and what only earlier ones did. A read that lags hides what is
    /// there, or shows what is gone: of a function that was not at zero when a window of the last look saved
    /// it, no other window counts, since that one had been restored by then.
    pub(crate) fn recall(
        names: &Parameters,
        role: &Role,
        last: BTreeMap<String, Stored>,
        earlier: BTreeMap<String, Stored>,
    ) -> Self {
        if earlier.is_empty() {
            return Self::of(names, role, last);
        }
        let newest = Self::of(names, role, last.clone());
        let is_restored_since = |window: &WindowId, function: &String| {
            let known = newest.functions.get(function);
            let mut naming = newest
                .documents
                .iter()
                .filter(|it| it.functions.contains(function));
            known.is_some_and(|it| it.reserved != Reserved::Limit(0))
                && naming.all(|document| document.window != *window)
        };
        let mut all = earlier;
        all.extend(last.clone());
        Self::of_what_counts(names, role, all, |name, window, function| {
            last.contains_key(name) || !is_restored_since(window, function)
        })
    }

    /// What these parameters say, which were found where a role's are.
    fn of(
        names: &Parameters,
        role: &Role,
        listed: impl IntoIterator<Item = (String, Stored)>,
    ) -> Self {
        Self::of_what_counts(names, role, listed, |_, _, _| true)
    }

    fn of_what_counts(
        names: &Parameters,
        role: &Role,
        listed: impl IntoIterator<Item = (String, Stored)>,
        counts: impl Fn(&str, &WindowId, &String) -> bool,
    ) -> Self {
        let mut saved = Self::default();
        let mut found = Vec::new();
        for (name, stored) in listed {
            let parsed = names.parse_capacity(role, &name);
            saved.numbers.extend(parsed.clone());
            match (parsed, CapacityDoc::decode_entries(&stored.value)) {
                (Some((window, n)), Ok((document, unreadable))) => {
                    let is_damaged = !unreadable.is_empty();
                    let unreadable = unreadable.into_values();
                    let unreadable = unreadable.map(|error| (name.clone(), error));
                    saved.unreadable.extend(unreadable);
                    found.push((window, n, name, document, is_damaged));
                }
                (Some(_), Err(error)) => saved.unreadable.push((name, error)),
                // Not a name of ours: nothing that we saved.
                (None, _) => tracing::warn!(%name, "unexpected parameter among saved capacity"),
            }
        }
        // Oldest first, so that what was saved first counts.
        found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        for (window, n, name, mut document, is_damaged) in found {
            document
                .functions
                .retain(|function, _| counts(&name, &window, function));
            document.invoking = document
                .invoking
                .filter(|function| counts(&name, &window, function));
            saved.add(window, n, name, document, is_damaged);
        }
        saved
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.unreadable.is_empty()
    }

    /// The functions that are saved, for any role.
    pub(crate) fn functions_in(all: &[(String, Stored)]) -> BTreeSet<String> {
        let documents = all
            .iter()
            .filter_map(|(_, stored)| CapacityDoc::decode_entries(&stored.value).ok());
        documents
            .flat_map(|(document, _)| document.functions.into_keys())
            .collect()
    }

    /// Whether a write that failed may have taken effect all the same: then more may be saved than is
    /// known.
    pub(crate) fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Whether this operation saved the reservation of a function.
    pub(crate) fn is_fresh_reserved(&self, function: &str) -> bool {
        self.fresh.get(function).is_some_and(|fresh| fresh.reserved)
    }

    /// Whether this operation saved what is provisioned on a qualifier of a function.
    pub(crate) fn is_fresh_provisioned(&self, function: &str, qualifier: &str) -> bool {
        let fresh = self.fresh.get(function);
        fresh.is_some_and(|fresh| fresh.provisioned.contains(qualifier))
    }

    /// Whether this operation saved a mapping of a function.
    pub(crate) fn is_fresh_mapping(&self, function: &str, uuid: &str) -> bool {
        let fresh = self.fresh.get(function);
        fresh.is_some_and(|fresh| fresh.mappings.contains(uuid))
    }

    /// Adds a document. What an earlier one says of a function stands, unless this one replaces it; a later
    /// one may add qualifiers and mappings that the function got in between.
    fn add(
        &mut self,
        window: WindowId,
        n: u32,
        name: String,
        document: CapacityDoc,
        is_damaged: bool,
    ) {
        let functions = document.functions.keys();
        let functions = functions.chain(&document.invoking).cloned().collect();
        self.numbers.insert((window.clone(), n));
        let origin = document.origin;
        self.documents.push(Document {
            name,
            origin,
            functions,
            is_damaged,
            is_mark: document.invoking.is_some(),
            n,
            window,
        });
        self.invoking.extend(document.invoking);
        for (function, capacity) in document.functions {
            match self.functions.get_mut(&function) {
                Some(known) if !document.replaces.contains(&function) => {
                    for (qualifier, wanted) in capacity.provisioned {
                        known.provisioned.entry(qualifier).or_insert(wanted);
                    }
                    for uuid in capacity.mappings {
                        if !known.mappings.contains(&uuid) {
                            known.mappings.push(uuid);
                        }
                    }
                }
                _ => {
                    self.functions.insert(function, capacity);
                }
            }
        }
    }

    /// Whether `invoke` marked a function, so that a reservation of 1 on it is ours.
    pub(crate) fn is_invoking(&self, function: &str) -> bool {
        self.invoking.contains(function)
    }

    /// The functions that `invoke` marked.
    pub(crate) fn invoking(&self) -> impl Iterator<Item = &String> {
        self.invoking.iter()
    }

    /// The names of the marks of these functions.
    pub(crate) fn marks(&self, functions: &BTreeSet<&str>) -> Vec<String> {
        let marks = self.documents.iter().filter(|document| {
            let mut marked = document.functions.iter();
            document.is_mark && marked.all(|function| functions.contains(function.as_str()))
        });
        marks.map(|document| document.name.clone()).collect()
    }

    /// Deletes the marks of these functions.
    ///
    /// What is reserved for them must have shown to be what it is for [`LAG`](crate::fleet::LAG): a later read
    /// that lags would take our 1 for another client's.
    pub(crate) async fn unmark(
        &mut self,
        store: &Store,
        functions: &BTreeSet<&str>,
        fence: &Fence,
    ) -> Result<(), StoreError> {
        let names = self.marks(functions);
        let deleted = store.delete(&names, Some(fence)).await;
        self.is_unsure |= deleted.is_err();
        deleted?;
        let (gone, kept) = std::mem::take(&mut self.documents)
            .into_iter()
            .partition(|document| names.contains(&document.name));
        self.documents = kept;
        for document in Vec::<Document>::from_iter(gone) {
            self.numbers.remove(&document.number());
        }
        self.invoking.retain(|it| !functions.contains(it.as_str()));
        Ok(())
    }

    /// Marks a function that `invoke` is about to reserve 1 for. Nothing that exists is overwritten.
    pub(crate) async fn mark(
        &mut self,
        place: Place<'_>,
        origin: &str,
        function: &str,
        fence: &Fence,
    ) -> Result<(), Error> {
        loop {
            let mark = CapacityDoc::invoking(origin, function);
            if self.create(place, mark, fence).await? {
                return Ok(());
            }
        }
    }

    /// What of `capacities` is not saved yet: whole functions, or what saved ones got since.
    pub(crate) fn not_yet_saved(
        &self,
        capacities: &BTreeMap<String, Capacity>,
    ) -> BTreeMap<String, Capacity> {
        let mut missing = BTreeMap::new();
        for (function, capacity) in capacities {
            let Some(known) = self.functions.get(function) else {
                missing.insert(function.clone(), capacity.clone());
                continue;
            };
            let mut more = Capacity {
                reserved: known.reserved,
                ..capacity.clone()
            };
            more.provisioned
                .retain(|qualifier, _| !known.provisioned.contains_key(qualifier));
            more.mappings.retain(|uuid| !known.mappings.contains(uuid));
            if !more.provisioned.is_empty() || !more.mappings.is_empty() {
                missing.insert(function.clone(), more);
            }
        }
        missing
    }

    /// Saves what of `capacities` is not saved yet, in as few parameters as hold it. Nothing that
    /// exists is overwritten: a parameter that our reading missed is read now, and counts.
    pub(crate) async fn save(
        &mut self,
        place: Place<'_>,
        origin: &str,
        capacities: &BTreeMap<String, Capacity>,
        fence: &Fence,
    ) -> Result<(), Error> {
        loop {
            let missing = self.not_yet_saved(capacities);
            let Some(document) = pack(origin, missing)?.into_iter().next() else {
                return Ok(());
            };
            let new: Vec<_> = document.functions.clone().into_iter().collect();
            let known: BTreeSet<String> = self.functions.keys().cloned().collect();
            if self.create(place, document, fence).await? {
                for (function, capacity) in new {
                    let is_new = !known.contains(&function);
                    let fresh = self.fresh.entry(function).or_default();
                    fresh.reserved |= is_new;
                    fresh.provisioned.extend(capacity.provisioned.into_keys());
                    fresh.mappings.extend(capacity.mappings);
                }
            }
        }
    }

    /// Saves anew what a function has that this operation saved and did not touch: another client has
    /// changed it since. The earlier document stays, and the later one replaces what it says.
    pub(crate) async fn save_anew(
        &mut self,
        place: Place<'_>,
        origin: &str,
        function: &str,
        capacity: &Capacity,
        fence: &Fence,
    ) -> Result<(), Error> {
        while self.functions.get(function) != Some(capacity) {
            let document = CapacityDoc::replacing(origin, function, capacity.clone())?;
            self.create(place, document, fence).await?;
        }
        Ok(())
    }

    /// Creates the next document of a window; whether it is ours, and not one that our reading missed: that
    /// is read now, and counts.
    async fn create(
        &mut self,
        place: Place<'_>,
        document: CapacityDoc,
        fence: &Fence,
    ) -> Result<bool, Error> {
        // Of this operation's own numbers: a larger one was made by hand.
        let own = place.first..=place.first.saturating_add(LeaseGuard::DOCUMENTS);
        let numbers = self.numbers.iter();
        let numbers = numbers.filter(|(window, n)| window == place.window && own.contains(n));
        let newest = numbers.map(|(_, n)| *n).max().unwrap_or(place.first);
        let n = newest.saturating_add(1);
        let name = place.names.capacity(place.role, place.window, n);
        let created = place
            .store
            .create(&name, &document.encode(), Some(fence))
            .await;
        self.is_unsure |= created.is_err();
        let (document, is_ours) = match created? {
            Created::New => (document, true),
            Created::Exists(stored) => {
                let document =
                    CapacityDoc::decode(&stored.value).map_err(|source| Error::Unreadable {
                        name: name.clone(),
                        source,
                    })?;
                (document, false)
            }
        };
        self.add(place.window.clone(), n, name, document, false);
        Ok(is_ours)
    }
}

/// Where to save.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) store: &'a Store,
    pub(crate) names: &'a Parameters,
    pub(crate) role: &'a Role,
    pub(crate) window: &'a WindowId,
    /// The number after which this operation's documents are numbered.
    pub(crate) first: u32,
}
