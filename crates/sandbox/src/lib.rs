//! A strict local Parameter Store and Lambda control plane that speaks AWS's own protocols.
