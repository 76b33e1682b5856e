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
// everything but letters and digits do not matter: "DEADLINE_EXCEEDED" is "DeadlineExceeded".
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
	return strings.ReplaceAll(letters, "cancelled", "canceled")
}

// has reports whether the outcome of a span is one of the outcomes. The last part of a qualified
// error type counts as well as the whole: "context.Canceled" is "canceled".
func (o *Outcomes) has(a *Attrs) bool {
	if o == nil {
		return false
	}
	for _, code := range [...]string{a.rpcStatus, a.grpcStatus, a.connectError} {
		if code != "" && o.names[rpcOutcome(code)] {
			return true
		}
	}
	for _, name := range [...]string{cmp.Or(a.httpStatus, a.httpStatusOld), a.errorType, a.errorType[strings.LastIndexByte(a.errorType, '.')+1:]} {
		if name != "" && (o.names[outcome(name)] || o.hasClassOf(name)) {
			return true
		}
	}
	return false
}

// hasClassOf reports whether a text is a status code of HTTP that belongs to a class among the
// outcomes. The text is the status code of the span or its error.type.
func (o *Outcomes) hasClassOf(code string) bool {
	return len(code) == 3 && isNumber(code) && o.classes[code[0]-'0']
}
