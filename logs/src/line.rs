//! One line of the web server, and whose it is.

use berth_core::Parse;
use std::fmt::Write as _;

use berth_core::layout;
use berth_core::log::LogKind;
use berth_core::name::Fqdn;
use chrono::DateTime;
use serde::Deserialize;

/// Where a line goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The file name that stands for the host, see [`layout::host_file`].
    pub host: String,
    /// Which of the site's logs.
    pub kind: LogKind,
}

/// Reads a line: where it goes and what is written there, line end included.
pub(crate) type Read = fn(&[u8]) -> Option<(Entry, String)>;

/// What a request was, in the format of the web server's access log.
#[derive(Deserialize)]
struct Access {
    time: String,
    host: String,
    remote: String,
    method: String,
    uri: String,
    protocol: String,
    status: u16,
    bytes: u64,
    referer: String,
    agent: String,
}

/// A line of the access log, as Combined Log Format, which every tool for logs reads.
pub(crate) fn access(line: &[u8]) -> Option<(Entry, String)> {
    let read: Access = serde_json::from_slice(line).ok()?;
    let host = host_file(&read.host)?;
    let time = DateTime::parse_from_rfc3339(&read.time).ok()?.format("%d/%b/%Y:%H:%M:%S %z");
    let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { quoted(text) };
    let text = format!(
        "{} - - [{time}] \"{} {} {}\" {} {} \"{}\" \"{}\"\n",
        quoted(&read.remote),
        quoted(&read.method),
        quoted(&read.uri),
        quoted(&read.protocol),
        read.status,
        read.bytes,
        dash(&read.referer),
        dash(&read.agent),
    );
    Some((Entry { host, kind: LogKind::Access }, text))
}

/// What PHP says comes through the web server with this in front.
const FROM_PHP: &str = "FastCGI sent in stderr: \"";

/// A line of the error log. What PHP said goes into a log of its own, without what the web server adds.
///
/// The web server quotes nothing in this log, so whoever can make it write a line can also make that line name
/// another host. All that comes of it is a line in the wrong log, which asking that host would bring about too.
pub(crate) fn error(line: &[u8]) -> Option<(Entry, String)> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches(['\n', '\r']);
    let (before, about) = line.rsplit_once(", client: ")?;
    let (_, host) = about.split_once(", host: \"")?;
    let host = host_file(host.split('"').next()?.split(':').next()?)?;
    let (stamp, _) = before.split_once(" [")?;
    if let Some((_, said)) = before.split_once(FROM_PHP) {
        let said = said.rsplit_once("\" while ").map_or(said, |(said, _)| said);
        let text = format!("{} {}\n", quoted(stamp), printable(said));
        return Some((Entry { host, kind: LogKind::Php }, text));
    }
    Some((Entry { host, kind: LogKind::Error }, format!("{}\n", printable(line))))
}

fn host_file(host: &str) -> Option<String> {
    // A client may write it in any case; the site's directory has one name.
    let host = Fqdn::parse(&host.to_ascii_lowercase()).ok()?;
    Some(layout::host_file(&host))
}

/// A text that stands between quotes in a log: quotes and what a terminal would act upon are escaped.
fn quoted(text: &str) -> String {
    printable(text).replace('"', "\\x22")
}

/// A text of one line that a terminal can show.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a text can't fail.
                let _ = write!(out, "\\x{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(host: &str, uri: &str, agent: &str) -> String {
        serde_json::json!({
            "time": "2026-11-23T18:00:00+00:00", "host": host, "remote": "192.0.2.7", "method": "GET",
            "uri": uri, "protocol": "HTTP/1.1", "status": 200, "bytes": 12, "seconds": 0.001, "referer": "",
            "agent": agent, "tls": "TLSv1.3",
        })
        .to_string()
    }

    #[test]
    fn a_request_in_the_combined_format() {
        let (entry, text) = access(json("AliceSite.com", "/a?b=1", "curl/8").as_bytes()).unwrap();
        assert_eq!(entry, Entry { host: "alicesite.com".into(), kind: LogKind::Access });
        let expected =
            "192.0.2.7 - - [23/Nov/2026:18:00:00 +0000] \"GET /a?b=1 HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n";
        assert_eq!(text, expected);
        let odd = json("alicesite.com", "/\"\n", "\u{1b}[2J\" x");
        let (_, text) = access(odd.as_bytes()).unwrap();
        assert!(text.contains("GET /\\x22\\x0A HTTP/1.1") && text.contains("\\x1B[2J\\x22 x"), "{text}");
    }

    #[test]
    fn what_is_no_sites_is_left_out() {
        for host in ["", "_", "192.0.2.1", "../../etc", "a b.com", "com", "-x.com"] {
            assert_eq!(access(json(host, "/", "").as_bytes()), None, "{host}");
        }
        for line in ["", "{", "null", "[1]", "{\"host\":\"alicesite.com\"}"] {
            assert_eq!(access(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn errors_of_the_server_and_of_php() {
        let server = "2026/11/23 18:00:00 [error] 7#7: *3 access forbidden by rule, client: 192.0.2.7, server: _, request: \"GET /x HTTP/1.1\", host: \"alicesite.com\"\n";
        let (entry, text) = error(server.as_bytes()).unwrap();
        assert_eq!(entry, Entry { host: "alicesite.com".into(), kind: LogKind::Error });
        assert_eq!(text, server);
        let php = "2026/11/23 18:00:00 [error] 7#7: *3 FastCGI sent in stderr: \"PHP message: PHP Warning:  Undefined variable $x in /home/alice/a.php on line 3\" while reading response header from upstream, client: 192.0.2.7, server: _, request: \"GET / HTTP/1.1\", upstream: \"fastcgi://unix:/run/berth/php/alicesite.com.sock:\", host: \"alicesite.com:8080\", referrer: \"https://bobsite.com/\"\n";
        let (entry, text) = error(php.as_bytes()).unwrap();
        assert_eq!(entry, Entry { host: "alicesite.com".into(), kind: LogKind::Php });
        assert_eq!(
            text,
            "2026/11/23 18:00:00 PHP message: PHP Warning:  Undefined variable $x in /home/alice/a.php on line 3\n"
        );
        assert_eq!(error(b"2026/11/23 18:00:00 [notice] 7#7: signal process started\n"), None);
    }

    proptest! {
        #[test]
        fn a_line_stays_one_line(host in "\\PC{0,40}", uri in any::<String>(), agent in any::<String>()) {
            for (_, text) in [access(json(&host, &uri, &agent).as_bytes()), access(json("a.com", &uri, &agent).as_bytes())].into_iter().flatten() {
                prop_assert_eq!(text.matches('\n').count(), 1);
                prop_assert!(!text.trim_end_matches('\n').chars().any(char::is_control));
                // Nothing of a value is taken for the end of its quotes.
                prop_assert_eq!(text.matches('"').count(), 6);
            }
        }

        #[test]
        fn any_bytes_are_read_or_left_out(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for (entry, text) in [access(&bytes), error(&bytes)].into_iter().flatten() {
                prop_assert!(!entry.host.contains('/') && text.ends_with('\n'));
            }
        }
    }
}
