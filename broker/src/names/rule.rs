//! The identifiers of the rules, as refusals and audit records name them.

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// One rule of the rule set, which docs/names.md lists in full. Its text is its identifier.
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
    /// An X.509-SVID comes in a chain of 1 to 8 certificates and at most 32 KiB that can be read.
    A1,
    /// It has exactly one URI name.
    A2,
    /// It is not an authority, and its key is for signatures.
    A3,
    /// Its trust domain is registered and accepts X.509-SVIDs.
    A4,
    /// The bundle of its trust domain is present, fresh, and has a certificate.
    A5,
    /// A path leads to an authority of that bundle, now, for the purpose of the connection.
    A6,
    /// It is made for no longer than its trust domain's record allows.
    A7,
    /// A request over a mutual TLS connection names the identity of its certificate, and in one way only.
    A8,
    /// A bundle is a JWK Set of at most 1 MiB without duplicate members.
    B1,
    /// A bundle's sequence number does not go backwards.
    B2,
    /// A bundle has no key of this instance.
    B3,
    /// A key belongs to one trust domain.
    B4,
    /// A claim that the record pins or matches is present.
    C1,
    /// A pinned claim has the value and the JSON type of the record.
    C2,
    /// The record's own expression does not deny.
    C3,
    /// A granted domain is not a public suffix.
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
    /// The domain, ASCII-lowercased, is granted to the asserter.
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
    /// The header of a JWT-SVID has `alg`, `kid` and `typ` only.
    J1,
    /// Its trust domain is registered and accepts JWT-SVIDs.
    J2,
    /// The bundle of its trust domain is present, fresh, and has a key for it.
    J3,
    /// The key is one of that bundle.
    J4,
    /// `iss` is what its trust domain's record says.
    J5,
    /// It is used again only where its trust domain's record allows that.
    J6,
    /// An identity is used no more often than its trust domain's record allows.
    J7,
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
    /// The label of an issuer in certificates is unique.
    O1,
    /// Released names stay reserved.
    O2,
    /// Where a domain says so, only the issuers that its records list may assert its names.
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
    /// `iss` picks the record before anything else is checked.
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
    /// A WIT-SVID names the key of its holder and no audience.
    W1,
    /// It comes with a proof by that key, for us, fresh, and for exactly this token.
    W2,
    /// A proof is used once.
    W3,
    /// A name belongs to one asserter.
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
