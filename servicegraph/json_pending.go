package servicegraph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// The JSON format of pending calls: what a graph needs, in addition to its nodes and
// edges, to be merged with other graphs. Programs that only show graphs can ignore it.
type (
	jsonPending struct {
		Nodes      []jsonID         `json:"nodes"`                // the nodes to which the other fields refer by position
		Resolved   []jsonEdge       `json:"resolved,omitempty"`   // the edges that have pending calls; their numbers exclude the pending calls
		Calls      []jsonCall       `json:"calls,omitempty"`      // calls with one known side, whose other side is known by name or address
		Addresses  []jsonMeeting    `json:"addresses,omitempty"`  // services that answered at an address
		Kubernetes []jsonKubernetes `json:"kubernetes,omitempty"` // the Kubernetes namespaces of services
		Statements []jsonStatement  `json:"statements,omitempty"` // the addresses that services state of themselves
		Sends      []jsonSend       `json:"sends,omitempty"`      // spans that a consumer may link to
		Receives   []jsonReceive    `json:"receives,omitempty"`   // span links of consumers
	}
	jsonCall struct {
		jsonEdge
		jsonAddress
		Inside   *jsonAddress     `json:"inside,omitempty"` // the address that a span inside the span of the call names, if it is another one
		Minute   directory.Minute `json:"minute,omitempty"` // since 1970, if an address ages
		FromName bool             `json:"fromName,omitempty"`
		ToName   bool             `json:"toName,omitempty"`
		Ended    bool             `json:"ended,omitempty"` // the calls reached a hidden service and went no further
		Taken    bool             `json:"taken,omitempty"` // messages that the callee took from a queue for other spans to process
	}
	jsonMeeting struct {
		jsonAddress
		Caller int   `json:"caller"` // -1 if the caller does not matter
		Owner  int   `json:"owner"`
		First  int64 `json:"first,omitempty"` // of the calls, if the address ages
		Last   int64 `json:"last,omitempty"`
	}
	jsonStatement struct {
		jsonAddress
		Node  int   `json:"node"`
		First int64 `json:"first,omitempty"` // of the spans, if the address ages
		Last  int64 `json:"last,omitempty"`
	}
	jsonKubernetes struct {
		Node       int      `json:"node"`
		Namespaces []string `json:"namespaces"`
	}
	jsonSend struct {
		jsonHalf
		Of      string `json:"of,omitempty"` // the span that stands for the call; empty if it is this span
		Called  bool   `json:"called,omitempty"`
		Counted bool   `json:"counted,omitempty"`
	}
	jsonReceive struct {
		jsonHalf
		Target  jsonLink        `json:"target"`
		Outcome pairing.Outcome `json:"outcome,omitempty"`
	}
	jsonHalf struct {
		jsonLink
		Node int `json:"node"`
		Peer int `json:"peer"` // -1 if none
		jsonAddress
		IsName    bool    `json:"isName,omitempty"`
		Kind      Kind    `json:"kind"`
		Status    Status  `json:"status,omitempty"`
		Start     int64   `json:"start"`
		End       int64   `json:"end"`
		Weight    float64 `json:"weight"`
		Polls     bool    `json:"polls,omitempty"`
		Takes     bool    `json:"takes,omitempty"`
		QueueNode bool    `json:"queueNode,omitempty"`
	}
	jsonAddress struct {
		Host      string `json:"host,omitempty"`
		Port      string `json:"port,omitempty"`
		GivenName string `json:"givenName,omitempty"` // the name that callers give the callee at this address
		RPC       string `json:"rpcService,omitempty"`
	}
	jsonLink struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
)

// pendingToJSON returns the pending calls, nil if there are none, and marks the edges in out
// that include pending calls, or calls that only an earlier live graph has.
func (t *totals) pendingToJSON(out []jsonEdge, edges []Edge) *jsonPending {
	isPending := len(t.calls)+len(t.met)+len(t.kubernetes)+len(t.statements)+t.halves() > 0
	if !isPending && t.shown == nil {
		return nil
	}
	w := &pendingWriter{totals: t, changed: t.resolve().copied, positions: make(map[nodeIndex]int)}
	if !isPending && len(w.changed) == 0 {
		return nil
	}
	changed := make(map[EdgeID]bool)
	for key := range w.changed {
		changed[EdgeID{t.names.nodeID(key.from), t.names.nodeID(key.to), key.kind}] = true
	}
	for i := range edges {
		out[i].Pending = changed[edges[i].ID]
	}
	w.number()
	w.write()
	return &w.out
}

