package graphtest

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// Parse reads rules, one per line. A line that ends in a comma or in > continues on the next
// line, and a comment begins with #. The name of the file appears in errors. If there are
// mistakes, Parse returns the valid rules with an error that joins one [*SyntaxError] for
// each mistake. The rules have a method Position() (file string, line int).
func Parse(name, text string) ([]Rule, error) {
	s := newScanner(name, text)
	var rules []Rule
	var errs []error
	for s.tok.text != "" {
		if s.accept("\n") {
			continue
		}
		start := s.errorf(s.tok, "")
		r, err := s.rule()
		r.file, r.line = start.File, start.Line
		if err == nil && !s.atEnd() {
			err = s.errorf(s.tok, "want the end of the rule here, not %s", s.shown())
		}
		if err != nil {
			errs = append(errs, err)
			s.skipStatement()
			continue
		}
		rules = append(rules, r)
	}
	return rules, errors.Join(errs...)
}

// keywords are the first words of the rules.
var keywords = []string{
	"exactly", "contains", "path", "never", "only", "layers", "acyclic", "connected",
	"per-trace", "retries", "depth", "fan-out", "calls", "errors", "latency", "async",
	"no-orphans", "unresolved", "empty",
}

func (s *scanner) rule() (rule, *SyntaxError) {
	word := s.tok
	if !slices.Contains(keywords, word.text) {
		return rule{}, s.errorf(word, "unknown rule %s%s", s.shown(), suggest.DidYouMean(word.text, keywords))
	}
	s.next()
	switch word.text {
	case "exactly", "contains":
		return s.edgesRule(word.text)
	case "path":
		list, err := s.chain()
		return pathRule(list), err
	case "never":
		a, err := s.arrow()
		return neverRule(a), err
	case "only":
		return s.onlyRule()
	case "layers":
		return s.layersRule()
	case "acyclic":
		return acyclicRule(), nil
	case "connected":
		return connectedRule(), nil
	case "depth":
		n, err := s.atMost()
		return depthRule(n), err
	case "fan-out":
		p, err := s.pattern()
		if err != nil {
			return rule{}, err
		}
		n, err := s.atMost()
		return fanOutRule(p, n), err
	case "no-orphans":
		return noOrphansRule(), nil
	case "unresolved":
		n, err := s.atMost()
		return unresolvedRule(n), err
	case "empty":
		return emptyRule(), nil
	}
	b, err := s.boundHead(word)
	if err != nil {
		return rule{}, err
	}
	a, err := s.arrow()
	if err != nil {
		return rule{}, err
	}
	err = s.boundTail(&b)
	return boundRule(a, b), err
}

func (s *scanner) edgesRule(keyword string) (rule, *SyntaxError) {
	var chains [][]pattern
	for {
		list, err := s.chain()
		if err != nil {
			return rule{}, err
		}
		if chains = append(chains, list); !s.accept(",") {
			break
		}
	}
	if keyword == "exactly" {
		return exactlyRule(chains), nil
	}
	return containsRule(chains), nil
}

func (s *scanner) onlyRule() (rule, *SyntaxError) {
	from, err := s.pattern()
	if err != nil {
		return rule{}, err
	}
	if err := s.expect("->"); err != nil {
		return rule{}, err
	}
	if s.accept(nothing) {
		return onlyRule(from, nil), nil
	}
	to, err := s.patterns()
	return onlyRule(from, to), err
}

func (s *scanner) layersRule() (rule, *SyntaxError) {
	var layers [][]pattern
	for {
		layer, err := s.patterns()
		if err != nil {
			return rule{}, err
		}
		if layers = append(layers, layer); !s.accept(">") {
			break
		}
	}
	if len(layers) < 2 {
		return rule{}, s.errorf(s.tok, "want > and another layer here, not %s", s.shown())
	}
	return layersRule(layers), nil
}

// boundWords are the first words of a bound of one edge.
var boundWords = []string{"calls", "per-trace", "retries", "errors", "latency", "async"}

// boundHead parses the part of a bound before the edge, except for the first word.
func (s *scanner) boundHead(word token) (bound, *SyntaxError) {
	b := bound{word: word.text}
	if b.word != "latency" {
		return b, nil
	}
	switch s.tok.text {
	case servicegraph.CallerSide.String():
		b.side = servicegraph.CallerSide
	case servicegraph.CalleeSide.String():
		b.side = servicegraph.CalleeSide
	default:
		return b, s.errorf(s.tok, "want caller or callee here, the side that measures the latency, not %s", s.shown())
	}
	s.next()
	digits, found := strings.CutPrefix(s.tok.text, "p")
	q, err := strconv.ParseFloat(digits, 64)
	if !found || err != nil || !(q >= 0 && q <= 100) {
		return b, s.errorf(s.tok, "want a percentile such as p95 or p99.9 here, not %s", s.shown())
	}
	s.next()
	b.percentile = q
	return b, nil
}

// boundTail parses the part of a bound after the edge.
func (s *scanner) boundTail(b *bound) *SyntaxError {
	switch b.word {
	case "async":
		return nil
	case "calls":
		return s.callRange(b)
	case "errors", "latency":
		if err := s.expect("at", "most"); err != nil {
			return err
		}
	default:
		n, err := s.atMost()
		b.most = float64(n)
		return err
	}
	if b.word == "latency" {
		d, err := time.ParseDuration(s.tok.text)
		if err != nil || d < 0 {
			return s.errorf(s.tok, "want a duration such as 300ms or 1.5s here, not %s", s.shown())
		}
		b.duration = d
	} else {
		digits, found := strings.CutSuffix(s.tok.text, "%")
		percent, err := strconv.ParseFloat(digits, 64)
		if !found || err != nil || !(percent >= 0 && percent <= 100) {
			return s.errorf(s.tok, "want a percentage such as 0%% or 0.5%% here, not %s", s.shown())
		}
		b.most = percent
	}
	s.next()
	return nil
}

// callRange parses 3, 3..5, 3.. or ..5.
func (s *scanner) callRange(b *bound) *SyntaxError {
	low, high, isRange := strings.Cut(s.tok.text, "..")
	least, err1 := parseCount(low, 0)
	most, err2 := parseCount(high, -1)
	if !isRange {
		most = least
	}
	if err1 != nil || err2 != nil || low+high == "" || (most >= 0 && most < least) {
		return s.errorf(s.tok, "want a number of calls such as 3, 3..5 or 3.. here, not %s", s.shown())
	}
	s.next()
	b.least, b.most = float64(least), float64(most)
	return nil
}

// parseCount parses a number that is not negative and that an int and a float64 hold exactly.
// An empty text is the number empty.
func parseCount(s string, empty int) (int, error) {
	if s == "" {
		return empty, nil
	}
	n, err := strconv.ParseUint(s, 10, min(53, strconv.IntSize-1))
	return int(n), err
}

// atMost parses "at most N".
func (s *scanner) atMost() (int, *SyntaxError) {
	if err := s.expect("at", "most"); err != nil {
		return 0, err
	}
	n, err := parseCount(s.tok.text, -1)
	if err != nil || n < 0 {
		return 0, s.errorf(s.tok, "want a number here, not %s", s.shown())
	}
	s.next()
	return n, nil
}
