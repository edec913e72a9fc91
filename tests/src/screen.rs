//! What a running command has written so far, and waiting for more of it.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it. It is never waited for in full but when
/// something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What has been written to one stream.
#[derive(Debug)]
pub(crate) struct Screen {
    shared: Arc<(Mutex<Said>, Condvar)>,
    reader: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Said {
    bytes: Vec<u8>,
    ended: bool,
}

impl Said {
    /// With plain line ends: a terminal makes two characters of each.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace("\r\n", "\n")
    }
}

impl Screen {
    /// Reads the stream to its end.
    pub(crate) fn of(mut stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Said::default()), Condvar::new()));
        let (said, changed) = (shared.clone(), shared.clone());
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal that nobody holds any more reads as an error on Linux.
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                said.0
                    .lock()
                    .expect("a screen")
                    .bytes
                    .extend_from_slice(&buffer[..n]);
                changed.1.notify_all();
            }
            said.0.lock().expect("a screen").ended = true;
            changed.1.notify_all();
        });
        Self { shared, reader }
    }

    /// Waits until the text is there, and returns all of it.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let (said, changed) = &*self.shared;
        let mut said = said.lock().expect("a screen");
        loop {
            let all = said.text();
            if all.contains(text) {
                return all;
            }
            assert!(!said.ended, "ended without {text:?}: {all:?}");
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {text:?} in time: {all:?}");
            said = changed.wait_timeout(said, left).expect("a screen").0;
        }
    }

    /// All of it, once the stream has ended.
    pub(crate) fn text(self) -> String {
        self.reader.join().expect("the reader ends");
        self.shared.0.lock().expect("a screen").text()
    }
}