// A pendingWriter writes the pending calls of totals in a fixed order.
type pendingWriter struct {
	*totals
	out       jsonPending
	changed   map[edgeKey]bool // edges that include pending calls
	positions map[nodeIndex]int
}

// number numbers the nodes that pending calls refer to.
func (w *pendingWriter) number() {
	var used []nodeIndex
	add := func(nodes ...nodeIndex) {
		for _, n := range nodes {
			if _, known := w.positions[n]; !known && n != 0 {
				w.positions[n] = 0
				used = append(used, n)
			}
		}
	}
	for key := range w.changed {
		add(key.from, key.to)
	}
	for key := range w.calls {
		add(key.from, key.to)
	}
	for m := range w.met {
		add(m.caller, m.owner)
	}
	for n := range w.kubernetes {
		add(n)
	}
	for n := range w.statements {
		add(n)
	}
	for _, s := range w.sends {
		add(s.span.Node, s.span.Peer)
	}
	for _, r := range w.receivers {
		add(r.span.Node, r.span.Peer)
	}
	slices.SortFunc(used, func(a, b nodeIndex) int { return w.names.nodeID(a).Compare(w.names.nodeID(b)) })
	for i, n := range used {
		w.positions[n] = i
		w.out.Nodes = append(w.out.Nodes, jsonID(w.names.nodeID(n)))
	}
}

func (w *pendingWriter) position(n nodeIndex) int {
	if n == 0 {
		return -1
	}
	return w.positions[n]
}

func (w *pendingWriter) edge(key edgeKey, e *Edge) jsonEdge {
	j := edgeToJSON(e)
	j.Source, j.Target = w.positions[key.from], w.positions[key.to]
	return j
}

func (w *pendingWriter) write() {
	o := &w.out
	for key := range w.changed {
		if resolved := w.edges[key]; resolved != nil {
			o.Resolved = append(o.Resolved, w.edge(key, &resolved.Edge))
		}
	}
	for key, e := range w.calls {
		o.Calls = append(o.Calls, jsonCall{w.edge(key.edgeKey, &e.Edge), w.address(key.address), w.inside(key.inside), key.minute, key.fromName, key.toName, key.ended, key.taken})
	}
	for m, during := range w.met {
		o.Addresses = append(o.Addresses, jsonMeeting{w.address(m.at), w.position(m.caller), w.position(m.owner), during.First, during.Last})
	}
	for n, namespaces := range w.kubernetes {
		o.Kubernetes = append(o.Kubernetes, jsonKubernetes{w.position(n), namespaces})
	}
	for n := range w.statements {
		for at, during := range w.statements.Of(n) {
			o.Statements = append(o.Statements, jsonStatement{w.address(at), w.position(n), during.First, during.Last})
		}
	}
	for key, s := range w.sends {
		var of string
		if s.of != key.span.SpanID {
			of = s.of.String()
		}
		o.Sends = append(o.Sends, jsonSend{w.half(key.span, &s.span, s.queueNode), of, s.called, s.counted})
	}
	for key := range w.receives {
		r := w.receivers[key.receiver]
		o.Receives = append(o.Receives, jsonReceive{w.half(key.span, &r.span, r.queueNode), linkToJSON(key.target), r.outcome})
	}
	slices.SortFunc(o.Resolved, compareEdges)
	slices.SortFunc(o.Calls, func(a, b jsonCall) int {
		return cmp.Or(compareEdges(a.jsonEdge, b.jsonEdge),
			a.address().Compare(b.address()), a.insideAddress().Compare(b.insideAddress()), cmp.Compare(a.Minute, b.Minute),
			compareBools(a.FromName, b.FromName), compareBools(a.ToName, b.ToName), compareBools(a.Ended, b.Ended), compareBools(a.Taken, b.Taken))
	})
	slices.SortFunc(o.Addresses, func(a, b jsonMeeting) int {
		return cmp.Or(a.address().Compare(b.address()), cmp.Compare(a.Caller, b.Caller), cmp.Compare(a.Owner, b.Owner))
	})
	slices.SortFunc(o.Kubernetes, func(a, b jsonKubernetes) int { return cmp.Compare(a.Node, b.Node) })
	slices.SortFunc(o.Statements, func(a, b jsonStatement) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), a.address().Compare(b.address()))
	})
	slices.SortFunc(o.Sends, func(a, b jsonSend) int {
		return cmp.Or(a.compare(b.jsonLink), cmp.Compare(a.Node, b.Node))
	})
	slices.SortFunc(o.Receives, func(a, b jsonReceive) int {
		return cmp.Or(a.compare(b.jsonLink), cmp.Compare(a.Node, b.Node), a.Target.compare(b.Target))
	})
}

