//! Real database servers, each in a temporary folder, behind a socket there and, for TLS, a free port of 127.0.0.1.
//! They end with the test, also when it is killed.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// The password of both, which no error may tell.
pub(crate) const PASSWORD: &str = "s3cret";
/// The user `nobody`: where the tests run as root, the servers do not, since they refuse to.
const NOBODY: u32 = 65_534;

pub(crate) struct Server {
    child: Child,
    pub(crate) folder: TempDir,
    /// Of PostgreSQL.
    pub(crate) port: u16,
    /// What ends it at once, and leaves nothing behind.
    end: Signal,
}

impl Server {
    pub(crate) fn postgres() -> Self {
        let folder = folder();
        let path = folder.path();
        let (data, password) = (path.join("data"), path.join("password"));
        std::fs::write(&password, PASSWORD).unwrap();
        let initdb = program("initdb");
        let mut made = owned(&initdb);
        made.args(["--username=postgres", "--auth=scram-sha-256", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C", "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(&data);
        run(made);
        let port = free_port();
        let mut server = owned(&initdb.with_file_name("postgres"));
        for setting in [
            "listen_addresses=127.0.0.1",
            "fsync=off",
            "shared_buffers=16MB",
            "ssl=on",
            &format!("port={port}"),
            &format!("unix_socket_directories={}", path.display()),
            &format!("ssl_cert_file={}", path.join("cert.pem").display()),
            &format!("ssl_key_file={}", path.join("key.pem").display()),
        ] {
            server.args(["-c", setting]);
        }
        server.arg("-D").arg(&data);
        // Killed, it leaves a piece of shared memory.
        let ready = "database system is ready to accept connections";
        Self::start(server, folder, port, Signal::QUIT, ready)
    }

    pub(crate) fn mariadb() -> Self {
        let folder = folder();
        let path = folder.path();
        let data = format!("--datadir={}", path.join("data").display());
        let mut made = owned(&program("mariadb-install-db"));
        made.args(["--no-defaults", "--skip-test-db"])
            .arg("--auth-root-authentication-method=normal")
            .arg(&data);
        run(made);
        let start = path.join("start.sql");
        let user = format!(
            "CREATE USER watch@localhost IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO watch@localhost;\nCREATE DATABASE app;\n"
        );
        std::fs::write(&start, user).unwrap();
        let mut server = owned(&program("mariadbd"));
        server
            .args(["--no-defaults", "--skip-networking"])
            .arg("--innodb-flush-log-at-trx-commit=0")
            .arg(&data)
            .arg(format!("--socket={}", path.join("socket").display()))
            .arg(format!("--pid-file={}", path.join("pid").display()))
            .arg(format!("--init-file={}", start.display()))
            .arg(format!("--ssl-cert={}", path.join("cert.pem").display()))
            .arg(format!("--ssl-key={}", path.join("key.pem").display()));
        Self::start(server, folder, 0, Signal::KILL, "ready for connections")
    }

    fn start(mut command: Command, folder: TempDir, port: u16, end: Signal, ready: &str) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let log = child.stderr.take().expect("its log");
        let server = Self {
            child,
            folder,
            port,
            end,
        };
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let mut said = Vec::new();
        for line in lines.by_ref() {
            let is_ready = line.contains(ready);
            said.push(line);
            if is_ready {
                // Its log has a reader for as long as it runs.
                std::thread::spawn(move || lines.for_each(drop));
                return server;
            }
        }
        panic!("it ended: {said:#?}");
    }

    /// Ends it in the middle of what it does.
    pub(crate) fn kill(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), self.end);
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
    }
}

/// A folder for what the server writes, with a key and a certificate for localhost.
fn folder() -> TempDir {
    let folder = TempDir::with_prefix("maintenance-db-").unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = folder.path().join("key.pem");
    std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    if geteuid().is_root() {
        for path in [folder.path(), &key] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    folder
}

/// A program that ends with this thread, and is not root.
fn owned(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=KILL");
    if geteuid().is_root() {
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
        command.arg("--clear-groups");
    }
    // What is set for the tests must not reach it: PGPORT, TZ, LD_LIBRARY_PATH.
    command
        .arg("--")
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

fn run(mut command: Command) {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Where Debian, or the PATH, has a program.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten();
    let versions = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let folders = versions
        .chain(path)
        .chain(["/usr/sbin".into(), "/sbin".into()]);
    let mut paths = folders.map(|folder| folder.join(name));
    let found = paths.find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "{name} is missing: install PostgreSQL and MariaDB (Debian: postgresql, mariadb-server)"
        )
    })
}
