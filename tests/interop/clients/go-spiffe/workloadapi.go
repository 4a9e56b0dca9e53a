package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// state is what the folder says:
//
//	svids/NAME.pem     a chain, leaf first, and its key: an X.509-SVID. The first by name is the default one
//	bundles/TD.json    the bundle of a trust domain. Those of the SVIDs' own trust domains are not federated
//	answer             if there: the gRPC code with which every call ends, such as PERMISSION_DENIED, and nothing is given out
//	empty              if there: a mandatory field of X509SVIDResponse that is left at its default
//
// It is read again at SIGHUP, and every open stream gets the new state, or its end.
type state struct {
	svids   []*workload.X509SVID
	own     map[string]bool
	bundles map[spiffeid.TrustDomain]*spiffebundle.Bundle
	answer  codes.Code
	empty   string
}

func readState(folder string) (*state, error) {
	read := &state{own: map[string]bool{}, bundles: map[spiffeid.TrustDomain]*spiffebundle.Bundle{}}
	files, err := filepath.Glob(filepath.Join(folder, "bundles", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		domain, err := trustDomainOf(filepath.Base(file))
		if err != nil {
			return nil, err
		}
		if read.bundles[domain], err = spiffebundle.Load(domain, file); err != nil {
			return nil, err
		}
	}
	if files, err = filepath.Glob(filepath.Join(folder, "svids", "*.pem")); err != nil {
		return nil, err
	}
	sort.Strings(files)
	for _, file := range files {
		svid, err := readSVID(file, read)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		read.svids = append(read.svids, svid)
	}
	if name := line(filepath.Join(folder, "answer")); name != "" {
		if err := read.answer.UnmarshalJSON([]byte(fmt.Sprintf("%q", name))); err != nil {
			return nil, err
		}
	}
	read.empty = line(filepath.Join(folder, "empty"))
	return read, nil
}

func line(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// readSVID does not check what it reads: a Workload API that serves a bad SVID is part of the tests.
func readSVID(file string, read *state) (*workload.X509SVID, error) {
	svid := &workload.X509SVID{}
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			svid.X509Svid = append(svid.X509Svid, block.Bytes...)
		} else {
			svid.X509SvidKey = block.Bytes
		}
	}
	chain, err := x509.ParseCertificates(svid.X509Svid)
	if err != nil {
		return nil, err
	}
	if len(chain) == 0 || len(chain[0].URIs) == 0 {
		return nil, fmt.Errorf("no certificate with a name")
	}
	svid.SpiffeId = chain[0].URIs[0].String()
	domain, err := spiffeid.TrustDomainFromString(chain[0].URIs[0].Host)
	if err != nil {
		return nil, err
	}
	if bundle, found := read.bundles[domain]; found {
		svid.Bundle = concatenated(bundle)
		read.own[domain.IDString()] = true
	}
	return svid, nil
}

func concatenated(bundle *spiffebundle.Bundle) []byte {
	all := []byte{}
	for _, authority := range bundle.X509Authorities() {
		all = append(all, authority.Raw...)
	}
	return all
}

func (s *state) x509SVIDs() *workload.X509SVIDResponse {
	response := &workload.X509SVIDResponse{FederatedBundles: map[string][]byte{}}
	for _, svid := range s.svids {
		one := &workload.X509SVID{SpiffeId: svid.SpiffeId, X509Svid: svid.X509Svid, X509SvidKey: svid.X509SvidKey, Bundle: svid.Bundle}
		switch s.empty {
		case "spiffe_id":
			one.SpiffeId = ""
		case "x509_svid":
			one.X509Svid = nil
		case "x509_svid_key":
			one.X509SvidKey = nil
		case "bundle":
			one.Bundle = nil
		}
		response.Svids = append(response.Svids, one)
	}
	if s.empty == "svids" {
		response.Svids = nil
	}
	for domain, bundle := range s.bundles {
		if !s.own[domain.IDString()] {
			response.FederatedBundles[domain.IDString()] = concatenated(bundle)
		}
	}
	return response
}

