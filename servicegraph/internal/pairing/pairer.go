package pairing

import (
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Pairer reads the calls out of one trace after another. Results are valid until the next call
// of Pair, which uses their memory again. A Pairer is not safe for concurrent use.
type Pairer struct {
	cfg   Config
	links Links
	id    [16]byte

	tree   *trace.Tree
	spans  []trace.Span // of the tree, as are parent and order
	parent []int32
	order  []int32

	state      []spanState     // by span
	callers    []int32         // the caller spans in order
	lone       []int32         // the callee spans in order whose parent no caller span encloses
	entered    []int32         // the SERVER and CONSUMER spans in order that are not callee spans, and the roots without a kind
	roots      []int32         // the spans without a parent
	inner      []int32         // the CONSUMER spans in order that are inside another span that receives messages, and no callee spans
	services   []trace.Node    // the services of the spans; empty until hasService is called
	group      []int32         // the callees of one caller
	twins      []int32         // spans that are compared as twins
	twinGroups []twinGroup     // of findTwins; kept for their memory
	handler    map[int32]int32 // by span that received a message: the span inside that stands for the delivery
	targets    map[int32][]trace.Link
	again      map[int32]trace.Node // by CLIENT span below a span with resent set: see metAgain
	queries    map[queryKey]bool    // the databases that the spans of the trace query, if queried is set
	queried    bool
	besides    map[int32]besides // the calls beside spans of libraries that record connections

	settling []bool // by span: the span is inside a span that settles messages or sends a batch; empty if the trace has none
	settled  bool   // settling is computed

	isOpen     bool // Withhold was called
	uncompared bool // inferCalls had too many pairs to compare

	concealed []int32 // the caller spans whose calls ended in hidden services

	calls    []Call
	sends    []Send
	receives []Receive

	stack     []int32    // of spans to visit
	intervals []interval // of the children of one span
}

// A spanState holds the findings about one span of a trace.
type spanState struct {
	// caller is this span if it is a caller span, or else the nearest caller span of the same
	// service that encloses it; -1 if there is none.
	caller int32
	// within is, for a caller span, the caller span that encloses it in its own service; -1 if
	// there is none.
	within int32
	// outer is, for a caller span, the span that stands for the same call and gives the
	// latency: the outermost span whose only route out is this span, or this span itself.
	outer int32
	inner int32 // for a caller span, the caller span directly inside that stands for the same call; -1 if there is none

	callee int32 // for a caller span, the last callee span in order that it called directly; -1 if there is none
	also   int32 // for a callee span, the previous callee span of the same caller; -1 if there is none

	// request is the span of the request that this span works for: the nearest SERVER or
	// CONSUMER span of the service, or the first span of the service, or this span.
	request int32

	nested int32 // caller spans directly inside this caller span

	met int32 // caller span: the first caller span inside whose request was answered; -1 if there is none, several if several services answered

	consumer int32 // the nearest span of the same service that receives messages, or this span; -1 if there is none

	isCallee  bool
	isRequest bool // the span is a request to its service
	isEntry   bool // the request came from outside
	delegates bool // consumer span: consumer spans inside it are the deliveries of its messages
	reached   bool // caller span: the span or a caller span inside has a callee
	named     bool // caller span: a caller span inside names a peer
	publishes bool // caller span: a PRODUCER or CLIENT span inside names a queue
	strays    bool // caller span: a caller span inside that reached no service names a peer
	relayed   bool // caller span: a hidden service made a caller span directly inside
	failed    bool // caller span: a caller span directly inside failed
	accounted bool // caller span: the outcomes of its call and of the spans inside without a callee are set
	queued    bool // caller span: it has a call to a queue node
	sent      bool // caller span: it is among the sends
	isTwin    bool // a sibling stands for the call of both
	compared  bool // the twins among the children are marked
	detached  bool // a root within the time of another root: its parent is lost
	resent    bool // the resends among the children are in Pairer.again

	outcome Outcome
	made    Outcome // caller span: the outcome of its own call; a callee span is Paired, whatever the outcome of its own call
}

// zeroState is the initial spanState. It is copied from a variable, because building a literal on
// the stack and copying it immediately stalls the processor: for 4 ns a span in
// BenchmarkStages/pair.
var zeroState = spanState{caller: -1, within: -1, outer: -1, inner: -1, callee: -1, also: -1, met: -1, consumer: -1}

// New returns a Pairer.
func New(cfg Config) *Pairer { return &Pairer{cfg: cfg} }

// Pair reads the calls out of the tree of one trace.
func (p *Pairer) Pair(id [16]byte, t *trace.Tree, links Links) {
	p.id, p.tree, p.links = id, t, links
	p.spans, p.parent, p.order = t.Spans, t.Parent, t.Order
	p.calls, p.sends, p.receives = p.calls[:0], p.sends[:0], p.receives[:0]
	p.state = trace.Resize(p.state, len(p.spans))
	p.isOpen, p.uncompared = false, false
	p.settling, p.settled = p.settling[:0], false
	if p.queried {
		p.queried = false
		clear(p.queries)
	}
	if len(p.besides) > 0 {
		clear(p.besides)
	}
	if len(p.again) > 0 {
		clear(p.again)
	}
	if len(p.handler) > 0 {
		clear(p.handler)
	}
	p.concealed, p.services = p.concealed[:0], p.services[:0]
	p.findBatches()
	p.findCallees()
	p.findRoutes()
	p.pairedCalls()
	p.unpairedCallers()
	p.findLinks()
	p.entries()
	if p.cfg.InferCalls {
		p.inferCalls()
	}
	if len(p.inner) > 0 {
		p.handOver()
	}
	p.findPending()
}

// Calls returns the calls of the trace.
func (p *Pairer) Calls() []Call { return p.calls }

// Concealed returns the caller spans whose calls ended in hidden services and name no address, so
// that no edge shows the calls. It also returns a caller span whose call failed in a hidden
// service, while edges show only other calls of the span.
func (p *Pairer) Concealed() []int32 { return p.concealed }

// IsUncompared reports whether the trace had too many pairs of spans to infer calls.
func (p *Pairer) IsUncompared() bool { return p.uncompared }

// Sends returns the caller spans that links of consumers can point to.
func (p *Pairer) Sends() []Send { return p.sends }

// Receives returns the consumer spans with links that may be messages.
func (p *Pairer) Receives() []Receive { return p.receives }

// link returns the link to span i.
func (p *Pairer) link(i int32) trace.Link { return trace.Link{Trace: p.id, Span: p.spans[i].ID} }
