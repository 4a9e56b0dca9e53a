import com.nimbusds.jose.util.JSONArrayUtils;
import com.nimbusds.jose.util.JSONObjectUtils;
import io.spiffe.bundle.jwtbundle.JwtBundle;
import io.spiffe.bundle.jwtbundle.JwtBundleSet;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.bundle.x509bundle.X509BundleSet;
import io.spiffe.internal.CertificateUtils;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.svid.x509svid.X509SvidValidator;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What java-spiffe says of bundles and SVIDs, one line of JSON a verdict, as the program in clients/go-spiffe.
 *
 * <pre>
 * Verifier bundle TD FILE
 * Verifier jwt BUNDLES AUDIENCE TOKEN
 * Verifier x509 BUNDLES CHAIN.pem
 * Verifier many                        one of these a line of standard input, each a JSON array of words
 * </pre>
 *
 * java-spiffe knows the two forms that the Workload API has, JWK Sets and concatenated certificates, and no bundle document. So Nimbus,
 * which it is built on, reads the document; the entries are sorted by `use` here, and java-spiffe is given each kind in its form.
 */
public final class Verifier {
    /** What was asked for makes no sense, so there is no verdict. */
    private static final class Misuse extends Exception {
        private static final long serialVersionUID = 1;

        Misuse(String message) {
            super(message);
        }
    }

    private record Bundle(TrustDomain domain, JwtBundle jwt, X509Bundle x509, Map<String, Object> document) {
        static Bundle parse(String name, Path file) throws Exception {
            TrustDomain domain = TrustDomain.parse(name);
            Map<String, Object> document = JSONObjectUtils.parse(Files.readString(file));
            List<Object> jwt = new ArrayList<>();
            ByteArrayOutputStream authorities = new ByteArrayOutputStream();
            Map<String, Object>[] keys = JSONObjectUtils.getJSONObjectArray(document, "keys");
            if (keys == null) {
                throw new IllegalArgumentException("no keys");
            }
            for (Map<String, Object> key : keys) {
                Object use = key.get("use");
                if ("jwt-svid".equals(use)) {
                    jwt.add(key);
                } else if ("x509-svid".equals(use)) {
                    List<Object> chain = JSONObjectUtils.getJSONArray(key, "x5c");
                    // Only the first one is an authority (X509-SVID §6.2).
                    if (chain != null && !chain.isEmpty()) {
                        authorities.writeBytes(Base64.getDecoder().decode((String) chain.get(0)));
                    }
                }
            }
            byte[] set = JSONObjectUtils.toJSONString(Map.of("keys", jwt)).getBytes(StandardCharsets.UTF_8);
            X509Bundle x509 = authorities.size() == 0 ? new X509Bundle(domain) : X509Bundle.parse(domain, authorities.toByteArray());
            return new Bundle(domain, JwtBundle.parse(domain, set), x509, document);
        }

        /** TD=FILE, or several with commas between them. */
        static List<Bundle> parseAll(String word) throws Exception {
            List<Bundle> all = new ArrayList<>();
            for (String one : word.split(",")) {
                String[] parts = one.split("=", 2);
                if (parts.length != 2) {
                    throw new Misuse(one + " is not TD=FILE");
                }
                all.add(parse(parts[0], Path.of(parts[1])));
            }
            return all;
        }
    }

    private static String digest(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static Map<String, Object> bundle(String name, String file) throws Exception {
        Bundle bundle = Bundle.parse(name, Path.of(file));
        List<Object> authorities = new ArrayList<>();
        for (X509Certificate authority : bundle.x509.getX509Authorities()) {
            authorities.add(digest(authority.getEncoded()));
        }
        Map<String, Object> keys = new LinkedHashMap<>();
        for (Map.Entry<String, PublicKey> key : bundle.jwt.getJwtAuthorities().entrySet()) {
            keys.put(key.getKey(), digest(key.getValue().getEncoded()));
        }
        Map<String, Object> said = new LinkedHashMap<>(Map.of("accepted", true, "x509", authorities, "jwt", keys));
        for (String[] member : new String[][] {{"sequence", "spiffe_sequence"}, {"refresh_hint", "spiffe_refresh_hint"}}) {
            if (bundle.document.containsKey(member[1])) {
                said.put(member[0], bundle.document.get(member[1]));
            }
        }
        return said;
    }

    private static Map<String, Object> jwt(String bundles, String audience, String token) throws Exception {
        JwtBundleSet set = JwtBundleSet.of(Bundle.parseAll(bundles).stream().map(Bundle::jwt).toList());
        return named(JwtSvid.parseAndValidate(token, set, Set.of(audience)).getSpiffeId().toString());
    }

    /** As java-spiffe's trust manager does with a peer's certificates: the chain, then the name. */
    private static Map<String, Object> x509(String bundles, String file) throws Exception {
        X509BundleSet set = X509BundleSet.of(Bundle.parseAll(bundles).stream().map(Bundle::x509).toList());
        List<X509Certificate> chain = CertificateUtils.generateCertificates(Files.readAllBytes(Path.of(file)));
        X509SvidValidator.verifyChain(chain, set);
        return named(CertificateUtils.getSpiffeId(chain.get(0)).toString());
    }

    private static Map<String, Object> named(String id) {
        return Map.of("accepted", true, "spiffe_id", id);
    }

    private static Map<String, Object> evaluate(List<String> words) throws Misuse {
        try {
            switch (words.isEmpty() ? "" : words.get(0) + words.size()) {
                case "bundle3":
                    return bundle(words.get(1), words.get(2));
                case "jwt4":
                    return jwt(words.get(1), words.get(2), words.get(3));
                case "x5093":
                    return x509(words.get(1), words.get(2));
                default:
                    throw new Misuse("wrong words: see the head of Verifier.java");
            }
        } catch (Misuse misuse) {
            throw misuse;
        } catch (NoSuchFileException missing) {
            throw new Misuse("no file " + missing.getMessage());
        } catch (Exception error) {
            // The library's refusals are of many kinds, unchecked ones among them.
            Throwable cause = error.getCause();
            return Map.of("accepted", false, "error", error + (cause == null ? "" : ": " + cause));
        }
    }

    private static void say(Map<String, Object> said) {
        System.out.println(JSONObjectUtils.toJSONString(said));
    }

    public static void main(String[] args) throws Exception {
        try {
            if (args.length == 1 && args[0].equals("many")) {
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    say(evaluate(JSONArrayUtils.parse(line).stream().map(Object::toString).toList()));
                }
            } else {
                say(evaluate(List.of(args)));
            }
        } catch (Misuse misuse) {
            System.err.println(misuse.getMessage());
            System.exit(2);
        }
    }
}
