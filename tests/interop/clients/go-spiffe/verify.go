package main

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// What a bundle holds, in words that another implementation can be asked for too: the digests of the authorities' certificates and
// of the public keys (SubjectPublicKeyInfo) behind each `kid`.
func describe(bundle *spiffebundle.Bundle) (verdict, error) {
	authorities := []string{}
	for _, certificate := range bundle.X509Authorities() {
		authorities = append(authorities, digest(certificate.Raw))
	}
	said := verdict{"accepted": true, "x509": authorities}
	for name, keys := range map[string]map[string]crypto.PublicKey{"jwt": bundle.JWTAuthorities(), "wit": bundle.WITAuthorities()} {
		digests := map[string]string{}
		for kid, key := range keys {
			der, err := x509.MarshalPKIXPublicKey(key)
			if err != nil {
				return nil, err
			}
			digests[kid] = digest(der)
		}
		said[name] = digests
	}
	if sequence, has := bundle.SequenceNumber(); has {
		said["sequence"] = sequence
	}
	if hint, has := bundle.RefreshHint(); has {
		said["refresh_hint"] = int64(hint / time.Second)
	}
	return said, nil
}

func digest(bytes []byte) string {
	sum := sha256.Sum256(bytes)
	return hex.EncodeToString(sum[:])
}

func verifyBundle(words []string) (verdict, error) {
	if len(words) != 2 {
		return nil, errWords
	}
	domain, err := spiffeid.TrustDomainFromString(words[0])
	if err != nil {
		return nil, misuse{err}
	}
	document, err := os.ReadFile(words[1])
	if err != nil {
		return nil, misuse{err}
	}
	bundle, err := spiffebundle.Parse(domain, document)
	if err != nil {
		return no(err), nil
	}
	said, err := describe(bundle)
	if err != nil {
		return no(err), nil
	}
	return said, nil
}

// bundles reads TD=FILE,TD=FILE. A document that go-spiffe refuses is a verdict, not misuse.
func bundles(word string) (*spiffebundle.Set, error) {
	set := spiffebundle.NewSet()
	for _, one := range strings.Split(word, ",") {
		name, file, found := strings.Cut(one, "=")
		if !found {
			return nil, misuse{fmt.Errorf("%q is not TD=FILE", one)}
		}
		domain, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			return nil, misuse{err}
		}
		document, err := os.ReadFile(file)
		if err != nil {
			return nil, misuse{err}
		}
		bundle, err := spiffebundle.Parse(domain, document)
		if err != nil {
			return nil, err
		}
		set.Add(bundle)
	}
	return set, nil
}

// refused makes a verdict of an error, unless it is misuse.
func refused(err error) (verdict, error) {
	if wrong, is := err.(misuse); is {
		return nil, wrong
	}
	return no(err), nil
}

func verifyJWT(words []string) (verdict, error) {
	if len(words) != 3 {
		return nil, errWords
	}
	set, err := bundles(words[0])
	if err != nil {
		return refused(err)
	}
	svid, err := jwtsvid.ParseAndValidate(words[2], set, []string{words[1]})
	if err != nil {
		return no(err), nil
	}
	return verdict{"accepted": true, "spiffe_id": svid.ID.String()}, nil
}

func verifyX509(words []string) (verdict, error) {
	if len(words) != 2 && len(words) != 3 {
		return nil, errWords
	}
	options := []x509svid.VerifyOption{}
	if len(words) == 3 {
		then, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return nil, misuse{err}
		}
		options = append(options, x509svid.WithTime(time.Unix(then, 0)))
	}
	set, err := bundles(words[0])
	if err != nil {
		return refused(err)
	}
	chain, err := chainOf(words[1])
	if err != nil {
		return nil, err
	}
	id, _, err := x509svid.ParseAndVerify(chain, set, options...)
	if err != nil {
		return no(err), nil
	}
	return verdict{"accepted": true, "spiffe_id": id.String()}, nil
}

// chainOf gives the DER of each certificate of a PEM file, unread.
func chainOf(file string) ([][]byte, error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, misuse{err}
	}
	chain := [][]byte{}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	if len(chain) == 0 {
		return nil, misuse{fmt.Errorf("no certificate in %s", file)}
	}
	return chain, nil
}