func (s *state) x509Bundles() *workload.X509BundlesResponse {
	response := &workload.X509BundlesResponse{Bundles: map[string][]byte{}}
	for domain, bundle := range s.bundles {
		response.Bundles[domain.IDString()] = concatenated(bundle)
	}
	return response
}

// jwtBundles gives JWK Sets whose keys have no `use`: that is what SPIRE's agent sends too.
func (s *state) jwtBundles() (*workload.JWTBundlesResponse, error) {
	response := &workload.JWTBundlesResponse{Bundles: map[string][]byte{}}
	for domain, bundle := range s.bundles {
		document, err := bundle.JWTBundle().Marshal()
		if err != nil {
			return nil, err
		}
		response.Bundles[domain.IDString()] = document
	}
	return response, nil
}

type workloadAPI struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	folder  string
	lock    sync.Mutex
	now     *state
	changed chan struct{}
}

func (api *workloadAPI) read() error {
	fresh, err := readState(api.folder)
	if err != nil {
		return err
	}
	api.lock.Lock()
	defer api.lock.Unlock()
	api.now = fresh
	if api.changed != nil {
		close(api.changed)
	}
	api.changed = make(chan struct{})
	return nil
}

func (api *workloadAPI) current() (*state, chan struct{}) {
	api.lock.Lock()
	defer api.lock.Unlock()
	return api.now, api.changed
}

// admit applies the specification's guard against requests that a server was tricked into (Workload Endpoint §3), and what the file
// `answer` says. Every call is reported in one line.
func (api *workloadAPI) admit(ctx context.Context, call string) error {
	now, _ := api.current()
	values, _ := metadata.FromIncomingContext(ctx)
	code := now.answer
	if header := values.Get("workload.spiffe.io"); len(header) != 1 || header[0] != "true" {
		code = codes.InvalidArgument
	}
	say(verdict{"call": call, "answer": code.String()})
	if code != codes.OK {
		return status.Error(code, "so it was ordered")
	}
	return nil
}

// stream sends the state, and each new one.
func (api *workloadAPI) stream(ctx context.Context, call string, send func(*state) error) error {
	if err := api.admit(ctx, call); err != nil {
		return err
	}
	for {
		now, changed := api.current()
		if now.answer != codes.OK {
			return status.Error(now.answer, "so it was ordered")
		}
		if err := send(now); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (api *workloadAPI) FetchX509SVID(_ *workload.X509SVIDRequest, to workload.SpiffeWorkloadAPI_FetchX509SVIDServer) error {
	return api.stream(to.Context(), "FetchX509SVID", func(now *state) error { return to.Send(now.x509SVIDs()) })
}

func (api *workloadAPI) FetchX509Bundles(_ *workload.X509BundlesRequest, to workload.SpiffeWorkloadAPI_FetchX509BundlesServer) error {
	return api.stream(to.Context(), "FetchX509Bundles", func(now *state) error { return to.Send(now.x509Bundles()) })
}

func (api *workloadAPI) FetchJWTBundles(_ *workload.JWTBundlesRequest, to workload.SpiffeWorkloadAPI_FetchJWTBundlesServer) error {
	return api.stream(to.Context(), "FetchJWTBundles", func(now *state) error {
		response, err := now.jwtBundles()
		if err != nil {
			return err
		}
		return to.Send(response)
	})
}

// serveWorkloadAPI listens on a Unix socket. Its first line says where, then comes one for each call.
func serveWorkloadAPI(words []string) error {
	if len(words) != 2 {
		return errWords
	}
	api := &workloadAPI{folder: words[1]}
	if err := api.read(); err != nil {
		return misuse{err}
	}
	if err := os.Remove(words[0]); err != nil && !os.IsNotExist(err) {
		return misuse{err}
	}
	listener, err := net.Listen("unix", words[0])
	if err != nil {
		return misuse{err}
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	go func() {
		for range again {
			if err := api.read(); err != nil {
				say(verdict{"error": err.Error()})
				continue
			}
			say(verdict{"read": true})
		}
	}()
	server := grpc.NewServer()
	workload.RegisterSpiffeWorkloadAPIServer(server, api)
	say(verdict{"serving": "unix://" + words[0]})
	return server.Serve(listener)
}
