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

// A pattern matches nodes: [NAMESPACE/]NAME[TYPE], with the type in brackets. Without a namespace
// it matches every namespace. With an empty namespace ("/web") it matches only nodes that have
// none. Without a type it matches every type.
type pattern struct {
	namespace    part
	anyNamespace bool
	name         part
	typ          servicegraph.NodeType // empty: any
}

// A part is a name or a glob.
type part struct {
	text string
	glob bool // * and ? stand for other characters
}

// nodeTypes are the types that a pattern can have.
var nodeTypes = []string{
	string(servicegraph.TypeService), string(servicegraph.TypeDatabase), string(servicegraph.TypeQueue),
	string(servicegraph.TypeExternal), string(servicegraph.TypeFunction), string(servicegraph.TypeModel),
	string(servicegraph.TypeRPC), string(servicegraph.TypeIP), string(servicegraph.TypeGroup),
}

// parsePattern parses one word of a rule.
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

// cutPart returns the part at the beginning of a word, which ends before one of the
// characters in ends, and the rest of the word.
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
	if strings.Contains(word, `"`) { // without a closing quote, the end of the word is unknown
		return p, "", fmt.Errorf("%s: write quotes around the whole name, and \\\" for a quote in it", word)
	}
	return part{text: word, glob: strings.ContainsAny(word, "*?")}, rest, nil
}

// String returns the pattern as it is written in rules.
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

// nothing is the word for the callees of a service that may not call any other.
const nothing = "nothing"

// isBare reports whether a name can be written without quotes.
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

// globMatches matches each star with as few characters as possible. It extends only the
// match of the last star: extending an earlier match cannot help.
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

// node returns the node that the pattern names, false if the pattern has a glob. A
// pattern without a type names a service.
func (p pattern) node() (servicegraph.NodeID, bool) {
	typ := p.typ
	if typ == "" {
		typ = servicegraph.TypeService
	}
	return servicegraph.NodeID{Namespace: p.namespace.text, Name: p.name.text, Type: typ}, !p.name.glob && !p.namespace.glob
}

// nodeText returns the identity of a node as a pattern. Only the type of a service is
// left out.
func nodeText(id servicegraph.NodeID) string {
	p := pattern{name: part{text: id.Name}, namespace: part{text: id.Namespace}, anyNamespace: id.Namespace == ""}
	if id.Type != servicegraph.TypeService {
		p.typ = id.Type
	}
	return p.String()
}

// An arrow matches edges by the patterns of their two ends.
type arrow struct{ from, to pattern }

func (a arrow) String() string { return a.from.String() + " -> " + a.to.String() }

func (a arrow) matches(e servicegraph.Edge) bool {
	return a.from.matches(e.ID.From) && a.to.matches(e.ID.To)
}

// edgeText returns the ends of an edge as patterns.
func edgeText(id servicegraph.EdgeID) string { return nodeText(id.From) + " -> " + nodeText(id.To) }
