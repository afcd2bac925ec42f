//! The names under which a CDN finds what is made of an aggregate.

use std::fmt;
use std::str;

use hmac_sha256::HMAC;

/// The digits of base 32 (RFC 4648) in lower case: CDNs that ignore the case of a tag do not confuse two of them.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What a CDN finds responses by, and purges: 12 characters of `a` to `z` and `2` to `7`.
///
/// These are 60 bits of a keyed hash ([`TagKey`]). They fit the limits of every CDN. If two names have the same tag, a purge of one purges the other too, and
/// nothing else comes of it.
///
/// ```
/// use cachemacro_http::edge::TagKey;
///
/// let key = TagKey::new("shop");
/// assert_eq!(key.aggregate("user:7").as_str(), "annf2uk7by7t");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag([u8; Tag::LEN]);

impl Tag {
    /// The number of its characters.
    pub const LEN: usize = 12;

    /// As it is in headers and in requests.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("its digits are ASCII")
    }

    fn of(hash: [u8; 32]) -> Self {
        let mut number = u64::from_be_bytes(*hash.first_chunk().expect("it has 32 bytes"));
        Self([(); Self::LEN].map(|()| {
            let digit = DIGITS[(number >> 59) as usize];
            number <<= 5;
            digit
        }))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

/// Makes the tags of a namespace. All processes of a service must have the same one: those that answer requests tag with it, and those that purge look for these
/// tags.
///
/// The hash is HMAC-SHA256. Its key is made of the namespace and, with [`with_secret`](Self::with_secret), of a secret. Without a secret a person who
/// sees the header of a response and knows the namespace can try names such as `user:1` to `user:1000000`, and find which of them it was made of. Most CDNs take the header off
/// before a response leaves them; an origin that can be reached directly does not.
#[derive(Clone)]
pub struct TagKey([u8; 32]);

impl TagKey {
    /// The key of a namespace, without a secret.
    pub fn new(namespace: &str) -> Self {
        Self::with_secret(namespace, [])
    }

    /// The key of a namespace and of a secret of any length. What has been tagged under another secret is not found any more: purge the
    /// whole CDN after a change.
    pub fn with_secret(namespace: &str, secret: impl AsRef<[u8]>) -> Self {
        // Its first step hashes what is longer than a block, and pads with zeros what is shorter: a length keeps these apart.
        let secret = secret.as_ref();
        let mut mac = HMAC::new(secret);
        mac.update(b"cachemacro tags 1\0");
        mac.update((secret.len() as u64).to_be_bytes());
        mac.update(namespace);
        Self(mac.finalize())
    }

    /// The tag of an aggregate, of which the name is that of the record: `user:7` for an event with the key `user:<id>`.
    pub fn aggregate(&self, name: &str) -> Tag {
        self.tag(b'a', name)
    }

    /// The tag of all aggregates of a kind, which each response of them has. It is purged where there are too many aggregates to purge each.
    ///
    /// `name` is that of one of them, or the template of their key: see [`kind_of`].
    pub fn kind(&self, name: &str) -> Tag {
        self.tag(b'k', kind_of(name))
    }

    /// The tag of the responses that have too many aggregates for a tag each, at least one of which is of this kind. Each event of the kind purges it.
    ///
    /// `name` is that of one of them, or the template of their key: see [`kind_of`].
    pub fn crowded(&self, name: &str) -> Tag {
        self.tag(b'c', kind_of(name))
    }

    /// The tag of all responses that are made of anything in this namespace.
    pub fn namespace(&self) -> Tag {
        self.tag(b'n', "")
    }

    /// The first byte keeps the four apart: an aggregate may be called as a kind is.
    fn tag(&self, domain: u8, name: &str) -> Tag {
        let mut mac = HMAC::new(self.0);
        mac.update([domain]);
        mac.update(name);
        Tag::of(mac.finalize())
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(..)")
    }
}

/// The kind of an aggregate: what is before the first `:` of its name, or all of a name without one. `user` of `user:7`, and of the template `user:<id>`.
///
/// Who tags and who purges know the name alone, and must find the same kind.
///
/// ```
/// use cachemacro_http::edge::kind_of;
///
/// assert_eq!(kind_of("user:7:posts"), "user");
/// assert_eq!(kind_of("catalog"), "catalog");
/// ```
pub fn kind_of(name: &str) -> &str {
    name.split_once(':').map_or(name, |(kind, _)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Processes of two releases must agree: a change here is a change of what CDNs have stored.
    #[test]
    fn golden() {
        let (plain, secret) = (TagKey::new("shop"), TagKey::with_secret("shop", "s3cret"));
        let all = |key: &TagKey| {
            [key.aggregate("user:7"), key.kind("user:7"), key.crowded("user:7"), key.namespace()]
                .map(|tag| tag.to_string())
        };
        assert_eq!(all(&plain), ["annf2uk7by7t", "q5eupybri4b5", "6kbhc7ekecjf", "e274cze7mur2"]);
        assert_eq!(all(&secret), ["y3qrvvgxhiby", "c5nxgnzrq4rq", "laepaaqxcz6m", "vdszhjhnlunw"]);
    }

    #[test]
    fn the_four_differ_for_one_name() {
        let key = TagKey::new("shop");
        let mut all =
            vec![key.aggregate(""), key.kind(""), key.crowded(""), key.namespace(), key.aggregate("n"), key.kind("n")];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn a_kind_is_that_of_its_template() {
        let key = TagKey::new("shop");
        assert_eq!(key.kind("user:<id>"), key.kind("user:7"));
        assert_eq!(key.crowded("user"), key.crowded("user:7:posts"));
        assert_ne!(key.kind("users:7"), key.kind("user:7"));
    }

    #[test]
    fn namespaces_and_secrets_differ() {
        let keys = [
            TagKey::new("shop"),
            TagKey::new("shop2"),
            TagKey::with_secret("shop", "a"),
            TagKey::with_secret("shop", "a\0"),
        ];
        let tags: std::collections::BTreeSet<_> = keys.iter().map(TagKey::namespace).collect();
        assert_eq!(tags.len(), keys.len());
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", TagKey::with_secret("shop", "s3cret")), "TagKey(..)");
    }
}
