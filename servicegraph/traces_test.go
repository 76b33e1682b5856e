package servicegraph_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestTracesAddUp checks on the spans of every scenario that the calls of all traces are the calls,
// the errors and the entries of the graph, and that no call is within itself, directly or through
// other calls.
func TestTracesAddUp(t *testing.T) {
	eachScenario(t, func(file string, b *sg.Builder) {
		want, got := make(map[string]float64), make(map[string]float64)
		g := b.Graph()
		for e := range g.Edges() {
			want[e.ID.String()+" "+string(e.ID.Kind)] = e.Calls
			if e.Errors > 0 {
				want[e.ID.String()+" "+string(e.ID.Kind)+" errors"] = e.Errors
			}
		}
		for n := range g.Nodes() {
			if n.Entries > 0 {
				want[n.ID.String()+" entries"] = n.Entries
			}
		}
		for trace := range b.Traces() {
			for i, c := range trace.Calls {
				for n, at := 0, i; at >= 0; at = trace.Calls[at].Within {
					if n++; n > len(trace.Calls) {
						t.Errorf("%s: call %d is within itself", file, i)
						break
					}
				}
				if c.Entry {
					got[c.To.String()+" entries"] += c.Weight
				}
				if c.From == (sg.NodeID{}) {
					continue
				}
				key := sg.EdgeID{From: c.From, To: c.To, Kind: c.Kind}.String() + " " + string(c.Kind)
				got[key] += c.Weight
				if c.Failed() {
					got[key+" errors"] += c.Weight
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the calls of the traces (-graph +traces):\n%s", file, diff)
		}
	})
}

// eachScenario calls check with the name of every file of testdata/scenarios, and a builder that
// has the spans of the file.
func eachScenario(t *testing.T, check func(file string, b *sg.Builder)) {
	files, err := filepath.Glob("testdata/scenarios/*.txtar")
	if err != nil || len(files) < 300 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var cfg sg.Config
		for _, f := range archive.Files {
			if f.Name == "config" {
				cfg = parseConfig(t, string(f.Data))
			}
		}
		i := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "spans" })
		b := sg.NewBuilder(cfg)
		for _, s := range mustParse(t, string(archive.Files[i].Data)) {
			b.Add(s)
		}
		check(file, b)
	}
}

func TestTracesTellOnWhoseBehalf(t *testing.T) {
	for _, c := range []struct{ name, spans, want string }{
		{"a chain", "S A a 0+100\nC A c<a 10+80\nS B b<c 20+60\nC B d<b 30+10 peer.service=db",
			"0: →A entry; 1: A→B in 0; 2: B→db in 1"},
		{"spans in between do not matter", "S A a 0+100\nI A i<a 5+90\nC A c<i 10+80\nS B b<c 20+60",
			"0: →A entry; 1: A→B in 0"},
		{"two requests of one service in a trace", "S A a 0+100\nC A c<a 10+10\nS B b<c 10+10\nC B d<b 12+5\nS A e<d 12+5\nC A f<e 13+1\nS D s<f 13+1",
			"0: →A entry; 1: A→B in 0; 2: B→A in 1; 3: A→D in 2"},
		{"a missing parent", "S B b<x 20+60\nC B c<b 30+10\nS D d<c 30+10", "0: →B; 1: B→D in 0"},
		{"a caller that only a name shows", "S B b 20+60 peer.service=A\nC B c<b 30+10\nS D d<c 30+10", "0: A→B; 1: B→D in 0"},
		{"a message by a link, in one trace", "S A a 0+100\nP A p<a 10+10\nN B n 50+10 link=p\nC B c<n 51+1\nS D d<c 51+1",
			"0: →A entry; 1: A→B message in 0; 2: B→D in 1"},
		{"a message by a link from another trace", "S A two:a 0+100\nP A two:p<a 10+10\nN B n 50+10 link=two:p\nC B c<n 51+1\nS D d<c 51+1",
			"0: A→B message linked; 1: B→D in 0 | 0: →A entry"},
		{"a job", "I A a 0+100\nC A c<a 10+80\nS B b<c 20+60", "0: →A begins; 1: A→B in 0"},
		{"a call that nothing is around", "C A c 10+80\nS B b<c 20+60", "0: →A begins; 1: A→B in 0"},
		{"a part of a job", "I A a<x 0+100\nC A c<a 10+80\nS B b<c 20+60", "0: →A; 1: A→B in 0"},
		{"a dependency of known address", "S A a 0+100\nC A c<a 10+10 server.address=b server.port=1\nS B b<c 11+1\nC A d<a 30+10 server.address=b server.port=1 !",
			"0: →A entry; 1: A→B in 0; 2: A→B in 0 failed"},
	} {
		b := sg.NewBuilder(sg.Config{})
		for _, s := range mustParse(t, c.spans) {
			b.Add(s)
		}
		var traces []string
		for trace := range b.Traces() {
			var calls []string
			for i, call := range trace.Calls {
				text := fmt.Sprintf("%d: %s→%s", i, call.From.Name, call.To.Name)
				if call.Kind == sg.EdgeMessage {
					text += " message"
				}
				if call.Within >= 0 {
					text += fmt.Sprintf(" in %d", call.Within)
				}
				for word, is := range map[string]bool{" entry": call.Entry, " begins": call.Begins, " linked": call.Linked, " failed": call.Failed()} {
					if is {
						text += word
					}
				}
				calls = append(calls, text)
			}
			traces = append(traces, strings.Join(calls, "; "))
		}
		slices.Sort(traces)
		if diff := cmp.Diff(c.want, strings.Join(traces, " | ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
