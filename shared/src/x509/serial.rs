//! Serial numbers of certificates.

use crate::random::Random;

/// A node's share of the serial numbers, 1 to 127: nodes of one instance never draw the same number, whatever their
/// generators do, and the first octet being neither zero nor above 127 keeps the INTEGER positive and its length
/// constant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NodePrefix(u8);

impl NodePrefix {
    /// The only node of an instance that has one.
    pub const FIRST: Self = Self(1);

    /// The node numbered `number`, 1 to 127.
    pub fn parse(number: u8) -> Option<Self> {
        (1..=127).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

/// A positive serial number of 17 octets: the node's prefix, then 128 random bits. RFC 5280 §4.1.2.2 allows 20 octets;
/// the CA/B baseline requirements §7.1 ask for 64 random bits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SerialNumber([u8; 17]);

impl SerialNumber {
    /// A fresh number of this node.
    pub fn random(node: NodePrefix, random: &dyn Random) -> Self {
        let mut octets = [0; 17];
        random.fill(&mut octets[1..]);
        octets[0] = node.0;
        Self(octets)
    }

    /// Big-endian; as the contents of an INTEGER these octets are minimal and positive.
    pub fn as_bytes(&self) -> &[u8; 17] {
        &self.0
    }

    /// Lower-case hex, as logs write it.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn numbers_are_positive_carry_their_node_and_do_not_repeat() {
        let node = NodePrefix::parse(127).expect("in range");
        let (first, second) = (SerialNumber::random(node, &SystemRandom), SerialNumber::random(node, &SystemRandom));
        assert_eq!(first.as_bytes()[0], 127);
        assert_ne!(first, second);
        assert_eq!(NodePrefix::parse(0), None);
        assert_eq!(NodePrefix::parse(128), None);
    }
}
