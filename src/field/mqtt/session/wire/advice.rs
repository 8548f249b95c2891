//! What to do about an error of the connection, in words: the library's own are for programmers. Pure.

use std::time::Duration;

/// A connection that ends sooner was perhaps thrown out by another one.
const SHORT: Duration = Duration::from_secs(30);

/// What stands in an error, and what to do about it.
const ADVICE: &[(&str, &str)] = &[
    (
        "CaUsedAsEndEntity",
        "the broker shows a CA certificate as its own: give the broker a certificate that the CA signed, and put the CA's into ca_file",
    ),
    (
        "UnknownIssuer",
        "the broker's certificate is signed by a CA that this gateway does not know: put that CA's certificate into tls.ca_file",
    ),
    (
        "not valid for name",
        "write the name that stands in the broker's certificate as the host in `address`, or have the certificate issued for this one",
    ),
    (
        "NotValidForName",
        "write the name that stands in the broker's certificate as the host in `address`, or have the certificate issued for this one",
    ),
    ("certificate expired", "the broker's certificate has expired, or this machine's clock is wrong"),
    ("NotValidYet", "the broker's certificate is not valid yet: this machine's clock is probably behind"),
    ("not valid yet", "the broker's certificate is not valid yet: this machine's clock is probably behind"),
    (
        "UnsupportedCertVersion",
        "the broker's certificate is of X.509 version 1: have one of version 3 made, with subjectAltName",
    ),
    (
        "CertificateRequired",
        "the broker wants a certificate of this gateway: set tls.cert_file and tls.key_file",
    ),
    (
        "CertificateUnknown",
        "the broker does not accept this gateway's certificate: check tls.cert_file and the broker's list of CAs",
    ),
    (
        "BadCertificate",
        "the broker does not accept this gateway's certificate: check tls.cert_file and the broker's list of CAs",
    ),
    ("UnknownCA", "the broker does not know the CA of this gateway's certificate: add it at the broker"),
    (
        "InvalidContentType",
        "this port does not speak TLS: use mqtt:// here, or the broker's TLS port, usually 8883",
    ),
    (
        "PeerIncompatible",
        "the broker has no TLS version or cipher in common with this gateway: it must offer TLS 1.2 or newer",
    ),
    (
        "HandshakeFailure",
        "the broker has no TLS version or cipher in common with this gateway: it must offer TLS 1.2 or newer",
    ),
    (
        "SessionTakenOver",
        "another client has connected with the same client id: give each gateway a client_id of its own",
    ),
    ("NotAuthorized", "the broker refuses this user or client id: check login and the broker's access rules"),
    ("ClientIdentifierNotValid", "the broker refuses the client id: set another client_id"),
    ("BadClientId", "the broker refuses the client id: set another client_id"),
    ("PacketTooLarge", "a message is larger than the broker allows: raise the broker's limit"),
    ("QuotaExceeded", "a quota of the broker is used up: check its limits for this client"),
    ("MalformedPacket", "this port may not be an MQTT port"),
    ("InvalidPacketType", "this port may not be an MQTT port"),
];

/// Connections that ended soon after they were made, one behind the other.
#[derive(Debug, Default)]
pub struct ShortLives {
    count: u32,
}

impl ShortLives {
    /// A connection of this age was lost with `words`; `None`: it was never made. Gives the words with what to do.
    pub fn lost(&mut self, words: String, lived: Option<Duration>, client_id: &str) -> String {
        let closed = ["closed", "reset", "aborted", "Broken pipe"].iter().any(|w| words.contains(w));
        match lived {
            Some(lived) if lived < SHORT && closed => self.count += 1,
            Some(_) => self.count = 0,
            None => {}
        }
        if let Some((_, advice)) = ADVICE.iter().find(|a| words.contains(a.0)) {
            return format!("{words}; {advice}");
        }
        // With version 3.1.1 the broker says nothing when another client takes the session over.
        if self.count >= 2 && closed {
            return format!(
                "{words}; soon after the connection, {} times in a row: another client probably uses the client id \
                 `{client_id}`; give each gateway a client_id of its own",
                self.count
            );
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ShortLives;

    #[test]
    fn an_error_says_what_to_do_about_it() {
        let mut lives = ShortLives::default();
        let mut said = |words: &str| lives.lost(words.to_owned(), None, "gw");
        let told = said("TLS: I/O: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))");
        assert!(told.contains("put the CA's into ca_file"), "{told}");
        assert!(said("invalid peer certificate: UnknownIssuer").contains("tls.ca_file"));
        assert!(said("received corrupt message of type InvalidContentType").contains("does not speak TLS"));
        assert_eq!(said("Network timeout"), "Network timeout");
    }

    #[test]
    fn two_clients_with_one_id_are_guessed_from_connections_that_end_again_and_again() {
        let mut lives = ShortLives::default();
        let mut closed = |seconds| {
            lives.lost(
                "Connection closed by peer abruptly".to_owned(),
                Some(Duration::from_secs(seconds)),
                "gw",
            )
        };
        assert!(!closed(1).contains("client id"), "once may be anything");
        assert!(closed(1).contains("another client probably uses the client id `gw`"));
        assert!(!closed(3600).contains("client id"));
        assert!(!closed(1).contains("client id"));
    }
}
