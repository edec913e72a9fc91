//! Starts the programs beside it, one after the other and that many times over, against a Parameter
//! Store on loopback that says `off` at once, and prints what each takes beyond the run of `hello` just
//! before it.
//!
//! `measure [rounds]`; 40 unless said.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const ANSWER: &str = r#"{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:000000000000:parameter/maintenance/demo-dev/flags/web","DataType":"text","LastModifiedDate":1.795E9,"Name":"/maintenance/demo-dev/flags/web","Type":"String","Value":"off","Version":1}}"#;

/// Where a system keeps the certificate authorities that it trusts, in one file.
const BUNDLES: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

struct Contestant {
    title: &'static str,
    program: PathBuf,
    variables: Vec<(&'static str, String)>,
    times: Vec<Duration>,
    /// What `hello` took before each.
    hellos: Vec<Duration>,
}

fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(40, |rounds| rounds.parse().expect("a number of rounds"));
    let folder = tempfile::tempdir().expect("a folder");
    let (plain, secure, bundle) = serve();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, &bundle).expect("a file");
    // The SDK reads what the system trusts, so it gets all of that, and ours.
    let trusted = folder.path().join("trusted.pem");
    let system = BUNDLES.iter().find_map(|path| std::fs::read(path).ok());
    let all = [system.unwrap_or_default(), bundle.into_bytes()].concat();
    std::fs::write(&trusted, all).expect("a file");

    let programs = std::env::current_exe().expect("a path");
    let programs = programs.parent().expect("a folder");
    let contestant = |title, program: &str, more: &[(&'static str, String)]| {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "example".to_owned()),
            ("AWS_SESSION_TOKEN", "x".repeat(800)),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_CA_BUNDLE", authority.display().to_string()),
            ("SSL_CERT_FILE", trusted.display().to_string()),
        ];
        variables.extend_from_slice(more);
        Contestant {
            title,
            program: programs.join(program),
            variables,
            times: Vec::new(),
            hellos: Vec::new(),
        }
    };
    let http = [("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{plain}"))];
    let https = [("AWS_ENDPOINT_URL", format!("https://127.0.0.1:{secure}"))];
    let port = [("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", plain.to_string())];
    let hello = contestant("hello, world", "hello", &[]);
    let mut all = vec![
        contestant("a tokio runtime, no gate", "runtime", &[]),
        contestant("gate, flag in memory", "memory", &[]),
        contestant("`extension`", "extension", &port),
        contestant("`ssm`, http", "ssm", &http),
        contestant("`ssm`, TLS", "ssm", &https),
        contestant("`ssm-sdk`, http", "ssm-sdk", &http),
        contestant("`ssm-sdk`, TLS", "ssm-sdk", &https),
        contestant("the SDK as it comes, http", "sdk-default", &http),
        contestant("the SDK as it comes, TLS", "sdk-default", &https),
    ];
    // Without the SDK's, if they were not built.
    all.retain(|contestant| contestant.program.exists());
    // One round for the caches.
    for round in 0..=rounds {
        for contestant in &mut all {
            // Twice: the first one meets the caches as a larger program left them.
            hello.run();
            let before = hello.run();
            let time = contestant.run();
            if round > 0 {
                contestant.times.push(time);
                contestant.hellos.push(before);
            }
        }
    }
    report(&hello, &all);
    let size = |program| std::fs::metadata(programs.join(program)).map(|file| file.len());
    if let (Ok(without), Ok(with)) = (size("handler"), size("handler-ssm")) {
        println!();
        println!(
            "A lambda_http handler: {:.2} MB, behind a gate with `ssm` {:.2} MB, {:.2} MB more.",
            without as f64 / 1e6,
            with as f64 / 1e6,
            (with as f64 - without as f64) / 1e6
        );
    }
}

impl Contestant {
    fn run(&self) -> Duration {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let start = Instant::now();
        let status = command.status().expect("a program beside this one");
        let time = start.elapsed();
        assert!(status.success(), "{}: {status}", self.title);
        time
    }

    fn size(&self) -> u64 {
        std::fs::metadata(&self.program).expect("a program").len()
    }
}

fn report(hello: &Contestant, all: &[Contestant]) {
    let milliseconds = |time: &Duration| time.as_secs_f64() * 1_000.0;
    // Within each pair, since the machine drifts.
    let beyond = |contestant: &Contestant| {
        median(
            contestant
                .times
                .iter()
                .zip(&contestant.hellos)
                .map(|(time, hello)| milliseconds(time) - milliseconds(hello)),
        )
    };
    let light = all.iter().find(|it| it.title == "`ssm`, TLS");
    let light = light.map_or(f64::NAN, beyond);
    let whole = median(all.iter().flat_map(|it| &it.hellos).map(milliseconds));
    println!("| | beyond hello, world | of `ssm` with TLS | stripped size beyond it |");
    println!("|---|---|---|---|");
    println!(
        "| {} | ({whole:.2} ms in all) | | ({:.2} MB in all) |",
        hello.title,
        hello.size() as f64 / 1e6
    );
    for contestant in all {
        let beyond = beyond(contestant);
        let ratio = beyond / light;
        let megabytes = (contestant.size() as f64 - hello.size() as f64) / 1e6;
        println!(
            "| {} | {beyond:.2} ms | {ratio:.2} | {megabytes:.2} MB |",
            contestant.title
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

/// Serves over both; the ports, and the certificate authority.
fn serve() -> (u16, u16, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(["127.0.0.1".to_owned()])
        .and_then(|params| params.signed_by(&key, &authority))
        .expect("a certificate");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a configuration");
    let config = Arc::new(config);
    let plain = listen(answer);
    let secure = listen(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        answer(StreamOwned::new(connection, stream));
    });
    (plain, secure, authority.pem())
}

fn listen(serve: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// One request, with all of its body, and the answer.
fn answer(mut stream: impl Read + Write) {
    let mut text = String::new();
    let mut buffer = [0; 8_192];
    let is_whole = |text: &str| {
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return false;
        };
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.map_or(0, |length| length.parse().expect("a length"))
    };
    while !is_whole(&text) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    // The program that asked may have ended already.
    let _ = stream.write_all(response.as_bytes());
    let _ = stream.flush();
    let _ = stream.read(&mut buffer);
}
