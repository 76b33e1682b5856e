package graphtest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A counter generates ids in order, so that messages are always the same.
type counter struct{ traces, spans atomic.Uint64 }

func (c *counter) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	binary.BigEndian.PutUint64(id[8:], c.traces.Add(1))
	return id, c.NewSpanID(ctx, id)
}

func (c *counter) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	binary.BigEndian.PutUint64(id[:], c.spans.Add(1))
	return id
}

// A site has services in one process, with a network between them.
type site struct {
	t       *testing.T
	rec     *graphtest.Recorder
	ids     *counter
	network graphtest.MemTransport
}

func (s site) tracer(service string) trace.Tracer { return s.rec.Service(service).Tracer("site") }

// serve adds a service, whose handler gets its own client.
func (s site) serve(service string, h func(ctx context.Context, c *http.Client) error) {
	p := s.rec.Service(service)
	c := client(s.rec, p, s.network)
	s.network[service] = handler(s.rec, p, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * time.Millisecond)
		if err := h(r.Context(), c); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

func nothing(context.Context, *http.Client) error { return nil }

// visit makes a request from outside the site.
func (s site) visit(service string) {
	if err := get(s.t.Context(), &http.Client{Transport: s.network}, "http://"+service+"/"); err != nil {
		s.t.Log(err)
	}
}

// query makes the span of a database query by hand, as a service with an uninstrumented
// driver does.
func query(ctx context.Context, tracer trace.Tracer, opts ...trace.SpanStartOption) trace.Span {
	_, span := tracer.Start(ctx, "GET cart:1", opts...)
	time.Sleep(time.Millisecond)
	return span
}

var redis = trace.WithAttributes(attribute.String("db.system.name", "redis"), attribute.String("server.address", "redis"))

// mistakes are realistic mistakes in instrumentation and in architecture, each with rules
// that detect it.
var mistakes = []struct {
	what  string
	make  func(s site)
	rules []graphtest.Rule
}{
	{"The client of web is not instrumented.", func(s site) {
		s.serve("cart", nothing)
		s.serve("web", func(ctx context.Context, _ *http.Client) error {
			return get(ctx, &http.Client{Transport: s.network}, "http://cart/")
		})
		s.visit("web")
	}, []graphtest.Rule{graphtest.Path("web -> cart")}},

	{"The client of web has no propagator: there is no global one in a test.", func(s site) {
		s.serve("cart", nothing)
		p := s.rec.Service("web")
		s.serve("web", func(ctx context.Context, _ *http.Client) error {
			return get(ctx, &http.Client{Transport: otelhttp.NewTransport(s.network, otelhttp.WithTracerProvider(p))}, "http://cart/")
		})
		s.visit("web")
	}, []graphtest.Rule{graphtest.Path("web -> cart"), graphtest.Connected()}},

	{"The server of cart is not instrumented.", func(s site) {
		s.network["cart"] = http.NotFoundHandler()
		s.serve("web", func(ctx context.Context, c *http.Client) error { return get(ctx, c, "http://cart/") })
		s.visit("web")
	}, []graphtest.Rule{graphtest.Path("web -> cart[service]")}},

	{"The request to cart was never made.", func(s site) {
		s.serve("web", nothing)
		s.serve("cart", nothing)
		s.visit("web")
	}, []graphtest.Rule{graphtest.Path("web -> cart")}},

	{"The span of the query is never ended.", func(s site) {
		tracer := s.tracer("cart")
		s.serve("cart", func(ctx context.Context, _ *http.Client) error {
			query(ctx, tracer, trace.WithSpanKind(trace.SpanKindClient), redis)
			return nil
		})
		s.visit("cart")
	}, []graphtest.Rule{graphtest.Contains("cart -> redis[database]")}},

	{"The span of the query has no kind.", func(s site) {
		tracer := s.tracer("cart")
		s.serve("cart", func(ctx context.Context, _ *http.Client) error {
			query(ctx, tracer, trace.WithAttributes(attribute.String("peer.service", "redis"))).End()
			return nil
		})
		s.visit("cart")
	}, []graphtest.Rule{graphtest.Contains("cart -> redis")}},

	{"The span of the query does not say whom it asks.", func(s site) {
		tracer := s.tracer("cart")
		s.serve("cart", func(ctx context.Context, _ *http.Client) error {
			query(ctx, tracer, trace.WithSpanKind(trace.SpanKindClient)).End()
			return nil
		})
		s.visit("cart")
	}, []graphtest.Rule{graphtest.Contains("cart -> redis"), graphtest.Unresolved(0)}},

	{"The message does not carry its trace.", func(s site) {
		web, mail := s.tracer("web"), s.tracer("mail")
		queue := trace.WithAttributes(attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", "orders"))
		s.serve("web", func(ctx context.Context, _ *http.Client) error {
			_, span := web.Start(ctx, "send orders", trace.WithSpanKind(trace.SpanKindProducer), queue)
			span.End()
			return nil
		})
		s.visit("web")
		_, span := mail.Start(s.t.Context(), "process orders", trace.WithSpanKind(trace.SpanKindConsumer), queue)
		span.End()
	}, []graphtest.Rule{graphtest.Async("web -> mail")}},

	{"The name in the rule is misspelled.", func(s site) {
		s.serve("checkout", nothing)
		s.serve("web", func(ctx context.Context, c *http.Client) error { return get(ctx, c, "http://checkout/") })
		s.visit("web")
	}, []graphtest.Rule{graphtest.Path("web -> chekout"), graphtest.Never("chekout", "*[database]")}},

	{"The reports go around cart, to its database.", func(s site) {
		tracer := s.tracer("reports")
		s.serve("reports", func(ctx context.Context, _ *http.Client) error {
			query(ctx, tracer, trace.WithSpanKind(trace.SpanKindClient), redis).End()
			return nil
		})
		s.visit("reports")
	}, []graphtest.Rule{graphtest.Never("reports", "*[database]"), graphtest.Path("reports -> cart -> redis")}},

	{"A call went through a proxy that the rule does not know.", func(s site) {
		s.serve("cart", nothing)
		s.serve("proxy", func(ctx context.Context, c *http.Client) error { return get(ctx, c, "http://cart/") })
		s.serve("web", func(ctx context.Context, c *http.Client) error { return get(ctx, c, "http://proxy/") })
		s.visit("web")
	}, []graphtest.Rule{graphtest.Exactly("web -> cart")}},

	{"The spans of proxy are sent elsewhere.", func(s site) {
		s.serve("cart", nothing)
		other := s
		other.rec = graphtest.NewRecorder(s.t, servicegraph.Config{}) // its spans are not checked
		other.rec.SetIDs(s.ids)
		other.serve("proxy", func(ctx context.Context, c *http.Client) error { return get(ctx, c, "http://cart/") })
		s.serve("web", func(ctx context.Context, c *http.Client) error { return get(ctx, c, "http://proxy/") })
		s.visit("web")
	}, []graphtest.Rule{graphtest.NoOrphans(), graphtest.Path("web -> proxy[service] -> cart")}},

	{"Each item of the list is asked for on its own.", func(s site) {
		s.serve("inventory", nothing)
		s.serve("cart", func(ctx context.Context, c *http.Client) error {
			for range 3 {
				if err := get(ctx, c, "http://inventory/"); err != nil {
					return err
				}
			}
			return nil
		})
		s.visit("cart")
	}, []graphtest.Rule{graphtest.AtMost("cart -> inventory", 1)}},

	{"The client of the bank tries again and again.", func(s site) {
		tracer := s.tracer("payments")
		s.serve("payments", func(ctx context.Context, _ *http.Client) error {
			for n := range 4 {
				span := query(ctx, tracer, trace.WithSpanKind(trace.SpanKindClient),
					trace.WithAttributes(attribute.String("peer.service", "bank"), attribute.Int("http.request.resend_count", n)))
				span.SetStatus(codes.Error, "no answer")
				span.End()
			}
			return nil
		})
		s.visit("payments")
	}, []graphtest.Rule{graphtest.Retries("payments -> bank", 1)}},

	{"Two services call each other.", func(s site) {
		s.serve("prices", func(ctx context.Context, c *http.Client) error {
			return get(ctx, c, "http://discounts/")
		})
		asked := false
		s.serve("discounts", func(ctx context.Context, c *http.Client) error {
			if asked {
				return nil
			}
			asked = true
			return get(ctx, c, "http://prices/")
		})
		s.visit("prices")
	}, []graphtest.Rule{graphtest.Acyclic()}},

	{"An error is swallowed, and the answer is late.", func(s site) {
		tracer := s.tracer("payments")
		bank := trace.WithAttributes(attribute.String("peer.service", "bank"))
		s.serve("payments", func(ctx context.Context, _ *http.Client) error {
			span := query(ctx, tracer, trace.WithSpanKind(trace.SpanKindClient), bank)
			time.Sleep(400 * time.Millisecond)
			span.SetStatus(codes.Error, "no answer")
			span.End()
			return nil
		})
		s.visit("payments")
	}, []graphtest.Rule{graphtest.ErrorRate("payments -> *", 0), graphtest.Latency("payments -> bank", servicegraph.CallerSide, 0.95, 300*time.Millisecond)}},
}

// TestMistakes: each mistake is detected, and its message is the one in testdata/mistakes.txt. That
// file has all messages, so that people can review them. GRAPHTEST_UPDATE=1 writes the file.
func TestMistakes(t *testing.T) {
	var all strings.Builder
	for i, m := range mistakes {
		ft := &fakeT{}
		synctest.Test(t, func(t *testing.T) {
			rec := graphtest.NewRecorder(t, servicegraph.Config{})
			ids := &counter{}
			rec.SetIDs(ids)
			m.make(site{t, rec, ids, graphtest.MemTransport{}})
			graphtest.Check(ft, rec.Graph(ft), m.rules...)
		})
		if len(ft.errors) == 0 {
			t.Errorf("%s: no error", m.what)
		}
		fmt.Fprintf(&all, "%d. %s\n\n", i+1, m.what)
		for line := range strings.Lines(ft.text()) {
			all.WriteString("    " + line)
		}
		all.WriteString("\n\n")
	}
	const file = "testdata/mistakes.txt"
	if os.Getenv("GRAPHTEST_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(all.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
