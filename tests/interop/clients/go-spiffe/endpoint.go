package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
)

const patience = 20 * time.Second

func roots(file string) (*x509.CertPool, error) {
	certificates, err := os.ReadFile(file)
	if err != nil {
		return nil, misuse{err}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(certificates) {
		return nil, misuse{fmt.Errorf("no certificate in %s", file)}
	}
	return pool, nil
}

// dial sends one request as a workload does. The server is either a web server (-ca) or has an X.509-SVID (-bundles and -id). What the
// workload presents comes from files as it is: a workload with a bad SVID must be refused by the other side, not by its own library.
func dial(words []string) (verdict, error) {
	flags := flag.NewFlagSet("dial", flag.ContinueOnError)
	chain := flags.String("chain", "", "PEM file with the certificates to present, leaf first")
	key := flags.String("key", "", "PEM file with the leaf's key")
	ca := flags.String("ca", "", "PEM file with the authorities of a web server")
	domains := flags.String("bundles", "", "TD=FILE, with commas between several")
	expected := flags.String("id", "", "the server's SPIFFE ID")
	body := flags.String("body", "", "file to POST; GET without one")
	kind := flags.String("type", "application/json", "content type of the body")
	if err := flags.Parse(words); err != nil {
		return nil, misuse{err}
	}
	if flags.NArg() != 1 || (*ca == "") == (*domains == "") || (*domains == "") != (*expected == "") {
		return nil, errWords
	}
	var config *tls.Config
	if *ca != "" {
		pool, err := roots(*ca)
		if err != nil {
			return nil, err
		}
		config = &tls.Config{RootCAs: pool}
	} else {
		set, err := bundles(*domains)
		if err != nil {
			return refused(err)
		}
		id, err := spiffeid.FromString(*expected)
		if err != nil {
			return nil, misuse{err}
		}
		config = tlsconfig.TLSClientConfig(set, tlsconfig.AuthorizeID(id))
	}
	if *chain != "" {
		pair, err := tls.LoadX509KeyPair(*chain, *key)
		if err != nil {
			return nil, misuse{err}
		}
		// Whatever the server hints at: the listener sends no names of authorities.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if *body != "" {
		file, err := os.Open(*body)
		if err != nil {
			return nil, misuse{err}
		}
		defer file.Close()
		method, content = http.MethodPost, file
	}
	request, err := http.NewRequest(method, flags.Arg(0), content)
	if err != nil {
		return nil, misuse{err}
	}
	if *body != "" {
		request.Header.Set("Content-Type", *kind)
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: patience}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(request)
	if err != nil {
		return no(err), nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return no(err), nil
	}
	leaf := answer.TLS.PeerCertificates[0]
	said := verdict{"accepted": true, "status": answer.StatusCode, "body": string(text), "leaf": digest(leaf.Raw)}
	for _, name := range leaf.URIs {
		said["server"] = name.String()
	}
	said["certificates"] = len(answer.TLS.PeerCertificates)
	return said, nil
}

func fetch(words []string) (verdict, error) {
	if len(words) < 4 {
		return nil, errWords
	}
	domain, err := spiffeid.TrustDomainFromString(words[1])
	if err != nil {
		return nil, misuse{err}
	}
	var option federation.FetchOption
	switch {
	case words[2] == "web" && len(words) == 4:
		pool, err := roots(words[3])
		if err != nil {
			return nil, err
		}
		option = federation.WithWebPKIRoots(pool)
	case words[2] == "spiffe" && len(words) == 5:
		id, err := spiffeid.FromString(words[3])
		if err != nil {
			return nil, misuse{err}
		}
		set, err := bundles(words[4])
		if err != nil {
			return refused(err)
		}
		option = federation.WithSPIFFEAuth(set, id)
	default:
		return nil, errWords
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bundle, err := federation.FetchBundle(ctx, domain, words[0], option)
	if err != nil {
		return no(err), nil
	}
	return describe(bundle)
}

// bundleFile reads the bundle again for every request, so that a test changes what is served by writing a file.
type bundleFile string

func (file bundleFile) GetBundleForTrustDomain(domain spiffeid.TrustDomain) (*spiffebundle.Bundle, error) {
	return spiffebundle.Load(domain, string(file))
}

// serve is a bundle endpoint. It presents the certificates of the file at each handshake: an X.509-SVID makes it https_spiffe, a web
// server's certificate https_web. Its first line says where it listens, then comes one for each request.
func serve(words []string) error {
	if len(words) != 5 {
		return errWords
	}
	address, file, chain, key := words[0], words[2], words[3], words[4]
	domain, err := spiffeid.TrustDomainFromString(words[1])
	if err != nil {
		return misuse{err}
	}
	handler, err := federation.NewHandler(domain, bundleFile(file))
	if err != nil {
		return misuse{err}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return misuse{err}
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(chain, key)
			return &pair, err
		},
	}
	say(verdict{"serving": listener.Addr().String()})
	logged := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		say(verdict{"request": r.Method + " " + r.URL.Path})
		handler.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: logged, TLSConfig: config, ErrorLog: nil, ReadHeaderTimeout: patience}
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// trustDomainOf is the trust domain in the name of a bundle's file, as in a.test.json.
func trustDomainOf(name string) (spiffeid.TrustDomain, error) {
	return spiffeid.TrustDomainFromString(strings.TrimSuffix(name, ".json"))
}
