//! Addresses, paths and times of the standard library in keys.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::part::{KeyPart, own_canonical};
use super::writer::KeyWriter;

/// A type that is rendered as a text.
macro_rules! as_text {
    ($($ty:ty => |$value:ident| $text:expr;)*) => {$(
        impl KeyPart for $ty {
            own_canonical!();
            fn render(&self, out: &mut KeyWriter) {
                let $value = self;
                out.encoded($text.as_bytes());
            }
        }
    )*};
}
as_text! {
    Ipv4Addr => |value| value.to_string();
    Ipv6Addr => |value| value.to_string();
    IpAddr => |value| value.to_string();
    SocketAddrV4 => |value| value.to_string();
    SocketAddrV6 => |value| of_v6(value);
    SocketAddr => |value| match value {
        SocketAddr::V4(value) => value.to_string(),
        SocketAddr::V6(value) => of_v6(value),
    };
}

/// `Display` leaves out the flow information, which tells addresses apart.
fn of_v6(address: &SocketAddrV6) -> String {
    match address.flowinfo() {
        0 => address.to_string(),
        flow => format!("{address}/{flow}"),
    }
}

/// Two paths are equal if their components are: `a//b/.` is `a/b`. A path that is not UTF-8 is encoded byte by byte.
impl KeyPart for Path {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        let normalized: PathBuf = self.components().collect();
        out.encoded(normalized.as_os_str().as_encoded_bytes());
    }
}

impl KeyPart for PathBuf {
    type Canonical = Path;
    fn canonical(&self) -> &Path {
        self
    }
    fn render(&self, out: &mut KeyWriter) {
        self.as_path().render(out);
    }
}

impl KeyPart for OsStr {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        out.encoded(self.as_encoded_bytes());
    }
}

impl KeyPart for OsString {
    type Canonical = OsStr;
    fn canonical(&self) -> &OsStr {
        self
    }
    fn render(&self, out: &mut KeyWriter) {
        self.as_os_str().render(out);
    }
}

/// In nanoseconds.
impl KeyPart for Duration {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        out.unsigned(self.as_nanos());
    }
}

/// Nanoseconds since 1970, negative before.
impl KeyPart for SystemTime {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        match self.duration_since(UNIX_EPOCH) {
            Ok(since) => since.render(out),
            Err(before) => {
                out.literal("-");
                before.duration().render(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &(impl KeyPart + ?Sized)) -> String {
        let mut out = KeyWriter::new();
        value.render(&mut out);
        out.to_string()
    }

    #[test]
    fn equal_paths_have_one_text() {
        for same in ["a/b", "a//b", "a/b/", "a/./b", "a/b/."] {
            assert_eq!(text(Path::new(same)), "a%2Fb", "{same}");
        }
        let others = ["a/b", "/a/b", "./a/b", "a/../b", "../a/b", "a", "b", "", ".", "..", "/", "a%2Fb", "a\\b", "a b"];
        for (at, one) in others.iter().enumerate() {
            for other in &others[at + 1..] {
                assert_ne!(text(Path::new(one)), text(Path::new(other)), "{one} {other}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf_8_is_encoded_byte_by_byte() {
        use std::os::unix::ffi::OsStrExt;
        let path = |bytes: &[u8]| text(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(path(b"a\xff"), "a%FF");
        assert_ne!(path(b"a\xff"), path(b"a\xfe"));
        assert_ne!(path(b"a\xff"), text(Path::new("a\u{fffd}")), "no character is replaced");
    }

    #[test]
    fn addresses_differ_in_all_that_they_are_compared_by() {
        let address = |flow, scope| SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, flow, scope));
        let all =
            [address(0, 0), address(1, 0), address(0, 1), address(1, 1), "127.0.0.1:80".parse().expect("an address")];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| text(one) != text(other)), "{one}");
        }
        assert_eq!(text(&Ipv4Addr::LOCALHOST), "127.0.0.1");
        assert_ne!(text(&IpAddr::from(Ipv4Addr::LOCALHOST)), text(&IpAddr::from(Ipv4Addr::LOCALHOST.to_ipv6_mapped())));
    }

    #[test]
    fn times_are_nanoseconds() {
        assert_eq!(text(&Duration::from_millis(1_500)), "1500000000");
        assert_eq!(text(&Duration::MAX), Duration::MAX.as_nanos().to_string());
        assert_eq!(text(&(UNIX_EPOCH + Duration::from_secs(1))), "1000000000");
        assert_eq!(text(&(UNIX_EPOCH - Duration::from_secs(1))), "-1000000000");
    }
}
