// Package rendertest builds graphs from spans for the tests of the renderers.
package rendertest

import (
	"encoding/binary"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// Start is the time of the first span of all traffic.
var Start = time.Date(2026, 8, 1, 14, 0, 0, 0, time.UTC)

// A Load is a number of calls, of failed calls among them, and a typical duration. A
// call takes from 0.6 to 1.2 times Typical, and one in fourteen takes twice as long.
// Spans have no end if Typical is zero.
type Load struct {
	Calls, Errors int
	Typical       time.Duration
}

// A Traffic collects the spans of calls. Each call is a trace of its own, and calls are
// spread evenly over the window. Services are written namespace/name.
type Traffic struct {
	Window time.Duration
	Spans  []servicegraph.Span

	lastID uint64
}

// Entry adds requests without a caller.
func (t *Traffic) Entry(service string, l Load) {
	t.add(l, span(service, servicegraph.KindServer))
}

// Call adds requests with a span on both sides.
func (t *Traffic) Call(from, to string, l Load) {
	t.add(l, span(from, servicegraph.KindClient), span(to, servicegraph.KindServer))
}

// Peer adds requests that have a span on the caller's side only. The attribute names the
// callee.
func (t *Traffic) Peer(from, key, value string, l Load) {
	t.add(l, span(from, servicegraph.KindClient, servicegraph.Attr{Key: key, Value: value}))
}

// Send adds messages without a consumer span.
func (t *Traffic) Send(from, topic string, l Load) {
	t.add(l, span(from, servicegraph.KindProducer, topicAttrs(topic)...))
}

// Receive adds messages without a producer span.
func (t *Traffic) Receive(topic, to string, l Load) {
	t.add(l, span(to, servicegraph.KindConsumer, topicAttrs(topic)...))
}

// Message adds messages with a span on both sides.
func (t *Traffic) Message(from, to string, l Load) {
	t.add(l, span(from, servicegraph.KindProducer), span(to, servicegraph.KindConsumer))
}

// Graph builds the graph of the traffic.
func (t *Traffic) Graph(tb testing.TB) *servicegraph.Graph {
	tb.Helper()
	g, err := servicegraph.Build(t.sequence(), servicegraph.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func (t *Traffic) sequence() iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for _, s := range t.Spans {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// add adds l.Calls traces of the given spans. Each span is the child of the span before.
func (t *Traffic) add(l Load, chain ...servicegraph.Span) {
	for i := range l.Calls {
		t.lastID++
		var trace servicegraph.TraceID
		binary.BigEndian.PutUint64(trace[8:], t.lastID)
		quantile := float64(i) / float64(l.Calls)
		length := time.Duration(float64(l.Typical) * (0.6 + 0.6*quantile))
		if quantile >= 0.93 {
			length *= 2
		}
		begin := Start.Add(time.Duration(float64(t.Window) * quantile))
		var parent servicegraph.SpanID
		for _, s := range chain {
			t.lastID++
			s.TraceID, s.ParentID = trace, parent
			binary.BigEndian.PutUint64(s.SpanID[:], t.lastID)
			parent = s.SpanID
			s.Start = begin.UnixNano()
			if l.Typical > 0 {
				s.End = begin.Add(length).UnixNano()
			}
			if (i+1)*l.Errors/l.Calls > i*l.Errors/l.Calls {
				s.Status = servicegraph.StatusError
			}
			t.Spans = append(t.Spans, s)
			begin, length = begin.Add(length/20), length*9/10 // the callee's time lies within the caller's
		}
	}
}

func span(service string, kind servicegraph.Kind, attrs ...servicegraph.Attr) servicegraph.Span {
	namespace, name, found := strings.Cut(service, "/")
	if !found {
		namespace, name = "", service
	}
	return servicegraph.Span{Namespace: namespace, Service: name, Name: "work", Kind: kind, Attrs: attrs}
}

func topicAttrs(topic string) []servicegraph.Attr {
	return []servicegraph.Attr{{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.destination.name", Value: topic}}
}

// Shop returns the traffic of a dozen services, with most kinds of nodes and edges. The
// services at the end of the call chains fail.
func Shop() *Traffic {
	const ms = time.Millisecond
	t := &Traffic{Window: time.Hour}
	t.Entry("edge/web-gateway", Load{1200, 5, 120 * ms})
	t.Entry("edge/mobile-bff", Load{410, 1, 100 * ms})
	t.Call("edge/web-gateway", "shop/catalog", Load{820, 0, 20 * ms})
	t.Call("edge/web-gateway", "shop/cart", Load{240, 0, 11 * ms})
	t.Call("edge/web-gateway", "shop/checkout", Load{74, 5, 360 * ms})
	t.Call("edge/mobile-bff", "shop/catalog", Load{85, 0, 22 * ms})
	t.Call("edge/mobile-bff", "shop/recommend", Load{220, 4, 55 * ms})
	t.Call("edge/mobile-bff", "shop/checkout", Load{22, 2, 380 * ms})
	t.Call("shop/recommend", "shop/catalog", Load{220, 0, 19 * ms})
	t.Call("shop/checkout", "shop/cart", Load{96, 0, 10 * ms})
	t.Call("shop/checkout", "billing/payments", Load{96, 6, 330 * ms})
	t.Call("shop/cart", "shop/cart", Load{12, 0, 2 * ms})
	t.Send("shop/checkout", "orders", Load{90, 0, 2 * ms})
	t.Receive("orders", "billing/ledger", Load{88, 0, 17 * ms})
	t.Message("billing/ledger", "billing/mailer", Load{88, 0, 40 * ms})
	t.Peer("billing/payments", "server.address", "api.stripe.com", Load{96, 5, 290 * ms})
	t.Peer("billing/payments", "db.namespace", "orders-db", Load{190, 0, 4 * ms})
	t.Peer("billing/ledger", "db.namespace", "orders-db", Load{264, 0, 5 * ms})
	t.Peer("shop/catalog", "db.namespace", "orders-db", Load{856, 0, 5 * ms})
	t.Peer("shop/cart", "db.system.name", "redis", Load{610, 0, 700 * time.Microsecond})
	return t
}

// Hostile is a list of names that break a format without proper escaping.
var Hostile = []string{
	`quote " and ' quote`,
	`backslash \ \N \G \n \" at the end \`,
	`<script>alert("x")</script>`,
	`&amp; &lt;b&gt; & entities &#10;`,
	`<B>html</B> -- --> ]]> }`,
	`{a|b|<port> c} ; label="x"]`,
	"line\nbreak\r\nand\ttab",
	"nul \x00 bell \a escape \x1b[31mred",
	"right \u202etfel ot\u202c left \u2066isolate\u2069 \u200eمرحبا",
	"注文 サービス 👩‍💻 e\u0301 🏳️‍🌈",
	"invalid \xff\xfe utf-8 \xc3",
	"javascript:alert(1)",
	"end", "default", "direction TB", // keywords of Mermaid
	`style x:y#z; %%{init: {}}%% $$x$$ fa:fa-ban ﬂ°°60¶ß`,
	"1. **bold** __init__ `code` [link](http://x) @user #1", // Markdown
	`=cmd|' /C calc'!A0`, "+1", "-1", "@SUM(A1)", "'quoted", // spreadsheets
	"  spaces  around  ",
	strings.Repeat("long-name.", 1000) + "end",
	"",
}
