import eu.europa.esig.dss.enumerations.Indication;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.model.InMemoryDocument;
import eu.europa.esig.dss.service.crl.OnlineCRLSource;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.client.http.NativeHTTPDataLoader;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.validation.reports.Reports;
import eu.europa.esig.dss.validation.timestamp.DetachedTimestampValidator;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Validates a token with the European Commission's DSS: Validate TOKEN DATA ROOT-PEM. */
public final class Validate {
    public static void main(String[] args) throws Exception {
        CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
        trusted.addCertificate(DSSUtils.loadCertificate(new File(args[2])));
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        verifier.setTrustedCertSources(trusted);
        verifier.setCrlSource(new OnlineCRLSource(new NativeHTTPDataLoader()));
        DetachedTimestampValidator validator =
                new DetachedTimestampValidator(new InMemoryDocument(Files.readAllBytes(Path.of(args[0]))));
        validator.setCertificateVerifier(verifier);
        validator.setDetachedContents(List.of(new FileDocument(args[1])));
        Reports reports = validator.validateDocument();
        SimpleReport report = reports.getSimpleReport();
        String id = report.getTimestampIdList().get(0);
        Indication indication = report.getIndication(id);
        System.out.println(indication + " " + report.getSubIndication(id) + " " + report.getProductionTime(id)
                + " qualification " + report.getTimestampQualification(id));
        report.getAdESValidationErrors(id).forEach(message -> System.out.println("error: " + message.getValue()));
        report.getAdESValidationWarnings(id).forEach(message -> System.out.println("warning: " + message.getValue()));
        boolean offersRevocation = !validator.getDetachedTimestamps().get(0).getCertificates().stream()
                .allMatch(certificate -> certificate.getCertificate().getExtensionValue("2.5.29.31") == null);
        List<String> errors = report.getAdESValidationErrors(id).stream().map(message -> message.getValue()).toList();
        if (!offersRevocation && indication == Indication.INDETERMINATE
                && errors.stream().allMatch(error -> error.startsWith("No revocation data") || error.startsWith("The certificate validation"))) {
            System.out.println("PASSED but for revocation, of which the certificate says nothing");
            return;
        }
        if (indication != Indication.PASSED && indication != Indication.TOTAL_PASSED) {
            System.exit(1);
        }
    }
}
