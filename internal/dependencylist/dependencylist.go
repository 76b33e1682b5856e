// Package dependencylist reads lists of calls between services that tracing systems compute from
// traces: the answers of Jaeger's /api/dependencies and Zipkin's /api/v2/dependencies.
//
// A link of such a list has a caller, a callee and a number of calls; Zipkin's links also have a
// number of failed calls. The graph of a list has no traces, latencies or times, and therefore no
// rates. All nodes are services. Requests from outside are unknown.
package dependencylist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tempograph/tempograph/internal/jsonstream"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// Limits on a list.
const (
	maxBytes = 256 << 20
	maxLinks = 1 << 18
	maxLink  = 1 << 20 // bytes of one link
)

// A link is an element of a list. Jaeger writes no errorCount.
type link struct {
	Parent     string  `json:"parent"`
	Child      string  `json:"child"`
	CallCount  float64 `json:"callCount"`
	ErrorCount float64 `json:"errorCount"`
}

// Is reports whether a text that begins with head is a list: its first element has the fields of a
// link. An empty list does not count, because an empty list of spans looks the same.
func Is(head []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(head))
	first, _ := dec.Token()
	if first == json.Delim('{') && !enterData(dec) {
		return false
	}
	if first == json.Delim('{') {
		first, _ = dec.Token()
	}
	if first != json.Delim('[') {
		return false
	}
	if object, _ := dec.Token(); object != json.Delim('{') {
		return false
	}
	fields := make(map[string]bool)
	for dec.More() {
		key, err := dec.Token()
		name, _ := key.(string)
		if err != nil || name == "" {
			break
		}
		fields[name] = true
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			break // head ends here
		}
	}
	return fields["callCount"] && (fields["parent"] || fields["child"]) || fields["parent"] && fields["child"]
}

// enterData moves a decoder to the value of the key "data" of an object.
func enterData(dec *json.Decoder) bool {
	for dec.More() {
		key, err := dec.Token()
		if err != nil || key == "data" {
			return err == nil
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return false
		}
	}
	return false
}

// Read reads a list to the end of r. Several links between the same services are added up. Read
// returns an error if the list has more than 256 MiB or 262,144 links, or if a link has more than
// 1 MiB, no caller or callee, a number of calls outside 0 to 2^53, or more failed calls than calls.
func Read(r io.Reader) (*servicegraph.Graph, error) {
	links, err := readLinks(r)
	if err != nil {
		return nil, fmt.Errorf("reading a list of dependencies: %w", err)
	}
	g, err := graphOf(links)
	if err != nil {
		return nil, fmt.Errorf("reading a list of dependencies: %w", err)
	}
	return g, nil
}

// readLinks reads the links one by one, so that a list beyond the limits takes no memory.
func readLinks(r io.Reader) ([]link, error) {
	text := bufio.NewReader(r)
	json := jsonstream.New(text, jsonstream.Limits{Value: maxLink, Total: maxBytes})
	var links []link
	n := 0
	list := func() error {
		return json.List(func() error {
			var l link
			err := json.Value(&l)
			if n++; n <= maxLinks {
				links = append(links, l)
			}
			return err
		})
	}
	read := list
	if firstByte(text) == '{' {
		read = func() error {
			return json.Object(func(key string) error {
				if key == "data" {
					return list()
				}
				return json.Skip()
			})
		}
	}
	err := read()
	if err == nil {
		err = json.End()
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("unexpected end of the list: %w", err)
	case err == nil && n > maxLinks:
		return nil, fmt.Errorf("it has %s; the limit is %s", quantity.Of(n, "link"), quantity.Number(maxLinks))
	}
	return links, err
}

// firstByte skips white space and returns the next byte without consuming it, or 0 at the end of
// the text.
func firstByte(r *bufio.Reader) byte {
	for {
		b, err := r.ReadByte()
		switch {
		case err != nil:
			return 0
		case b != ' ' && b != '\t' && b != '\r' && b != '\n':
			r.UnreadByte()
			return b
		}
	}
}

func graphOf(links []link) (*servicegraph.Graph, error) {
	sums := make(map[servicegraph.EdgeID]*servicegraph.Edge)
	requests := make(map[servicegraph.NodeID]*servicegraph.Stats)
	for i, l := range links {
		switch {
		case l.Parent == "" || l.Child == "":
			return nil, fmt.Errorf("link %d has no parent or no child", i+1)
		case l.CallCount < 0 || l.CallCount > 1<<53:
			return nil, fmt.Errorf("link %d: callCount %v is not from 0 to 2^53", i+1, l.CallCount)
		case l.ErrorCount < 0 || l.ErrorCount > l.CallCount:
			return nil, fmt.Errorf("link %d: errorCount %v is not from 0 to callCount, which is %v", i+1, l.ErrorCount, l.CallCount)
		}
		id := servicegraph.EdgeID{From: service(l.Parent), To: service(l.Child), Kind: servicegraph.EdgeRequest}
		e := sums[id]
		if e == nil {
			e = &servicegraph.Edge{ID: id}
			sums[id] = e
		}
		e.Calls += l.CallCount
		e.Errors += l.ErrorCount
		// Jaeger and Zipkin find most calls by a span of the callee, so the callee is taken as the
		// evidence.
		e.Evidence.Callee += l.CallCount
		s := requests[id.To]
		if s == nil {
			s = &servicegraph.Stats{}
			requests[id.To] = s
		}
		s.Calls += l.CallCount
		s.Errors += l.ErrorCount
	}
	var edges []servicegraph.Edge
	for _, e := range sums {
		edges = append(edges, *e)
	}
	var nodes []servicegraph.Node
	for id, s := range requests {
		nodes = append(nodes, servicegraph.Node{ID: id, Requests: *s})
	}
	return servicegraph.NewGraph(nodes, edges, servicegraph.Report{})
}

func service(name string) servicegraph.NodeID {
	return servicegraph.NodeID{Name: name, Type: servicegraph.TypeService}
}
