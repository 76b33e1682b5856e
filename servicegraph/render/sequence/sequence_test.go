package sequence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// trace makes the spans of lines such as "S web a<p 10+80 ! name": kind, service, id and parent,
// start and length in milliseconds, a mark of a failure, and a name. Attributes are key=value.
func trace(t *testing.T, lines ...string) (spans []servicegraph.Span) {
	t.Helper()
	kinds := map[string]servicegraph.Kind{"I": servicegraph.KindInternal, "S": servicegraph.KindServer, "C": servicegraph.KindClient, "P": servicegraph.KindProducer, "N": servicegraph.KindConsumer}
	spanID := func(name string) (id servicegraph.SpanID) {
		copy(id[:], name)
		return id
	}
	for _, line := range lines {
		words := strings.Fields(line)
		s := servicegraph.Span{TraceID: servicegraph.TraceID{0: 1, 15: 1}, Kind: kinds[words[0]], Service: words[1]}
		id, parent, _ := strings.Cut(words[2], "<")
		s.SpanID, s.ParentID = spanID(id), spanID(parent)
		var start, length int64
		if _, err := fmt.Sscanf(words[3], "%d+%d", &start, &length); err != nil {
			t.Fatal(line, err)
		}
		s.Start = 1e18 + start*1e6
		s.End = s.Start + length*1e6
		for _, word := range words[4:] {
			key, value, isAttr := strings.Cut(word, "=")
			switch {
			case word == "!":
				s.Status = servicegraph.StatusError
			case strings.HasPrefix(word, "link="):
				s.Links = append(s.Links, servicegraph.Link{TraceID: s.TraceID, SpanID: spanID(value)})
			case isAttr:
				s.Attrs = append(s.Attrs, servicegraph.Attr{Key: key, Value: value})
			default:
				s.Name = word
			}
		}
		spans = append(spans, s)
	}
	return spans
}

