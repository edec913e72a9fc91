//! The stores.

use std::path::Path;

use maintenance_control::{Clock, FileStore, SsmStore, Store};
use maintenance_sandbox::Sandbox;

use crate::support::{clients, start};

pub(crate) fn ssm(sandbox: &Sandbox) -> Store {
    Store::Ssm(SsmStore::new(
        clients(sandbox).ssm,
        Clock::virtual_from(start()),
    ))
}

pub(crate) fn file(folder: &Path) -> Store {
    Store::File(FileStore::new(folder.join("store")))
}
