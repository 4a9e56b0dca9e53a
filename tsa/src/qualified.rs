//! The statement of a qualified electronic timestamp (ETSI EN 319 422 §9.1): extension qcStatements of the TSTInfo,
//! never critical, with `esi4-qtstStatement-1` and no more.
//!
//! A unit makes it in all of its tokens or in none (EN 319 421 TIS-8.2-01). A request may ask for it with the same
//! extension, and is refused where the unit does not make it; without asking, everybody gets what the unit makes.

/// Contents octets of `id-pe-qcStatements`, 1.3.6.1.5.5.7.1.3 (RFC 3739 §3.2.6).
pub(crate) const QC_STATEMENTS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x03];

/// `QCStatements ::= SEQUENCE OF SEQUENCE { statementId OBJECT IDENTIFIER, … }` with 0.4.0.19422.1.1.
pub(crate) const STATEMENTS: &[u8] = &[0x30, 0x0b, 0x30, 0x09, 0x06, 0x07, 0x04, 0x00, 0x81, 0x97, 0x5e, 0x01, 0x01];

/// `extensions [1] IMPLICIT Extensions` of a qualified token: one extension, `critical` left out.
pub(crate) const TST_INFO_EXTENSIONS: &[u8] = &[
    0xa1, 0x1b, 0x30, 0x19, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x03, 0x04, 0x0d, 0x30, 0x0b, 0x30,
    0x09, 0x06, 0x07, 0x04, 0x00, 0x81, 0x97, 0x5e, 0x01, 0x01,
];

#[cfg(test)]
mod tests {
    use shared::x509::DerWriter;
    use shared::x509::der_writer::tag;

    use super::*;
    use crate::policy::PolicyOid;

    #[test]
    fn the_constants_are_what_an_encoder_writes() {
        let oid = |dotted: &str| PolicyOid::parse(dotted).unwrap().der().to_vec();
        let mut statements = DerWriter::default();
        statements.nested(tag::SEQUENCE, |list| {
            list.nested(tag::SEQUENCE, |statement| statement.raw(&oid("0.4.0.19422.1.1")));
        });
        let statements = statements.finish();
        assert_eq!(STATEMENTS, statements);
        assert_eq!(QC_STATEMENTS, &oid("1.3.6.1.5.5.7.1.3")[2..]);
        let mut extensions = DerWriter::default();
        extensions.nested(tag::context_constructed(1), |list| {
            list.nested(tag::SEQUENCE, |extension| {
                extension.value(tag::OBJECT_IDENTIFIER, QC_STATEMENTS);
                extension.value(tag::OCTET_STRING, &statements);
            });
        });
        assert_eq!(TST_INFO_EXTENSIONS, extensions.finish());
    }
}
