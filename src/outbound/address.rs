//! Which addresses a record lets us connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use broker::issuer::Reach;

/// The kind of network that an address belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AddressKind {
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, RFC 4193, and the shared space of RFC 6598.
    Private,
    /// The internet.
    Public,
    /// Addresses that are never connected to: link-local (where clouds keep their credentials), multicast,
    /// documentation, benchmarks, unspecified, and tunnels that hide another address.
    Reserved,
}

impl AddressKind {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// The special-purpose registry of RFC 6890.
    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [0, ..] | [169, 254, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] | [224..=255, ..] => {
                Self::Reserved
            }
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Reserved,
            _ => Self::Public,
        }
    }

    /// Global unicast is 2000::/3 (RFC 4291 §2.4) less documentation (RFC 3849, RFC 9637), protocol assignments (RFC
    /// 2928) and 6to4. An address that embeds an IPv4 address is treated as that.
    fn of_v6(address: Ipv6Addr) -> Self {
        if let Some(mapped) = address.to_ipv4_mapped() {
            return Self::of_v4(mapped);
        }
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // NAT64 (RFC 6052 §2.1): how a host without IPv4 sees the internet.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                Self::of_v4(Ipv4Addr::new(a, b, c, d))
            }
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0x2001, 0x0db8 | ..=0x01ff, ..] | [0x2002, ..] | [0x3fff, ..=0x0fff, ..] => Self::Reserved,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }

    /// Whether the record allows connections to such an address.
    pub(super) fn is_allowed(self, reach: &Reach) -> bool {
        match self {
            Self::Loopback => reach.danger_loopback_http,
            Self::Private => reach.internal,
            Self::Public => true,
            Self::Reserved => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let cases = [
            ("127.0.0.1", AddressKind::Loopback),
            ("127.9.9.9", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("::ffff:127.0.0.1", AddressKind::Loopback),
            ("10.1.2.3", AddressKind::Private),
            ("172.16.0.1", AddressKind::Private),
            ("172.31.255.255", AddressKind::Private),
            ("192.168.1.1", AddressKind::Private),
            ("100.64.0.1", AddressKind::Private),
            ("fd00::1", AddressKind::Private),
            ("::ffff:10.0.0.1", AddressKind::Private),
            ("64:ff9b::a00:1", AddressKind::Private),
            ("8.8.8.8", AddressKind::Public),
            ("172.32.0.1", AddressKind::Public),
            ("100.128.0.1", AddressKind::Public),
            ("2606:4700::1111", AddressKind::Public),
            ("2a00:1450::1", AddressKind::Public),
            ("64:ff9b::808:808", AddressKind::Public),
            ("0.0.0.0", AddressKind::Reserved),
            ("169.254.169.254", AddressKind::Reserved),
            ("::ffff:169.254.169.254", AddressKind::Reserved),
            ("64:ff9b::a9fe:a9fe", AddressKind::Reserved),
            ("192.0.2.1", AddressKind::Reserved),
            ("198.18.0.1", AddressKind::Reserved),
            ("224.0.0.1", AddressKind::Reserved),
            ("255.255.255.255", AddressKind::Reserved),
            ("::", AddressKind::Reserved),
            ("::127.0.0.1", AddressKind::Reserved),
            ("fe80::1", AddressKind::Reserved),
            ("fec0::1", AddressKind::Reserved),
            ("ff02::1", AddressKind::Reserved),
            ("2001::1", AddressKind::Reserved),
            ("2001:db8::1", AddressKind::Reserved),
            ("2002:7f00:1::", AddressKind::Reserved),
            ("3fff::1", AddressKind::Reserved),
        ];
        for (address, place) in cases {
            assert_eq!(AddressKind::of(address.parse().expect("is an address")), place, "{address}");
        }
    }
}