func compareEdges(a, b jsonEdge) int {
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target), strings.Compare(string(a.Kind), string(b.Kind)))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (w *pendingWriter) half(id Link, r *trace.Span, queueNode bool) jsonHalf {
	return jsonHalf{
		jsonLink: linkToJSON(id),
		Node:     w.position(r.Node), Peer: w.position(r.Peer),
		jsonAddress: w.address(r.Address), IsName: r.Is(trace.PeerIsName),
		Kind: Kind(r.Kind), Status: Status(r.Status),
		Start: r.Start, End: r.End, Weight: r.Weight(),
		Polls: r.Is(trace.Polls), Takes: r.Is(trace.Takes), QueueNode: queueNode,
	}
}

func (w *pendingWriter) address(i addressIndex) jsonAddress {
	at := w.names.AddressOf(i)
	return jsonAddress{at.Host, at.Port, at.Name, at.RPC}
}

// inside returns the address that a span inside the call names, nil if there is none.
func (w *pendingWriter) inside(i addressIndex) *jsonAddress {
	if i == 0 {
		return nil
	}
	at := w.address(i)
	return &at
}

func (j *jsonCall) insideAddress() address {
	if j.Inside == nil {
		return address{}
	}
	return j.Inside.address()
}

func (j jsonAddress) address() address {
	return address{Host: j.Host, Port: j.Port, Name: j.GivenName, RPC: j.RPC}
}

// during returns the interval of the calls to an address. The address must be a host, an RPC
// service or a name, and nothing more.
func (j jsonAddress) during(first, last int64) (directory.Interval, error) {
	at := j.address()
	parts := at.Parts()
	if at == (address{}) || !slices.Contains(parts[:], at) || last < first {
		return directory.Interval{}, fmt.Errorf("the address with host %q, port %q, givenName %q and rpcService %q is neither a host, an RPC service nor a name, or ends before it begins", j.Host, j.Port, j.GivenName, j.RPC)
	}
	return directory.Interval{First: first, Last: last}, nil
}

func linkToJSON(l Link) jsonLink { return jsonLink{l.TraceID.String(), l.SpanID.String()} }

func (j jsonLink) compare(o jsonLink) int {
	return cmp.Or(strings.Compare(j.TraceID, o.TraceID), strings.Compare(j.SpanID, o.SpanID))
}

func (j jsonLink) link() (l Link, err error) {
	if l.TraceID, err = ParseTraceID(j.TraceID); err != nil {
		return l, err
	}
	l.SpanID, err = ParseSpanID(j.SpanID)
	return l, err
}

// A pendingReader adds pending calls to totals.
type pendingReader struct {
	*totals
	nodes []nodeIndex // by their position in the JSON
}

