// Signs a payload as Notation does, with a timestamp of ours in the envelope, and verifies both strictly.
//
//	notation-stamp URL ROOT-PEM [CA-PEM]
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/jws"
	nx509 "github.com/notaryproject/notation-core-go/x509"
	"github.com/notaryproject/tspclient-go"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func pool(file string) *x509.CertPool {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(must(os.ReadFile(file))) {
		fmt.Fprintln(os.Stderr, "no certificate in", file)
		os.Exit(1)
	}
	return pool
}

func certificate(template, parent *x509.Certificate, key *ecdsa.PrivateKey, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey))))
}

// A signer and its root, as Notation's trust policy wants them.
func identity() ([]*x509.Certificate, *ecdsa.PrivateKey) {
	rootKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"XX"}, Province: []string{"X"}, Organization: []string{"interop"}, CommonName: "root"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Country: []string{"XX"}, Province: []string{"X"}, Organization: []string{"interop"}, CommonName: "signer"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	rootCert := certificate(root, root, rootKey, rootKey)
	return []*x509.Certificate{certificate(leaf, rootCert, key, rootKey), rootCert}, key
}

func main() {
	url, roots := os.Args[1], pool(os.Args[2])
	client := &http.Client{Timeout: 30 * time.Second}
	if len(os.Args) > 3 {
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(os.Args[3])}}
	}
	chain, key := identity()
	ctx := context.Background()
	revocations := must(revocation.NewWithOptions(revocation.Options{CertChainPurpose: purpose.Timestamping}))
	request := &signature.SignRequest{
		Payload:                signature.Payload{ContentType: "application/vnd.cncf.notary.payload.v1+json", Content: []byte(`{"targetArtifact":{}}`)},
		Signer:                 must(signature.NewLocalSigner(chain, key)),
		SigningTime:            time.Now(),
		SigningScheme:          signature.SigningSchemeX509,
		Timestamper:            must(tspclient.NewHTTPTimestamper(client, url)),
		TSARootCAs:             roots,
		TSARevocationValidator: revocations,
	}
	sealed := must(jws.NewEnvelope().Sign(request.WithContext(ctx)))
	envelope := must(jws.ParseEnvelope(sealed))
	content := must(envelope.Verify())
	token := must(tspclient.ParseSignedToken(content.SignerInfo.UnsignedAttributes.TimestampSignature))
	info := must(token.Info())
	stamp := must(info.Validate(content.SignerInfo.Signature))
	tsaChain := must(token.Verify(ctx, x509.VerifyOptions{CurrentTime: stamp.Value, Roots: roots}))
	if err := nx509.ValidateTimestampingCertChain(tsaChain); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	results := must(revocations.ValidateContext(ctx, revocation.ValidateContextOptions{CertChain: tsaChain}))
	for _, result := range results {
		fmt.Printf("revocation of %d certificates: %s\n", len(tsaChain), result.Result)
	}
	fmt.Printf("stamped %s, %s\n", stamp.Value.UTC().Format(time.RFC3339Nano), info.Policy)
}
