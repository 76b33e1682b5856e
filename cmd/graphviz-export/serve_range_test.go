package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestServeRangeOfTempo: the report about traces in Tempo offers time ranges. After the user
// chooses a range, the report and every other format show that range.
func TestServeRangeOfTempo(t *testing.T) {
	traceOf := func(id byte, ago time.Duration, caller, callee string) []servicegraph.Span {
		at := time.Now().Add(-ago).UnixNano()
		trace, root := servicegraph.TraceID{15: id}, servicegraph.SpanID{7: id}
		return []servicegraph.Span{
			{TraceID: trace, SpanID: root, Service: caller, Name: "call", Kind: servicegraph.KindClient, Start: at, End: at + 2e6},
			{TraceID: trace, SpanID: servicegraph.SpanID{6: 1, 7: id}, ParentID: root, Service: callee, Name: "answer", Kind: servicegraph.KindServer, Start: at + 5e5, End: at + 1e6},
		}
	}
	tempo := tempotest.Start(t, tempotest.Config{})
	// Tempo files a trace under its own time if the trace ended at most two minutes ago (Tempo's
	// ingestion slack).
	fill(t, tempo, slices.Concat(traceOf(1, time.Second, "web", "cart"), traceOf(2, 100*time.Second, "web", "orders")))
	s := startServer(t, "--tempo", tempo.URL, "--since", "75s")
	events := openEvents(t, s)

	// await waits for a version with a window and with exactly the given services.
	await := func(window string, services ...string) {
		t.Helper()
		for {
			var fragment struct {
				Data struct {
					Windows  []string
					Window   string
					CanClear bool
					Nodes    []struct{ Name string }
				}
			}
			status, body, _ := strings.Cut(get(t.Context(), s.page+"/fragment", ""), "\n")
			if status != "200 OK" {
				t.Fatalf("/fragment: %s", status)
			}
			if err := json.Unmarshal([]byte(body), &fragment); err != nil {
				t.Fatal(err)
			}
			d := fragment.Data
			var names []string
			for _, n := range d.Nodes {
				names = append(names, n.Name)
			}
			slices.Sort(names)
			if d.Window == window && slices.Equal(names, services) {
				if want := []string{"75s", "5m", "15m", "1h", "6h", "1d"}; !slices.Equal(d.Windows, want) || d.CanClear {
					t.Errorf("the report offers %v, clear %v, want %v", d.Windows, d.CanClear, want)
				}
				return
			}
			events.next(t) // fails after a timeout
		}
	}
	choose := func(window string) (status, text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.page+"/control", strings.NewReader(fmt.Sprintf(`{"window":%q}`, window)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Tempograph-Control", "1")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status, strings.TrimSpace(string(body))
	}

	await("75s", "cart", "web")
	if status, text := choose("5m"); status != "204 No Content" {
		t.Fatalf("5m: %s %s", status, text)
	}
	await("5m", "cart", "orders", "web")
	if text := get(t.Context(), s.page+"/graph.txt", ""); !strings.Contains(text, "orders") {
		t.Errorf("the table after the choice:\n%s", text)
	}
	if status, text := choose("7m"); status != "400 Bad Request" || !strings.Contains(text, `"7m" is not one of the time ranges`) {
		t.Errorf("7m: %s %s", status, text)
	}
	if status, text := choose("75s"); status != "204 No Content" {
		t.Fatalf("75s: %s %s", status, text)
	}
	await("75s", "cart", "web")
}
