//! Saves the state to a directory, and loads it again.
//!
//! It saves the account: parameters, functions, mappings. Settings, faults, the call log and rate limits are
//! not saved.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lambda::LambdaState;
use crate::sandbox::Sandbox;
use crate::settings::Settings;
use crate::ssm::SsmState;

/// The file's name.
const FILE: &str = "sandbox.json";
/// The format this version writes.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Saved<'a> {
    schema: u32,
    ssm: &'a SsmState,
    lambda: &'a LambdaState,
}

#[derive(Deserialize)]
struct Loaded {
    ssm: SsmState,
    lambda: LambdaState,
}

#[derive(Deserialize)]
struct Envelope {
    schema: u32,
}

/// The state could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is none in the directory.
    #[error("there is no saved sandbox at {}", .0.display())]
    Missing(PathBuf),
    /// The file system refused.
    #[error("cannot use the saved sandbox at {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a saved sandbox.
    #[error("the saved sandbox at {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A later version of this program wrote it.
    #[error("the saved sandbox at {} has schema {schema}; this version reads up to {SCHEMA}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
    },
}

impl Sandbox {
    /// Saves the state as `sandbox.json` in a directory, which is made if it is not there. The file
    /// is replaced as a whole or not at all.
    ///
    /// # Errors
    /// [`StateError::Io`].
    pub fn save(&self, directory: &Path) -> Result<(), StateError> {
        let path = directory.join(FILE);
        let text = {
            let state = self.state();
            serde_json::to_vec_pretty(&Saved {
                schema: SCHEMA,
                ssm: &state.ssm,
                lambda: &state.lambda,
            })
        };
        let write = |text: Vec<u8>| {
            fs::create_dir_all(directory)?;
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        text.map_err(io::Error::other)
            .and_then(write)
            .map_err(|source| StateError::Io {
                path: path.clone(),
                source,
            })
    }

    /// The sandbox that was saved in a directory, with these settings.
    ///
    /// # Errors
    /// [`StateError`], each for its own reason.
    pub fn load(directory: &Path, settings: Settings) -> Result<Self, StateError> {
        let path = directory.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StateError::Missing(path));
            }
            Err(source) => return Err(StateError::Io { path, source }),
        };
        let damaged = |source| StateError::Damaged {
            path: path.clone(),
            source,
        };
        let Envelope { schema } = serde_json::from_slice(&text).map_err(damaged)?;
        if schema > SCHEMA {
            return Err(StateError::TooNew { path, schema });
        }
        let loaded: Loaded = serde_json::from_slice(&text).map_err(damaged)?;
        let sandbox = Self::new(settings);
        let mut state = sandbox.state();
        state.ssm = loaded.ssm;
        state.lambda = loaded.lambda;
        drop(state);
        Ok(sandbox)
    }
}
