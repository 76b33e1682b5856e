package main

import (
	"context"
	_ "embed"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/trace"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

//go:embed shop.rules
var shopRules string

func rules(t *testing.T) []graphtest.Rule {
	t.Helper()
	rules, err := graphtest.Parse("shop.rules", shopRules)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// record opens a shop with a mistake, buys two items and returns the graph.
func record(t *testing.T, mistake func(*shop)) *graphtest.Observed {
	t.Helper()
	rec := graphtest.NewRecorder(t, servicegraph.Config{})
	s := newShop(func(name string) trace.TracerProvider { return rec.Service(name) }, rec.Propagator())
	mistake(s)
	if _, err := open(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	if err := s.visit(t.Context(), "book", "pen"); err != nil {
		t.Log(err)
	}
	return rec.Graph(t)
}

// TestArchitecture is the test that a real shop would have.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	g := record(t, func(*shop) {})
	graphtest.Check(t, g, rules(t)...)
	graphtest.Golden(t, g, "testdata/shop.graph")
}

// mistakes are changes to a shop before it opens.
var mistakes = []struct {
	name   string
	make   func(*shop)
	breaks []string // the rules that the mistake breaks
	says   string   // a part of the message
}{
	{
		name: "forbidden dependency",
		make: func(s *shop) {
			buy := s.buy
			s.buy = func(ctx context.Context, items []string) error {
				s.gateway.query(ctx, "orders") // a shortcut
				return buy(ctx, items)
			}
		},
		breaks: []string{"never gateway -> *[database]"},
		says:   "gateway called orders[database], once",
	},
	{
		name: "N+1",
		make: func(s *shop) {
			s.order = func(ctx context.Context, items []string) error {
				for _, item := range items {
					if err := s.callInventory(ctx, []string{item}); err != nil {
						return err
					}
				}
				s.checkout.query(ctx, "orders")
				return nil
			}
		},
		breaks: []string{"per-trace checkout -> inventory at most 1"},
		says:   "checkout -> inventory was called 2 times in one trace",
	},
	{
		name: "lost propagation",
		make: func(s *shop) {
			// Without this option otelhttp uses the global propagator, which is not set.
			s.gateway.client = &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(s.gateway.tracing))}
		},
		breaks: []string{"path gateway -> checkout -> inventory -> stock", "connected"},
		says:   "the trace context was lost between them",
	},
	{
		name: "retry storm",
		make: func(s *shop) {
			s.reserve = func(context.Context, []string) error { return status.Error(grpccodes.Unavailable, "closed for today") }
			s.order = func(ctx context.Context, items []string) (err error) {
				for range 5 {
					if err = s.callInventory(ctx, items); err == nil {
						break
					}
				}
				return err
			}
		},
		// No request reaches the database, so two rules find no node stock.
		breaks: []string{
			"path gateway -> checkout -> inventory -> stock",
			"layers gateway > checkout > inventory > stock, orders",
			"per-trace checkout -> inventory at most 1",
			"errors * -> * at most 0%",
		},
		says: "checkout -> inventory was called 5 times in one trace",
	},
	{
		name: "added cycle",
		make: func(s *shop) {
			buy, reserve := s.buy, s.reserve
			s.buy = func(ctx context.Context, items []string) error {
				if slices.Equal(items, []string{"price"}) {
					return nil
				}
				return buy(ctx, items)
			}
			s.reserve = func(ctx context.Context, items []string) error {
				if err := post(ctx, s.inventory.client, s.gatewayURL, []string{"price"}); err != nil {
					return err
				}
				return reserve(ctx, items)
			}
		},
		breaks: []string{
			"layers gateway > checkout > inventory > stock, orders",
			"only inventory -> stock",
			"acyclic",
		},
		says: "a cycle: checkout -> inventory -> gateway -> checkout",
	},
}

// TestMistakes: each mistake breaks the rules that should detect it, and no others.
func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			g := record(t, m.make)
			violations := graphtest.Violations(g, rules(t)...)
			var broken []string
			for _, v := range violations {
				broken = append(broken, v.Rule)
			}
			if diff := cmp.Diff(m.breaks, slices.Compact(broken)); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			message := graphtest.Message(g.Graph, violations, len(rules(t)))
			if !strings.Contains(message, m.says) {
				t.Errorf("no %q in\n%s", m.says, message)
			}
		})
	}
}

// TestProgram: the program prints the graph of five purchases.
func TestProgram(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gateway   → checkout", "checkout  → orders", "inventory → stock", "5 traces"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