func diagramOf(t *testing.T, cfg Config, spans []servicegraph.Span) *Diagram {
	t.Helper()
	b := NewBuilder(cfg)
	for _, s := range spans {
		b.Add(s)
	}
	d, err := b.Diagram()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mermaidOf(t *testing.T, d *Diagram) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteMermaid(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// body returns the lines of a Mermaid diagram after its heading.
func body(text string) string {
	_, text, _ = strings.Cut(text, "accDescr: ")
	_, text, _ = strings.Cut(text, "\n")
	return text
}

var examples = []struct{ name, spans, want string }{
	{"a request with retries, to a database without spans", `
S web a 0+100 /buy
C web c1<a 10+10 ! get
S stock s1<c1 12+5 ! /stock
C web c2<a 30+40 get
S stock s2<c2 32+30 /stock
C stock q<s2 40+10 SELECT db.system=mysql db.name=shop
`, `
  actor n0 as user
  participant n1 as web
  participant n2 as stock
  participant n3 as shop #40;database#41;
  n0->>+n1: #47;buy
  n1->>+n2: #47;stock
  n2--x-n1: ✗ failed, recovered · 10 ms
  n1->>+n2: retry 1#58; #47;stock
  n2->>+n3: SELECT
  n3-->>-n2: 10 ms
  n2-->>-n1: 40 ms
  n1-->>-n0: 100 ms
`},
	{"parallel calls, some of them one after the other", `
S web a 0+100 /
C web c1<a 10+50
S x s1<c1 12+40 one
C web c2<a 20+10
S y s2<c2 21+5 two
C web c3<a 30+30
S y s3<c3 31+5 three
C web c4<a 70+10
S y s4<c4 71+5 four
`, `
  actor n0 as user
  participant n1 as web
  participant n2 as x
  participant n3 as y
  n0->>+n1: #47;
  par 2 at the same time
    n1->>+n2: one
    n2-->>-n1: 50 ms
  and
    n1->>+n3: two
    n3-->>-n1: 10 ms
    n1->>+n3: three
    n3-->>-n1: 30 ms
  end
  n1->>+n3: four
  n3-->>-n1: 10 ms
  n1-->>-n0: 100 ms
`},
	{"messages: by parent, by link, failed, and to a queue that nobody reads", `
S web a 0+50 /order
P web p1<a 10+1 send messaging.destination.name=orders messaging.system=kafka
N mail n1<p1 100+20 ! receive
C mail c<n1 105+5 smtp server.address=smtp.example
P web p2<a 20+1 send messaging.destination.name=audit messaging.system=kafka
N audit n2 200+20 receive link=p2
P web p3<a 30+1 lost messaging.destination.name=void messaging.system=kafka
`, `
  actor n0 as user
  participant n1 as web
  participant n2 as mail
  participant n3 as smtp.example #40;external#41;
  participant n4 as audit
  participant n5 as kafka/void #40;queue#41;
  n0->>+n1: #47;order
  par 3 at the same time
    n1-)+n2: receive
    n2->>+n3: smtp
    n3-->>-n2: 5 ms
    Note over n2: ✗ failed · 1 ms
    deactivate n2
  and
    n1-)+n4: receive
    deactivate n4
  and
    n1-)n5: lost
  end
  n1-->>-n0: 50 ms
`},
	{"a failed call and its retry beside another call (V7)", `
S A a 0+100 /
C A c<a 10+50
S B b<c 12+40 b
C A d<a 20+10 !
S D d1<d 21+5 ! get
C A e<a 40+5
S D e1<e 41+3 get
`, `
  actor n0 as user
  participant n1 as A
  participant n2 as B
  participant n3 as D
  n0->>+n1: #47;
  par 2 at the same time
    n1->>+n2: b
    n2-->>-n1: 50 ms
  and
    n1->>+n3: get
    n3--x-n1: ✗ failed, recovered · 10 ms
    n1->>+n3: retry 1#58; get
    n3-->>-n1: 5 ms
  end
  n1-->>-n0: 100 ms
`},
	{"a span whose parent is missing", `
S web a<x 0+50 /order
I web i<a 1+5 work
C web c<i 1+5 !
S stock s<c 1+5 /stock
`, `
  participant n0 as web
  participant n1 as stock
  Note over n0: #47;order
  activate n0
  n0->>+n1: #47;stock
  n1--x-n0: ✗ failed, recovered · 5 ms
  deactivate n0
`},
}

func TestMermaid(t *testing.T) {
	for _, e := range examples {
		spans := trace(t, strings.Split(strings.TrimSpace(e.spans), "\n")...)
		got := mermaidOf(t, diagramOf(t, Config{}, spans))
		if diff := cmp.Diff(strings.TrimPrefix(e.want, "\n"), body(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e.name, diff)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for range 20 {
			rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
			if again := mermaidOf(t, diagramOf(t, Config{}, append(spans, spans[0]))); again != got {
				t.Fatalf("%s: the order of the spans changes the diagram:\n%s", e.name, cmp.Diff(got, again))
			}
		}
	}
}

func TestHeading(t *testing.T) {
	got := mermaidOf(t, diagramOf(t, Config{}, trace(t, "S web a 0+100 /", "C web c<a 10+10", "S x s<c 11+1 get")))
	want := `---
title: "trace 01000000000000000000000000000001 · 2001-09-09 01:46:40 UTC · 100 ms"
---
sequenceDiagram
  accDescr: Sequence of 2 calls in a trace. Replies have the latency that the caller measured, or else the callee. Open arrows are messages.
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// If a trace has many calls, the failed and the longest calls are drawn, with the calls around
// them. Notes count the other calls.
func TestClipping(t *testing.T) {
	lines := []string{"S web a 0+100000 /"}
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("C web c%d<a %d+%d", i, i*10, 1+i%7), fmt.Sprintf("S x s%d<c%d %d+1 get%d", i, i, i*10, i))
	}
	lines = append(lines, "C x deep<s297 2970+1 !", "S y dd<deep 2970+1 ! broken")
	got := mermaidOf(t, diagramOf(t, Config{Calls: 20}, trace(t, lines...)))
	for _, want := range []string{
		"Note over n0,n3: 20 of 302 calls are shown#58; those that failed, and those that took longest",
		"Note over n1: 282 more calls not shown", "broken", "get297", "get6\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "->>+"); n != 20 {
		t.Errorf("%d calls are drawn, want 20", n)
	}
	if strings.Contains(got, "get7\n") {
		t.Error("a short call is drawn")
	}
}

// Mermaid's limit on characters takes precedence over the number of calls.
func TestMermaidSize(t *testing.T) {
	lines := []string{"S web a 0+100000 /"}
	for i := range 400 {
		lines = append(lines, fmt.Sprintf("C web c%d<a %d+5", i, i*10), fmt.Sprintf("S x s%d<c%d %d+1 %s", i, i, i*10, strings.Repeat("<", 200)))
	}
	got := mermaidOf(t, diagramOf(t, Config{Calls: 1000}, trace(t, lines...)))
	if len(got) > mermaidSize || len(got) < mermaidSize/2 {
		t.Errorf("%d characters", len(got))
	}
	if !strings.Contains(got, "of 401 calls are shown") {
		t.Error("no note about the calls that are not shown")
	}
}

// A single very deep chain is drawn from its top. A failure that is too deep for the limit is left
// out.
func TestDeepChain(t *testing.T) {
	lines := []string{"S s0 x0 0+900000 top"}
	for i := 1; i < 5000; i++ {
		lines = append(lines, fmt.Sprintf("S s%d x%d<x%d %d+%d call%d", i, i, i-1, i, 900000-2*i, i))
	}
	lines[4999] += " !"
	got := mermaidOf(t, diagramOf(t, Config{}, trace(t, lines...)))
	if !strings.Contains(got, "call99\n") || strings.Contains(got, "call100\n") || !strings.Contains(got, "100 of 5,000 calls") {
		t.Errorf("got\n%.2000s", got)
	}
}

func TestDiagramErrors(t *testing.T) {
	b := NewBuilder(Config{})
	if _, err := b.Diagram(); !errors.Is(err, ErrNoTrace) {
		t.Errorf("without spans: %v", err)
	}
	b.Add(servicegraph.Span{SpanID: servicegraph.SpanID{1}})
	if _, err := b.Diagram(); !errors.Is(err, ErrNoTrace) {
		t.Errorf("without a trace id: %v", err)
	}
	spans := trace(t, "S web a 0+1 /", "S web b 0+1 /")
	spans[1].TraceID = servicegraph.TraceID{15: 1} // cut to 64 bits on the way
	diagramOf(t, Config{}, spans)
	spans[1].TraceID = servicegraph.TraceID{15: 2}
	for _, s := range spans {
		b.Add(s)
	}
	_, err := b.Diagram()
	if !errors.Is(err, ErrSeveralTraces) || !strings.Contains(err.Error(), "00000000000000000000000000000002") {
		t.Errorf("with two traces: %v", err)
	}
}

func TestPlantUML(t *testing.T) {
	var b bytes.Buffer
	spans := trace(t, strings.Split(strings.TrimSpace(examples[0].spans), "\n")...)
	if err := diagramOf(t, Config{}, spans).WritePlantUML(&b); err != nil {
		t.Fatal(err)
	}
	want := `@startuml
title trace 01000000000000000000000000000001 · 2001<U+002D>09<U+002D>09 01<U+003A>46<U+003A>40 UTC · 100 ms
actor "user" as n0
participant "web" as n1
participant "stock" as n2
database "shop <U+0028>database<U+0029>" as n3
n0 -> n1 ++ : <U+002F>buy
n1 -> n2 ++ : <U+002F>stock
n2 --x n1 -- : ✗ failed, recovered · 10 ms
n1 -> n2 ++ : retry 1<U+003A> <U+002F>stock
n2 -> n3 ++ : SELECT
n3 --> n2 -- : 10 ms
n2 --> n1 -- : 40 ms
n1 --> n0 -- : 100 ms
@enduml
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("PlantUML (-want +got):\n%s", diff)
	}
}

func TestWriteErrors(t *testing.T) {
	d := diagramOf(t, Config{}, trace(t, "S web a 0+1 /"))
	if d.WriteMermaid(full{}) == nil || d.WritePlantUML(full{}) == nil {
		t.Error("a full disk is no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

// Mermaid's own parser reads the names of lifelines and operations as they are, and its renderer
// lays the diagrams out: see package render for the environment variable.
func TestMermaidReadsAndDraws(t *testing.T) {
	dir := os.Getenv("TEMPOGRAPH_MERMAID")
	if dir == "" {
		t.Skip("TEMPOGRAPH_MERMAID is not set to the directory of Mermaid's parser")
	}
	var texts []string
	for _, e := range examples {
		texts = append(texts, mermaidOf(t, diagramOf(t, Config{}, trace(t, strings.Split(strings.TrimSpace(e.spans), "\n")...))))
	}
	names := append(slices.Clone(rendertest.Hostile), "end", "as", "end as x", "par a", "wrap: a", "Note over n1: x", "a\nactivate n1", "loop", "%%x", "actor", "title: a")
	spans := trace(t, "S web a 0+100000 /")
	for i, name := range names {
		of := trace(t, fmt.Sprintf("C web c%d<a %d+5", i, i*10), fmt.Sprintf("S x s%d<c%d %d+1", i, i, i*10))
		of[1].Service, of[1].Name = name, name
		spans = append(spans, of...)
	}
	hostile := diagramOf(t, Config{Calls: 1000}, spans)
	texts = append(texts, mermaidOf(t, hostile))
	type answer struct {
		Error    string
		Actors   []struct{ ID, Text string }
		Messages []struct{ From, To, Text string }
		Lines    int
	}
	run := func(task string) (answers []answer) {
		in, _ := json.Marshal(texts)
		cmd := exec.CommandContext(t.Context(), "node", filepath.Join("..", "testdata", "mermaid.mjs"), dir, task)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(in), t.Output()
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &answers)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			if a.Error != "" {
				t.Fatalf("%s of diagram %d: %s\n%s", task, i, a.Error, texts[i])
			}
		}
		return answers
	}
	read := run("parse")[len(texts)-1]
	script := hostile.script(1000)
	if len(read.Actors) != len(script.lifelines) {
		t.Fatalf("Mermaid reads %d lifelines, want %d", len(read.Actors), len(script.lifelines))
	}
	for i, id := range script.lifelines {
		if want := lifelineText(id); id.Name != "" && read.Actors[i].Text != want {
			t.Errorf("Mermaid reads the lifeline %q, want %q", read.Actors[i].Text, want)
		}
	}
	texted := make(map[string]bool)
	for _, m := range read.Messages {
		texted[m.Text] = true
	}
	requests := 0
	for _, s := range script.steps {
		if s.kind == request {
			requests++
			if want := render.NameText(s.text, longestText); !texted[want] {
				t.Errorf("Mermaid reads no message %q", want)
			}
		}
	}
	if requests <= len(names) {
		t.Fatalf("%d requests, want more than %d", requests, len(names))
	}
	for i, a := range run("layout") {
		arrows := strings.Count(texts[i], "->>") + strings.Count(texts[i], "--x") + strings.Count(texts[i], "-)")
		if a.Lines != arrows {
			t.Errorf("Mermaid draws %d arrows of diagram %d, want %d", a.Lines, i, arrows)
		}
	}
}
