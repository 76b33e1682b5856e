// Package pack prepares batches of spans for a servicegraph.Builder. A [Packer] interprets the
// attributes of spans, once for all spans with equal attributes. Its batches contain only the
// data that the graph needs. Resources and interpretations repeat, so they are entries of a
// dictionary, and spans refer to them by number. Each batch has the entries that earlier
// batches lack.
//
// Packing does not use the builder, so several packers can work for one builder at the same
// time:
//
//	p := builder.NewPacker()
//	for each resource {
//		number, known := p.KnownResource(encoded)
//		if !known {
//			number = p.AddResource(encoded, service, namespace, attrs)
//		}
//		for each span of it {
//			span.ClearAttrs()
//			… p.Filter(kind).Key(key), span.AddAttr(filter, …) …
//			p.Add(number, &span)
//		}
//	}
//	builder.AddBatch(p.Batch())
package pack

import (
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A Packer packs the spans of one reader for one builder. The builder must receive the batches
// of a packer in order. A Packer is not safe for concurrent use. It shares only batches with
// the builder, and nothing with other packers.
type Packer struct {
	options semconv.Options
	filters [semconv.Consumer + 1]*semconv.Filter
	shared  *shared
	batch   *Batch // nil before anything is added to it: see present

	resources        map[string]ResourceNumber // by their encoding; without them, BenchmarkMemos of tracefile decodes requests of 100 spans in 1.1 times the time, with twice the allocations
	nresources       int
	interpretations  map[string]uint32 // their numbers, by Span.cacheKey; without them, and without nearInterpretations, BenchmarkMemos packs a client span in about 60 times the time
	ninterpretations int

	nearInterpretations Memo[uint32] // some of interpretations, found faster: without it, loading requests of SDKs and of recordings takes 1.02 to 1.04 times the time

	scopes map[string]Scope // by name
	plain  [256]uint32      // by kind: the number of the interpretation without attributes, plus one; without it, BenchmarkMemos packs such a span in about 10 times the time
}

// A ResourceNumber stands for the resource of some spans in the batches of one [Packer]. It becomes
// invalid at the next call of KnownResource while the present batch is empty.
type ResourceNumber uint32

// A Scope stands for the name of an instrumentation scope in all batches of one [Packer]. 0 means
// unknown.
type Scope uint16

// A Packer recognizes at most maxKnown resources and maxKnown interpretations, and only those
// whose encoding has at most maxResourceKey or maxInterpretationKey bytes. Without these limits,
// values that differ in every span would fill the memory.
const (
	maxKnown             = 1 << 13
	maxResourceKey       = 8 << 10 // bytes
	maxInterpretationKey = 512     // bytes

	maxScopes    = 1 << 12
	maxScopeName = 512 // bytes
)

// NewPacker returns a packer.
func NewPacker(o semconv.Options) *Packer {
	p := &Packer{options: o, shared: &shared{used: make(chan *Batch, 8)}}
	p.scopes = make(map[string]Scope)
	for kind := range p.filters {
		p.filters[kind] = semconv.FilterFor(semconv.Kind(kind), o)
	}
	p.forget()
	return p
}

// forget starts a new dictionary. The present batch must have no spans.
func (p *Packer) forget() {
	p.resources, p.interpretations = make(map[string]ResourceNumber), make(map[string]uint32)
	p.nresources, p.ninterpretations, p.plain = 0, 0, [256]uint32{}
	p.nearInterpretations = Memo[uint32]{}
	b := p.present()
	b.Reset = true
	b.Resources, b.Interpretations = nil, nil
}

// Filter returns the filter for the attributes of spans of a kind.
func (p *Packer) Filter(kind semconv.Kind) *semconv.Filter {
	if int(kind) < len(p.filters) {
		return p.filters[kind]
	}
	return p.filters[semconv.Unset]
}

// FilterForAny returns a filter for spans whose kind is not known yet. It selects an attribute if
// the filter for at least one kind selects it.
func (p *Packer) FilterForAny() *semconv.Filter { return semconv.FilterForAny(p.options) }

// Len returns the number of spans in the present batch.
func (p *Packer) Len() int {
	if p.batch == nil {
		return 0
	}
	return p.batch.Len()
}

// KnownResource returns the number of the resource that was added with the given encoding. It
// returns false if there is none: the caller then decodes the resource and adds it.
func (p *Packer) KnownResource(encoded []byte) (ResourceNumber, bool) {
	if p.isFull() {
		p.forget()
	}
	number, ok := p.resources[string(encoded)]
	return number, ok
}

// isFull reports whether the dictionary is too large and the present batch does not use it.
func (p *Packer) isFull() bool {
	return (p.nresources > maxKnown || p.ninterpretations > maxKnown) && p.Len() == 0
}

// AddResource adds a resource and returns its number. The service and the namespace are empty if
// the resource has none; attrs are the attributes that the graph reads. Of each text at most
// [semconv.MaxValue] bytes count. The packer keeps a reference to attrs, and a copy of the
// encoding.
func (p *Packer) AddResource(encoded []byte, service, namespace string, attrs []Attr) ResourceNumber {
	number := ResourceNumber(p.nresources)
	p.nresources++
	for i := range attrs {
		attrs[i].Value = semconv.CutValue(attrs[i].Value)
	}
	b := p.present()
	b.Resources = append(b.Resources, Resource{semconv.CutValue(service), semconv.CutValue(namespace), attrs})
	if len(encoded) <= maxResourceKey && len(p.resources) < maxKnown {
		p.resources[string(encoded)] = number
	}
	return number
}

// Scope returns the number of the instrumentation scope with a name, for the field Scope of a
// [Span]. It returns 0, which means unknown, for an empty name, for a name of more than
// maxScopeName bytes, and for names beyond maxScopes.
func (p *Packer) Scope(name []byte) Scope {
	number, known := p.scopes[string(name)]
	if !known && len(name) > 0 && len(name) <= maxScopeName && len(p.scopes) < maxScopes {
		number = Scope(len(p.scopes) + 1)
		b := p.present()
		b.Scopes = append(b.Scopes, strings.ToValidUTF8(string(name), "\uFFFD"))
		p.scopes[string(name)] = number
	}
	return number
}

// SetScope sets the scope of all spans of the present batch from an index on. It is for formats
// in which the scope comes after its spans.
func (p *Packer) SetScope(from int, scope Scope) {
	if scope == 0 || p.batch == nil {
		return
	}
	spans := p.batch.Spans[from:]
	for i := range spans {
		spans[i].Scope = scope
	}
}

// Add adds a span of a resource to the present batch.
func (p *Packer) Add(of ResourceNumber, s *Span) {
	var number uint32
	if s.isIrrelevant() {
		number = p.plainInterpretation(s.Kind)
	} else {
		number = p.interpretation(s)
	}
	b := p.present()
	to := b.next()
	to.TraceID, to.ID, to.Parent = s.TraceID, s.SpanID, s.ParentID
	to.Start, to.End = s.Start, s.End
	to.Resource, to.Interpretation, to.Status, to.Scope = of, number, s.Status, s.Scope
	to.Links = uint32(len(s.Links))
	if len(s.Links) > 0 {
		b.Links = append(b.Links, s.Links...)
	}
	if to.Weighted = s.Weight != 0; to.Weighted {
		b.Weights = append(b.Weights, s.Weight)
	}
}

// plainInterpretation returns the number of the interpretation of a span without attributes.
func (p *Packer) plainInterpretation(kind semconv.Kind) uint32 {
	if n := p.plain[kind]; n != 0 {
		return n - 1
	}
	number := p.addInterpretation(semconv.Interpret(kind, new(semconv.Attrs), false, p.options))
	p.plain[kind] = number + 1
	return number
}

// interpretation returns the number of the interpretation of a span.
func (p *Packer) interpretation(s *Span) uint32 {
	key := s.cacheKey()
	if number, ok := p.nearInterpretations.Find(key); ok {
		return number
	}
	if number, ok := p.interpretations[string(key)]; ok {
		return number
	}
	number := p.addInterpretation(s.interpret(p.options))
	if len(key) <= maxInterpretationKey && len(p.interpretations) < maxKnown {
		key := string(key)
		p.interpretations[key] = number
		p.nearInterpretations.Add(key, number)
	}
	return number
}

func (p *Packer) addInterpretation(of semconv.Interpretation) uint32 {
	b := p.present()
	b.Interpretations = append(b.Interpretations, of)
	p.ninterpretations++
	return uint32(p.ninterpretations - 1)
}

// Batch returns the spans added since the last call, and begins a new batch.
func (p *Packer) Batch() *Batch {
	full := p.present()
	p.batch = nil
	return full
}

// present returns the present batch. A new batch begins only when something is added, because the
// builder has often returned the last batch by then: a batch whose memory is in the processor's
// caches.
func (p *Packer) present() *Batch {
	if p.batch == nil {
		p.batch = p.shared.newBatch()
	}
	return p.batch
}
