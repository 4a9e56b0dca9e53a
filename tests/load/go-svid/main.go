// Verifies with go-spiffe what `cargo bench -p privyseal-benches --bench svid` wrote into a folder, and prints for each file the processor
// time of one verification in microseconds, of this process and all its threads, garbage collection with it.
package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

const id = "spiffe://example.org/ci/release/builder"

func main() {
	folder := os.Args[1]
	bundle, err := spiffebundle.Parse(spiffeid.RequireTrustDomainFromString("example.org"), read(folder, "bundle.json"))
	check(err)

	token := string(bytes.TrimSpace(read(folder, "jwt-es256")))
	measure("jwt-es256", func() error {
		svid, err := jwtsvid.ParseAndValidate(token, bundle, []string{"sigstore"})
		if err == nil && svid.ID.String() != id {
			return fmt.Errorf("it is %s", svid.ID)
		}
		return err
	})
	for certificates := 1; certificates <= 3; certificates++ {
		name := fmt.Sprintf("x509-p256-%d", certificates)
		parsed, err := x509.ParseCertificates(read(folder, name))
		check(err)
		var chain [][]byte
		for _, certificate := range parsed {
			chain = append(chain, certificate.Raw)
		}
		if len(chain) != certificates {
			log.Fatalf("%s holds %d certificates", name, len(chain))
		}
		measure(name, func() error {
			found, _, err := x509svid.ParseAndVerify(chain, bundle)
			if err == nil && found.String() != id {
				return fmt.Errorf("it is %s", found)
			}
			return err
		})
	}
}

// measure repeats what it is given for a second to warm up, then for three, and prints the mean.
func measure(name string, once func() error) {
	repeat(time.Second, once)
	start := processorTime()
	count := repeat(3*time.Second, once)
	fmt.Printf("%s\t%.1f\n", name, (processorTime()-start).Seconds()*1e6/float64(count))
}

func repeat(span time.Duration, once func() error) (count int) {
	for end := time.Now().Add(span); time.Now().Before(end); {
		for range 100 {
			check(once())
		}
		count += 100
	}
	return count
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func read(folder, name string) []byte {
	content, err := os.ReadFile(filepath.Join(folder, name))
	check(err)
	return content
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
