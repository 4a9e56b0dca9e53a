//! The identifiers of the rules, as refusals and audit records name them.

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// One rule of the rule set, which docs/names.md holds whole. Its text is its identifier.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Rule { $($(#[$doc])* $name),+ }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The identifier, such as `E6`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

rules! {
    /// A claim that the record pins or matches is there.
    C1,
    /// A pinned claim has the value and the JSON type of the record.
    C2,
    /// The record's own expression does not deny.
    C3,
    /// A granted domain is no public suffix.
    D1,
    /// `email_verified` is JSON `true`.
    E1,
    /// An address is printable ASCII.
    E2,
    /// An address has at most 254 bytes.
    E3,
    /// An address has one `@`.
    E4,
    /// The local part is a dot-atom of at most 64 bytes.
    E5,
    /// The domain, ASCII-lowercased, is granted to the speaker.
    E6,
    /// A pattern has 1 to 2048 bytes.
    G1,
    /// No wildcard inside a segment.
    G2,
    /// `**` is the last of several segments.
    G3,
    /// No wildcard at the beginning.
    G4,
    /// Patterns and values are printable ASCII.
    G5,
    /// No empty segment and no dot segment, in patterns and values.
    G6,
    /// A claim fits one of the record's patterns.
    G7,
    /// A host is ASCII.
    H1,
    /// A host is lower-case.
    H2,
    /// A host has 1 to 253 bytes, a label at most 63.
    H3,
    /// A host does not end in a dot.
    H4,
    /// A host has two labels or more.
    H5,
    /// A host has no empty label.
    H6,
    /// Labels are letters, digits and inner hyphens.
    H7,
    /// Internationalised labels are canonical.
    H8,
    /// A host is not an IP address.
    H9,
    /// An issuer is `https`, at most 2048 bytes.
    I1,
    /// An issuer is known by its exact bytes, one record each.
    I2,
    /// Namespaces and service accounts have DNS names.
    K1,
    /// `sub` agrees with the claim `kubernetes.io`.
    K2,
    /// Cluster, namespace and service account are the record's.
    K3,
    /// A shared issuer is pinned to what is never given to another.
    M1,
    /// The claims that a profile needs are there, agree, and stay in their places.
    N1,
    /// A user name, of a domain that is granted.
    N2,
    /// A list of groups is matched exactly, and by its own record.
    N3,
    /// What certificates call an issuer is unique.
    O1,
    /// What has been released stays taken.
    O2,
    /// A domain that says so is spoken for by the issuers that its records list, and by nobody else.
    O3,
    /// The path is absolute.
    P1,
    /// No empty path segment.
    P2,
    /// No dot segment.
    P3,
    /// Path characters, no percent-encoding.
    P4,
    /// A SPIFFE ID has at most 2048 bytes.
    S0,
    /// It begins with `spiffe://`.
    S1,
    /// It has a path.
    S2,
    /// Trust domain characters.
    S3,
    /// The trust domain is granted.
    S4,
    /// No slash at the end.
    S5,
    /// No empty segment.
    S6,
    /// No dot segment.
    S7,
    /// Path characters.
    S8,
    /// The path begins with the grant's, at a segment boundary.
    S9,
    /// A token is a strict compact JWS signed by a key of its issuer.
    T1,
    /// `iss` picks the record before anything else is looked at.
    T2,
    /// Exactly one audience, ours.
    T3,
    /// Times: `exp` required, `nbf` and `iat` honoured, bounded lifetime.
    T4,
    /// URI characters.
    U1,
    /// Lower-case scheme and `://`.
    U2,
    /// No query.
    U3,
    /// No fragment.
    U4,
    /// No user information.
    U5,
    /// One spelling of the port.
    U6,
    /// The scheme equals the grant's.
    V1,
    /// The host equals the grant's.
    V2,
    /// The port equals the grant's.
    V3,
    /// The path begins with the grant's, at a segment boundary.
    V4,
    /// A name belongs to one speaker.
    X1,
    /// A trust domain belongs to one record.
    X2,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_says_every_rule() {
        const PAGE: &str = include_str!("../../../docs/names.md");
        let documented: Vec<&str> = PAGE
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
            .flat_map(|(rules, _)| rules.split(", "))
            .filter(|rule| rule.len() == 2 && rule.starts_with(|first: char| first.is_ascii_uppercase()))
            .collect();
        for rule in Rule::ALL {
            assert!(documented.contains(&rule.id()), "{rule} is not in docs/names.md");
        }
        assert_eq!(documented.len(), Rule::ALL.len());
    }
}
