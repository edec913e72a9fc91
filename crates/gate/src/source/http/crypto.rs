//! The algorithms that TLS is spoken with. Only what every server has: each further one is linked into
//! the handler, and ring's all together are a quarter of a megabyte more.
//!
//! - Every server of TLS 1.3 has AES-GCM, P-256, and certificates of RSA or P-256, since it must
//!   ([RFC 8446, 9.1](https://www.rfc-editor.org/rfc/rfc8446#section-9.1)); those of TLS 1.2 are asked for
//!   the same ([RFC 9325, 4.2](https://www.rfc-editor.org/rfc/rfc9325#section-4.2)). It has X25519 and
//!   ChaCha20-Poly1305 besides, or not: AWS's FIPS endpoints have not.
//! - No public authority may issue a certificate of Ed25519
//!   ([Baseline Requirements, 6.1.5](https://cabforum.org/working-groups/server/baseline-requirements/requirements/)),
//!   and AWS Private CA does not.
//! - There is no certificate of the client's, so no private key to sign with.

use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::crypto::ring::cipher_suite::{
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384,
};
use rustls::crypto::ring::kx_group::{SECP256R1, SECP384R1};
use rustls::crypto::{
    CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{Error, SignatureScheme};
use webpki::ring::{
    ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    RSA_PSS_2048_8192_SHA256_LEGACY_KEY, RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
};

/// In the order of preference, which is that of rustls.
///
/// Built field by field: to begin with rustls's own would link all that it has.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            TLS13_AES_256_GCM_SHA384,
            TLS13_AES_128_GCM_SHA256,
            TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![SECP256R1, SECP384R1],
        signature_verification_algorithms: SIGNATURES,
        secure_random: &Ring,
        key_provider: &Ring,
    }
}

/// As rustls has them for ring, without Ed25519.
static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        ECDSA_P256_SHA256,
        ECDSA_P256_SHA384,
        ECDSA_P384_SHA256,
        ECDSA_P384_SHA384,
        RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384,
        RSA_PKCS1_2048_8192_SHA512,
        RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    // In TLS 1.2 a scheme says nothing of the curve.
    mapping: &[
        (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            &[ECDSA_P384_SHA384, ECDSA_P256_SHA384],
        ),
        (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            &[ECDSA_P256_SHA256, ECDSA_P384_SHA256],
        ),
        (
            SignatureScheme::RSA_PSS_SHA512,
            &[RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA384,
            &[RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA256,
            &[RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA512,
            &[RSA_PKCS1_2048_8192_SHA512],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA384,
            &[RSA_PKCS1_2048_8192_SHA384],
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA256,
            &[RSA_PKCS1_2048_8192_SHA256],
        ),
    ],
};

/// What rustls has for ring and does not hand out by itself.
#[derive(Debug)]
struct Ring;

impl SecureRandom for Ring {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new()
            .fill(bytes)
            .map_err(|_unspecified| GetRandomFailed)
    }
}

impl KeyProvider for Ring {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General("a gate has no certificate".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair,
        PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    };
    use rustls::crypto::SupportedKxGroup;
    use rustls::crypto::ring::{ALL_CIPHER_SUITES, ALL_KX_GROUPS, default_provider};
    use rustls::pki_types::ServerName;
    use rustls::{
        CipherSuite, ClientConfig, ClientConnection, NamedGroup, RootCertStore, ServerConfig,
        ServerConnection, SupportedCipherSuite,
    };

    use super::*;

    /// Made for these tests: ring cannot make one.
    const RSA_KEY: &[u8] = include_bytes!("rsa_key_of_tests.der");

    fn rsa() -> KeyPair {
        KeyPair::try_from(RSA_KEY).unwrap()
    }

    fn ecdsa_p256() -> KeyPair {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
    }

    fn ecdsa_p384() -> KeyPair {
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()
    }

    fn ed25519() -> KeyPair {
        KeyPair::generate_for(&PKCS_ED25519).unwrap()
    }

    /// A handshake with a server that has all of rustls's algorithms but only this suite, this group and
    /// this kind of key, its authority's, too.
    fn handshake(
        suite: SupportedCipherSuite,
        group: &'static dyn SupportedKxGroup,
        key: fn() -> KeyPair,
    ) -> Result<(CipherSuite, NamedGroup), Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, key()).unwrap();
        let key = key();
        let certificate = CertificateParams::new(["localhost".to_owned()])
            .and_then(|params| params.signed_by(&key, &authority))
            .unwrap();

        let only = CryptoProvider {
            cipher_suites: vec![suite],
            kx_groups: vec![group],
            ..default_provider()
        };
        let server = ServerConfig::builder_with_provider(only.into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                key.serialize_der().try_into().unwrap(),
            )?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let client = ClientConfig::builder_with_provider(provider().into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();

        let mut server = ServerConnection::new(server.into())?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(client.into(), name)?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        let suite = client.negotiated_cipher_suite().unwrap().suite();
        let group = client.negotiated_key_exchange_group().unwrap().name();
        Ok((suite, group))
    }

    #[test]
    fn what_every_server_has_is_understood() {
        let suites = provider().cipher_suites;
        for suite in &suites {
            for group in provider().kx_groups {
                for (name, key) in [
                    ("RSA", rsa as fn() -> KeyPair),
                    ("P-256", ecdsa_p256),
                    ("P-384", ecdsa_p384),
                ] {
                    let tls12 = format!("{:?}", suite.suite());
                    let not_its_key = if name == "RSA" { "_ECDSA_" } else { "_RSA_" };
                    if tls12.contains(not_its_key) {
                        continue;
                    }
                    assert_eq!(
                        handshake(*suite, group, key),
                        Ok((suite.suite(), group.name())),
                        "{suite:?}, {group:?}, {name}"
                    );
                }
            }
        }
        assert_eq!(suites.len(), 6);
    }

    #[test]
    fn a_server_that_has_nothing_of_it_is_refused() {
        let [ours, ..] = provider().cipher_suites[..] else {
            unreachable!("there are suites");
        };
        for suite in ALL_CIPHER_SUITES {
            for group in ALL_KX_GROUPS {
                let provider = provider();
                let is_ours = provider.cipher_suites.contains(suite)
                    && provider
                        .kx_groups
                        .iter()
                        .any(|it| it.name() == group.name());
                let result = handshake(*suite, *group, ecdsa_p256);
                if !is_ours {
                    assert!(result.is_err(), "{suite:?}, {group:?}: {result:?}");
                }
            }
        }
        assert!(handshake(ours, SECP256R1, ed25519).is_err());
    }

    #[test]
    fn of_rustlss_signatures_only_ed25519_is_left_out() {
        let theirs = default_provider().signature_verification_algorithms;
        let mut theirs = theirs.supported_schemes();
        theirs.retain(|scheme| *scheme != SignatureScheme::ED25519);
        assert_eq!(SIGNATURES.supported_schemes(), theirs);
        let all = default_provider().signature_verification_algorithms.all;
        assert_eq!(SIGNATURES.all.len(), all.len() - 1);
    }

    #[test]
    fn a_random_number_is_not_the_last_one() {
        let mut first = [0; 16];
        let mut second = first;
        Ring.fill(&mut first).unwrap();
        Ring.fill(&mut second).unwrap();
        assert_ne!(first, second);
    }
}