// readPending adds pending calls.
func (t *totals) readPending(in *jsonPending) error {
	r := &pendingReader{t, make([]nodeIndex, len(in.Nodes))}
	for i, j := range in.Nodes {
		r.nodes[i] = t.names.node(NodeID(j))
	}
	// The order matters: each step checks its input against what the earlier steps have read.
	for _, read := range []func() error{
		func() error { return readEach(in.Resolved, func(j *jsonEdge) error { return t.readEdge(j, r.nodes) }) },
		func() error { return readEach(in.Calls, r.readCall) },
		func() error { return readEach(in.Addresses, r.readMeeting) },
		func() error { return readEach(in.Statements, r.readStatement) },
		func() error { return readEach(in.Kubernetes, r.readKubernetes) },
		func() error { return readEach(in.Sends, r.readSend) },
		func() error { return readEach(in.Receives, r.readReceive) },
		func() error { return readEach(r.nodes, r.checkService) },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// readEach reads the elements of a list up to the first error, which it returns.
func readEach[T any](list []T, read func(*T) error) error {
	for i := range list {
		if err := read(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// node returns the node at a position.
func (r *pendingReader) node(i int) (nodeIndex, error) {
	if i < 0 || i >= len(r.nodes) {
		return 0, fmt.Errorf("%d is not the position of a node", i)
	}
	return r.nodes[i], nil
}

func (r *pendingReader) readCall(j *jsonCall) error {
	ends, err := j.key(r.nodes)
	if err != nil {
		return err
	}
	key := callKey{ends, r.addressFrom(j.jsonAddress), 0, j.Minute, j.FromName, j.ToName, j.Ended, j.Taken}
	if j.Inside != nil {
		key.inside = r.addressFrom(*j.Inside)
	}
	if r.calls[key] != nil || r.names.isSettled(&key) {
		return fmt.Errorf("edge %q to %q is listed twice, or has nothing pending", j.From, j.To)
	}
	return j.fill(&r.callsTo(key).Edge)
}

func (r *pendingReader) readMeeting(j *jsonMeeting) error {
	var caller nodeIndex
	owner, err := r.node(j.Owner)
	if err == nil && j.Caller != -1 {
		caller, err = r.node(j.Caller)
	}
	if err != nil {
		return err
	}
	during, err := j.during(j.First, j.Last)
	if err != nil {
		return err
	}
	r.meet(j.address(), caller, owner, during)
	return nil
}

func (r *pendingReader) readStatement(j *jsonStatement) error {
	service, err := r.node(j.Node)
	if err != nil {
		return err
	}
	during, err := j.during(j.First, j.Last)
	if err != nil {
		return err
	}
	r.statements.Add(r.names, service, r.addressFrom(j.jsonAddress), during)
	return nil
}

func (r *pendingReader) readKubernetes(j *jsonKubernetes) error {
	service, err := r.node(j.Node)
	if err != nil {
		return err
	}
	for i := range j.Namespaces {
		j.Namespaces[i] = semconv.ValidText(j.Namespaces[i])
	}
	r.addKubernetes(service, j.Namespaces)
	return nil
}

func (r *pendingReader) readSend(j *jsonSend) error {
	id, span, err := r.readHalf(&j.jsonHalf)
	if err != nil {
		return err
	}
	of := id.SpanID
	if j.Of != "" {
		if of, err = ParseSpanID(j.Of); err != nil {
			return err
		}
	}
	r.addSend(id, pendingSend{span: span, of: of, called: j.Called, counted: j.Counted, queueNode: j.QueueNode})
	return nil
}

func (r *pendingReader) readReceive(j *jsonReceive) error {
	id, span, err := r.readHalf(&j.jsonHalf)
	if err != nil {
		return err
	}
	target, err := j.Target.link()
	if err != nil {
		return err
	}
	if j.Outcome >= pairing.Outcomes {
		return fmt.Errorf("the outcome of the span, in the field outcome, is %d, want 0 to %d", j.Outcome, pairing.Outcomes-1)
	}
	key := receiver{id, span.Node}
	if _, known := r.receivers[key]; !known { // the JSON repeats a receiver for each of its links
		r.addReceiver(id, pendingReceive{span: span, outcome: j.Outcome, queueNode: j.QueueNode})
	}
	r.receives[receiveKey{key, target}] = true
	return nil
}

// checkService returns an error for a service that is not a node of the graph. Adding such a
// service could change the result: pending calls could then resolve to it instead of a node with
// the same name.
func (r *pendingReader) checkService(n *nodeIndex) error {
	if id := r.names.nodeID(*n); !id.Type.isPeer() && !r.hasNode(*n) {
		return fmt.Errorf("%q is not a service of the graph", id)
	}
	return nil
}

func (t *totals) addressFrom(j jsonAddress) addressIndex {
	if j.address() == (address{}) {
		return 0
	}
	return t.names.address(j.address())
}

func (r *pendingReader) readHalf(j *jsonHalf) (Link, trace.Span, error) {
	id, err := j.link()
	if err != nil {
		return id, trace.Span{}, err
	}
	s := trace.Span{
		ID: id.SpanID, Start: j.Start, End: j.End, Weight32: roundWeight(j.Weight),
		Address: r.addressFrom(j.jsonAddress), Kind: trace.Kind(j.Kind), Status: trace.Status(j.Status),
		Flags: trace.PeerIsName.When(j.IsName) | trace.IsCaller.When(semconv.Kind(j.Kind).Calls()) | trace.Polls.When(j.Polls) | trace.Takes.When(j.Takes),
	}
	if s.Node, err = r.node(j.Node); err != nil {
		return id, s, err
	}
	if sender := r.names.nodeID(s.Node); !r.hasNode(s.Node) || sender.Type.isPeer() {
		return id, s, fmt.Errorf("span %s belongs to %q, which is not a service of the graph", j.SpanID, sender)
	}
	if j.Peer != -1 {
		if s.Peer, err = r.node(j.Peer); err == nil {
			s.PeerType = peerType(r.names.typeOf(s.Peer))
		}
	}
	return id, s, err
}
