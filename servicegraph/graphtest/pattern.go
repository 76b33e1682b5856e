package graphtest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// A pattern selects nodes: [NAMESPACE/]NAME[TYPE], the type in brackets. Without a
// namespace it is any, with an empty one ("/web") none; without a type it is any.
type pattern struct {
	namespace    part
	anyNamespace bool
	name         part
	typ          servicegraph.NodeType // empty: any
}

// A part is a name, or a glob of one.
type part struct {
	text string
	glob bool // * and ? stand for other characters
}

// nodeTypes are the types that a pattern may name.
var nodeTypes = []string{
	string(servicegraph.TypeService), string(servicegraph.TypeDatabase), string(servicegraph.TypeQueue),
	string(servicegraph.TypeExternal), string(servicegraph.TypeFunction), string(servicegraph.TypeModel),
	string(servicegraph.TypeRPC), string(servicegraph.TypeIP), string(servicegraph.TypeGroup),
}

// parsePattern reads one word of a rule.
func parsePattern(word string) (pattern, error) {
	p := pattern{anyNamespace: true}
	first, rest, err := cutPart(word, "/[")
	if err != nil {
		return p, err
	}
	p.name = first
	if after, found := strings.CutPrefix(rest, "/"); found {
		p.namespace, p.anyNamespace = first, false
		if p.name, rest, err = cutPart(after, "["); err != nil {
			return p, err
		}
	}
	if inner, found := strings.CutPrefix(rest, "["); found {
		typ, ok := strings.CutSuffix(inner, "]")
		switch {
		case !ok:
			return p, fmt.Errorf("%s: the bracket of the type is not closed", word)
		case !slices.Contains(nodeTypes, typ):
			return p, fmt.Errorf("%s: unknown type %q: the types are %s%s", word, typ, strings.Join(nodeTypes, ", "), suggest.DidYouMean(typ, nodeTypes))
		}
		p.typ, rest = servicegraph.NodeType(typ), ""
	}
	if rest != "" {
		return p, fmt.Errorf("%s: unexpected %q", word, rest)
	}
	if p.name.text == "" {
		return p, fmt.Errorf("%s: the name is empty", word)
	}
	return p, nil
}

// cutPart takes a part off the beginning of a word, up to one of the ends.
func cutPart(word, ends string) (p part, rest string, err error) {
	if strings.HasPrefix(word, `"`) {
		quoted, err := strconv.QuotedPrefix(word)
		if err != nil {
			return p, "", errors.New("a quote is not closed")
		}
		text, _ := strconv.Unquote(quoted)
		return part{text: text}, word[len(quoted):], nil
	}
	if i := strings.IndexAny(word, ends); i >= 0 {
		word, rest = word[:i], word[i:]
	}
	return part{text: word, glob: strings.ContainsAny(word, "*?")}, rest, nil
}

// String returns the pattern as it is written.
func (p pattern) String() string {
	s := p.name.String()
	if !p.anyNamespace {
		s = p.namespace.String() + "/" + s
	}
	if p.typ != "" {
		s += "[" + string(p.typ) + "]"
	}
	return s
}

func (p part) String() string {
	if p.glob || isBare(p.text) {
		return p.text
	}
	return strconv.Quote(p.text)
}

// nothing is what a service that may call no other is allowed to call.
const nothing = "nothing"

// isBare reports whether a name can be written without quotes and means itself.
func isBare(s string) bool {
	return s != nothing && !strings.Contains(s, "->") && !strings.HasSuffix(s, ":") && !strings.HasSuffix(s, "-") && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar || strings.ContainsRune(`,"#>[]/*?→`, r)
	}) < 0
}

func (p pattern) matches(id servicegraph.NodeID) bool {
	return (p.anyNamespace || p.namespace.matches(id.Namespace)) &&
		(p.typ == "" || p.typ == id.Type) && p.name.matches(id.Name)
}

func (p part) matches(s string) bool {
	if !p.glob {
		return p.text == s
	}
	return globMatches([]rune(p.text), []rune(s))
}

// globMatches tries the shortest run for each star first, and lengthens only that of
// the last star: no other can help.
func globMatches(glob, s []rune) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(glob) && glob[i] == '*':
			star, from = i, j
			i++
		case i < len(glob) && (glob[i] == '?' || glob[i] == s[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(glob) && glob[i] == '*' {
		i++
	}
	return i == len(glob)
}

// node returns the node that the pattern names, if it names one only. Without a type
// it is a service.
func (p pattern) node() (servicegraph.NodeID, bool) {
	typ := p.typ
	if typ == "" {
		typ = servicegraph.TypeService
	}
	return servicegraph.NodeID{Namespace: p.namespace.text, Name: p.name.text, Type: typ}, !p.name.glob && !p.namespace.glob
}

// nodeText returns the identity of a node in the form of a pattern: a service
// without its type, anything else with it.
func nodeText(id servicegraph.NodeID) string {
	p := pattern{name: part{text: id.Name}, namespace: part{text: id.Namespace}, anyNamespace: id.Namespace == ""}
	if id.Type != servicegraph.TypeService {
		p.typ = id.Type
	}
	return p.String()
}

// An arrow selects edges by their two ends.
type arrow struct{ from, to pattern }

func (a arrow) String() string { return a.from.String() + " -> " + a.to.String() }

func (a arrow) matches(e servicegraph.Edge) bool {
	return a.from.matches(e.ID.From) && a.to.matches(e.ID.To)
}

// edgeText returns the ends of an edge as patterns.
func edgeText(id servicegraph.EdgeID) string { return nodeText(id.From) + " -> " + nodeText(id.To) }
