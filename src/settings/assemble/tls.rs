//! TLS keys of a source → a checked rustls configuration. One provider (ring), server names always
//! checked: there is no key that turns that off.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::super::fault::Fault;
use super::super::types::{MqttSource, MqttTls};
use super::super::walk::Walk;

pub(super) fn mqtt_tls(w: &Walk<'_>, secured: bool) -> Option<MqttTls> {
    if !w.has("tls") {
        w.mark("tls");
        return secured.then(|| MqttTls::new(None, None, print(None, None)));
    }
    let t = w.table("tls")?;
    let (ca, cert, key) = (t.text("ca_file"), t.text("cert_file"), t.text("key_file"));
    t.finish();
    if !secured {
        w.fault("tls", "the address is not encrypted", "write address = \"mqtts://…\", or remove tls");
        return None;
    }
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            t.fault(
                "cert_file",
                "certificate and key go together",
                "give both cert_file and key_file, or neither",
            );
            return None;
        }
    };
    let paths = |(cert, key)| (PathBuf::from(cert), PathBuf::from(key));
    Some(MqttTls::new(ca.map(PathBuf::from), identity.map(paths), print(ca, identity)))
}

/// A file that does not serve costs its source, and nothing else: a warning.
pub(super) fn tell_unusable(root: &Walk<'_>, sources: &[MqttSource], warnings: &RefCell<Vec<Fault>>) {
    for source in sources {
        let Some(Err((key, problem))) = source.tls.as_ref().map(MqttTls::config) else { continue };
        let key = format!("source.mqtt.{}.tls.{key}", source.id);
        warnings.borrow_mut().push(Fault {
            place: root.place(&key),
            key,
            problem: format!("{problem}: the source does not connect until it serves"),
            remedy: "PEM files, readable by this user; the gateway looks for them again by itself".to_owned(),
        });
    }
}

/// Tells renewed files from the same ones. Those of the system count as the same.
fn print(ca: Option<&str>, identity: Option<(&str, &str)>) -> u64 {
    let read = |file: &str| std::fs::read(file).ok();
    let mut hasher = DefaultHasher::new();
    (ca.map(read), identity.map(|(cert, key)| (read(cert), read(key)))).hash(&mut hasher);
    hasher.finish()
}

/// A client's TLS: the roots of `ca`, or those of the system and those that this program carries (Mozilla's);
/// and a certificate of its own.
///
/// # Errors
/// The key (`ca_file`, `cert_file`, `key_file`) that is wrong, and why.
pub fn client_tls(
    ca: Option<&Path>,
    identity: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, (&'static str, String)> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            for certificate in certificates(file).map_err(|e| ("ca_file", e))? {
                roots.add(certificate).map_err(|e| ("ca_file", format!("{}: {e}", file.display())))?;
            }
        }
        // A system may have none: a fresh minimal one has no package `ca-certificates`.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| ("ca_file", e.to_string()))?
        .with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = certificates(cert).map_err(|e| ("cert_file", e))?;
            let secret = PrivateKeyDer::from_pem_file(key)
                .map_err(|e| ("key_file", format!("{}: {e}", key.display())))?;
            config
                .with_client_auth_cert(chain, secret)
                .map_err(|e| ("key_file", format!("{}: {e}", key.display())))?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    match read() {
        Ok(found) if found.is_empty() => Err(format!("{}: no certificate in it", file.display())),
        Ok(found) => Ok(found),
        Err(e) => Err(format!("{}: {e}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::{client_tls, print};

    #[test]
    fn a_machine_without_certificates_has_those_that_this_program_carries() {
        assert!(client_tls(None, None).is_ok());
        assert!(webpki_roots::TLS_SERVER_ROOTS.len() > 50);
    }

    #[test]
    fn a_renewed_certificate_is_told_from_the_same_one_read_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let (ca, cert, key) = (file("ca", "a"), file("cert", "b"), file("key", "c"));
        let of = || print(Some(&ca), Some((&cert, &key)));
        let first = of();
        assert_eq!(of(), first);
        assert_ne!(print(Some(&ca), None), first);
        file("cert", "renewed");
        assert_ne!(of(), first);
    }
}
