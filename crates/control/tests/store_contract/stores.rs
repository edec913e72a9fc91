//! The stores.

use std::path::Path;

use maintenance_control::{FileStore, SsmStore, Store};
use maintenance_sandbox::Sandbox;

use crate::support::clients;

pub(crate) fn ssm(sandbox: &Sandbox) -> Store {
    Store::Ssm(SsmStore::new(clients(sandbox).ssm))
}

pub(crate) fn file(folder: &Path) -> Store {
    Store::File(FileStore::new(folder.join("store")))
}
