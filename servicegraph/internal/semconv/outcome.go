package semconv

import (
	"cmp"
	"strconv"
	"strings"
)

// Outcomes are outcomes of calls, as status codes of HTTP and gRPC and the attribute error.type
// name them. Outcomes never change and are safe for concurrent use. A nil *Outcomes contains none.
type Outcomes struct {
	names   map[string]bool
	classes [10]bool // of status codes of HTTP, by their first digit
}

// NewOutcomes returns the outcomes with the given names, nil if there are none. Case and
// everything but letters and digits do not matter: "DEADLINE_EXCEEDED" is "DeadlineExceeded", and
// "deadline" is short for it.
// A number up to 16 is a status code of gRPC, and 4xx stands for the status codes of HTTP from 400
// to 499.
func NewOutcomes(names []string) *Outcomes {
	if len(names) == 0 {
		return nil
	}
	o := &Outcomes{names: make(map[string]bool)}
	for _, name := range names {
		switch name = rpcOutcome(name); {
		case name == "":
		case len(name) == 3 && isNumber(name[:1]) && name[1:] == "xx":
			o.classes[name[0]-'0'] = true
		default:
			o.names[name] = true
		}
	}
	return o
}

// grpcCodes are the names of the status codes of gRPC, from 0 on.
var grpcCodes = [...]string{
	"ok", "canceled", "unknown", "invalidargument", "deadlineexceeded", "notfound", "alreadyexists", "permissiondenied", "resourceexhausted",
	"failedprecondition", "aborted", "outofrange", "unimplemented", "internal", "unavailable", "dataloss", "unauthenticated",
}

// rpcOutcome returns the canonical name of a status code of gRPC that is given by name or number.
func rpcOutcome(name string) string {
	if n, err := strconv.Atoi(name); err == nil && 0 <= n && n < len(grpcCodes) {
		return grpcCodes[n]
	}
	return outcome(name)
}

// outcome returns the canonical form of the name of an outcome.
func outcome(name string) string {
	letters := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, name)
	if letters == "deadline" {
		return "deadlineexceeded"
	}
	return synonyms.Replace(letters)
}

// synonyms maps words for one outcome to one word.
var synonyms = strings.NewReplacer("cancelled", "canceled", "cancellation", "canceled", "etimedout", "timeout", "timedout", "timeout")

// has reports whether the outcome of a span is one of the outcomes. OpenTracing's tag error has the
// status code in spans of Zipkin.
func (o *Outcomes) has(a *Attrs) bool {
	if o == nil {
		return false
	}
	for _, code := range [...]string{a.rpcStatus, a.grpcStatus, a.connectError, a.errorType, ErrorIn(a.errorTag), ErrorIn(a.statusMessage)} {
		if code != "" && (o.names[rpcOutcome(code)] || o.hasError(code)) {
			return true
		}
	}
	for _, code := range [...]string{cmp.Or(a.httpStatus, a.httpStatusOld), a.errorType, a.errorTag} {
		if code != "" && (o.names[outcome(code)] || o.hasClassOf(code)) {
			return true
		}
	}
	return false
}

// hasError reports whether the name of an error is the name of one of the outcomes, apart from the
// package and from words that say only that it is an error: "context.Canceled", "context canceled",
// "TaskCanceledException" and "java.util.concurrent.CancellationException" are "canceled".
func (o *Outcomes) hasError(name string) bool {
	name = name[strings.LastIndexAny(name, `.:$\`)+1:]
	words := wordsOf(name)
	if o.names[outcome(name)] {
		return true
	}
	for len(words) > 1 && isErrorWord(words[len(words)-1]) {
		words = words[:len(words)-1]
	}
	for len(words) > 1 && isErrorSubject(words[0]) {
		words = words[1:]
	}
	return o.names[outcome(strings.Join(words, ""))]
}

// ErrorIn returns the part of the message of an error that can name the outcome, as Go writes messages:
// the text after the last colon, or the status code in "rpc error: code = Canceled desc = …". It returns
// an empty text if the part has more than 64 bytes.
func ErrorIn(message string) string {
	if code, found := strings.CutPrefix(message, "rpc error: code = "); found {
		message, _, _ = strings.Cut(code, " desc")
	}
	if message = message[strings.LastIndex(message, ": ")+1:]; len(message) > 64 {
		return ""
	}
	return message
}

// isErrorWord reports whether the last word of the name of an error says only that it is one.
func isErrorWord(word string) bool { return word == "error" || word == "exception" || word == "err" }

// isErrorSubject reports whether the first word of the name of an error tells only which part of a
// call failed.
func isErrorSubject(word string) bool {
	switch word {
	case "context", "operation", "task", "request", "call", "connect", "socket", "read", "write", "io", "i", "o", "service", "http", "rpc", "grpc":
		return true
	}
	return false
}

// wordsOf returns the words of a name in lower case: "TaskCanceledException" has three words, and
// "DEADLINE_EXCEEDED" has two.
func wordsOf(name string) (words []string) {
	isUpper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	isLetter := func(c byte) bool { return isUpper(c) || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
	for from := 0; from < len(name); {
		to := from + 1
		if isLetter(name[from]) {
			for to < len(name) && isLetter(name[to]) && (!isUpper(name[to]) || isUpper(name[to-1]) && (to+1 == len(name) || !isLetter(name[to+1]) || isUpper(name[to+1]))) {
				to++
			}
			words = append(words, strings.ToLower(name[from:to]))
		}
		from = to
	}
	return words
}

// hasClassOf reports whether a text is a status code of HTTP that belongs to a class among the
// outcomes. The text is the status code of the span or its error.type.
func (o *Outcomes) hasClassOf(code string) bool {
	return len(code) == 3 && isNumber(code) && o.classes[code[0]-'0']
}
