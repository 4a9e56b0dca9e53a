// A workload, a validator, a bundle endpoint and a Workload API, all of them go-spiffe's.
//
//	go-spiffe bundle TD FILE                          what it reads in a bundle
//	go-spiffe jwt BUNDLES AUDIENCE TOKEN              whether it takes a JWT-SVID
//	go-spiffe x509 BUNDLES CHAIN.pem [UNIX-SECONDS]   whether it takes an X.509-SVID, now or then
//	go-spiffe dial FLAGS URL                          one request as a workload, with or without an X.509-SVID
//	go-spiffe fetch URL TD web CA.pem                 a bundle from an https_web endpoint
//	go-spiffe fetch URL TD spiffe ID BUNDLES          a bundle from an https_spiffe endpoint
//	go-spiffe serve ADDRESS TD BUNDLE CHAIN.pem KEY.pem
//	go-spiffe workload-api SOCKET FOLDER
//	go-spiffe many                                    one of the first five a line of standard input, each a JSON array of words
//
// BUNDLES is TD=FILE, or several with commas between them. A verdict is one line of JSON and exit status 0, whether it is a yes or a
// no; misuse is exit status 2.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Misuse: what was asked for makes no sense, so there is no verdict.
type misuse struct{ error }

var errWords = misuse{errors.New("wrong words: see the head of main.go")}

// A verdict is printed as it is. One with an error is a no.
type verdict map[string]any

func no(err error) verdict {
	return verdict{"accepted": false, "error": err.Error()}
}

func evaluate(words []string) (verdict, error) {
	if len(words) == 0 {
		return nil, errWords
	}
	commands := map[string]func([]string) (verdict, error){
		"bundle": verifyBundle,
		"jwt":    verifyJWT,
		"x509":   verifyX509,
		"dial":   dial,
		"fetch":  fetch,
	}
	one, known := commands[words[0]]
	if !known {
		return nil, errWords
	}
	return one(words[1:])
}

func many() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var words []string
		if err := json.Unmarshal(lines.Bytes(), &words); err != nil {
			return misuse{err}
		}
		said, err := evaluate(words)
		if err != nil {
			return err
		}
		say(said)
	}
	return lines.Err()
}

func say(said verdict) {
	line, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

func run(words []string) error {
	if len(words) == 0 {
		return errWords
	}
	switch words[0] {
	case "many":
		return many()
	case "serve":
		return serve(words[1:])
	case "workload-api":
		return serveWorkloadAPI(words[1:])
	}
	said, err := evaluate(words)
	if err == nil {
		say(said)
	}
	return err
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.As(err, &misuse{}) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}
