//! TLS by rustls, with the ring provider named at each use: a process-wide default could be another's.

use std::sync::Arc;

use domain::TlsMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// PEM certificates, and the name of the field that they stand in.
#[derive(Clone, Copy)]
pub(super) struct Authority<'a> {
    pub(super) field: &'static str,
    pub(super) pem: &'a [u8],
}

/// How a connection is encrypted; `None`: not at all.
#[derive(Clone)]
pub(super) struct Tls(pub(super) Option<MakeRustlsConnect>);

impl Tls {
    /// `authority`: whom to trust instead of the public ones.
    pub(super) fn new(mode: TlsMode, authority: Option<Authority<'_>>) -> Result<Self, Error> {
        // Read whatever the mode is: a wrong one is told when it is written, not when the mode is changed.
        let roots = roots(authority)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Settings(format!("TLS cannot be set up: {error}")))?;
        let config = match mode {
            TlsMode::Disable => return Ok(Self(None)),
            TlsMode::Require => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))).with_no_client_auth()
            }
            TlsMode::VerifyFull => builder.with_root_certificates(roots).with_no_client_auth(),
        };
        Ok(Self(Some(MakeRustlsConnect::new(config))))
    }
}

fn roots(authority: Option<Authority<'_>>) -> Result<RootCertStore, Error> {
    let Some(Authority { field, pem }) = authority else {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    };
    let wrong = |what: String| Error::Settings(format!("`{field}` {what}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| wrong(format!("is not PEM: {error}")))?;
        let added = roots.add(certificate);
        added.map_err(|error| wrong(format!("holds a certificate that cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong("holds no certificate; it is PEM, `-----BEGIN CERTIFICATE-----` first".to_owned()));
    }
    Ok(roots)
}

/// Accepts every certificate: what `require` means. The handshake's signatures are still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
