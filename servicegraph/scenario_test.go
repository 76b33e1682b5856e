package servicegraph_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestScenarios runs every file of testdata/scenarios: spans and their graph. The README
// of that folder describes the notation.
//
// Each scenario is built in every order of its spans, and read back from JSON.
// GRAPHTEST_UPDATE=1 writes the actual graphs into the files.
func TestScenarios(t *testing.T) {
	runScenarios(t, "scenarios", func(t *testing.T, given []txtar.File, _ string) string {
		var cfg sg.Config
		if len(given) == 2 {
			cfg = parseConfig(t, section(t, given, 0, "config"))
		}
		spans := mustParse(t, section(t, given, len(given)-1, "spans"))
		checkOrders(t, cfg, spans)
		return describe(buildWith(cfg, spans))
	})
}

// checkOrders checks that every order of the spans gives the same bytes; of many spans,
// 100 random orders.
func checkOrders(t *testing.T, cfg sg.Config, spans []sg.Span) {
	t.Helper()
	want := marshal(t, buildWith(cfg, spans))
	again, err := sg.ReadJSON(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if got := marshal(t, again); !bytes.Equal(got, want) {
		t.Errorf("a JSON round trip changes the graph:\n%s", cmp.Diff(string(want), string(got)))
	}
	check := func(order []sg.Span) {
		if got := marshal(t, buildWith(cfg, order)); !bytes.Equal(got, want) {
			t.Errorf("the order %v of the spans changes the graph:\n%s", ids(order), cmp.Diff(string(want), string(got)))
		}
	}
	if len(spans) <= 5 {
		permutations(spans, check)
		return
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		order := slices.Clone(spans)
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		check(order)
	}
}

func permutations(spans []sg.Span, visit func([]sg.Span)) {
	var walk func(done, rest []sg.Span)
	walk = func(done, rest []sg.Span) {
		if len(rest) == 0 {
			visit(done)
			return
		}
		for i := range rest {
			walk(append(slices.Clone(done), rest[i]), slices.Concat(rest[:i], rest[i+1:]))
		}
	}
	walk(nil, spans)
}

func parseConfig(t *testing.T, text string) (cfg sg.Config) {
	for _, word := range strings.Fields(text) {
		switch {
		case word == "queue-nodes":
			cfg.QueueNodes = true
		case word == "http-errors":
			cfg.HTTPErrors = true
		case word == "user-node":
			cfg.UserNode = true
		case word == "infer-calls":
			cfg.InferCalls = true
		case word == "ignore-addresses":
			cfg.IgnoreAddresses = true
		case word == "ignore-internal-databases":
			cfg.IgnoreInternalDatabases = true
		case strings.HasPrefix(word, "hide="), strings.HasPrefix(word, "gateway="):
			key, pattern, _ := strings.Cut(word, "=")
			re, err := regexp.Compile(pattern)
			if err != nil {
				t.Fatal(err)
			}
			matches := func(id sg.NodeID) bool { return re.MatchString(id.String()) }
			if key == "hide" {
				cfg.Hide = matches
			} else {
				cfg.Gateways = matches
			}
		case strings.HasPrefix(word, "rename="):
			rule, err := sg.ParseRename(strings.TrimPrefix(word, "rename="))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Rename = append(cfg.Rename, rule)
		case strings.HasPrefix(word, "not-error="):
			cfg.NotErrors = append(cfg.NotErrors, strings.TrimPrefix(word, "not-error="))
		case strings.HasPrefix(word, "split-by="):
			cfg.SplitBy = append(cfg.SplitBy, strings.TrimPrefix(word, "split-by="))
		case strings.HasPrefix(word, "node-attr="):
			cfg.NodeAttrs = append(cfg.NodeAttrs, strings.TrimPrefix(word, "node-attr="))
		default:
			t.Fatalf("unknown configuration %q", word)
		}
	}
	return cfg
}

func build(spans []sg.Span) *sg.Graph { return buildWith(sg.Config{}, spans) }

func buildWith(cfg sg.Config, spans []sg.Span) *sg.Graph {
	b := sg.NewBuilder(cfg)
	for _, s := range spans {
		b.Add(s)
	}
	return b.Graph()
}

func marshal(t *testing.T, g *sg.Graph) []byte {
	t.Helper()
	data, err := g.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func ids(spans []sg.Span) []string {
	var out []string
	for _, s := range spans {
		out = append(out, strings.TrimRight(string(s.SpanID[:]), "\x00"))
	}
	return out
}

// epoch is the start of every scenario, 2026-01-01, in Unix nanoseconds.
const epoch = 1_767_225_600_000_000_000

var kinds = map[string]sg.Kind{
	"S": sg.KindServer, "C": sg.KindClient, "P": sg.KindProducer,
	"N": sg.KindConsumer, "I": sg.KindInternal, "-": sg.KindUnset,
}

func parseSpans(text string) ([]sg.Span, error) {
	var spans []sg.Span
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		s, err := parseSpan(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func parseSpan(words []string) (sg.Span, error) {
	if len(words) < 3 {
		return sg.Span{}, fmt.Errorf("want KIND SERVICE ID")
	}
	kind, ok := kinds[words[0]]
	if !ok {
		return sg.Span{}, fmt.Errorf("unknown kind %q", words[0])
	}
	s := sg.Span{Kind: kind, Name: words[2], Start: epoch, End: epoch + 1e6}
	s.Namespace, s.Service, ok = strings.Cut(words[1], "/")
	if !ok {
		s.Namespace, s.Service = "", words[1]
	}
	if s.Service == "?" {
		s.Service = ""
	}
	id, parent, _ := strings.Cut(words[2], "<")
	s.TraceID, s.SpanID = parseID(id)
	_, s.ParentID = parseID(parent)
	for _, w := range words[3:] {
		start, duration, timed := strings.Cut(w, "+")
		key, value, attribute := strings.Cut(w, "=")
		switch {
		case w == "!":
			s.Status = sg.StatusError
		case w == "ok":
			s.Status = sg.StatusOK
		case w == "unstarted":
			s.Start = 0
		case w == "unfinished":
			s.End = 0
		case key == "weight":
			weight, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return s, err
			}
			s.Weight = weight
		case key == "link":
			trace, span := parseID(value)
			s.Links = append(s.Links, sg.Link{TraceID: trace, SpanID: span})
		case attribute && key[0] == '@':
			s.Resource = append(s.Resource, sg.Attr{Key: key[1:], Value: value})
		case attribute:
			s.Attrs = append(s.Attrs, sg.Attr{Key: key, Value: value})
		case timed:
			from, err1 := strconv.Atoi(start)
			long, err2 := strconv.Atoi(duration)
			if err1 != nil || err2 != nil {
				return s, fmt.Errorf("time %q", w)
			}
			s.Start = epoch + int64(from)*1e6
			s.End = s.Start + int64(long)*1e6
		default:
			return s, fmt.Errorf("unknown word %q", w)
		}
	}
	return s, nil
}

func parseID(word string) (trace sg.TraceID, span sg.SpanID) {
	name := "trace"
	if before, after, found := strings.Cut(word, ":"); found {
		name, word = before, after
	}
	if half, ok := strings.CutPrefix(name, "64/"); ok {
		copy(trace[8:], half) // the id of a tracer that supports 64 bits
	} else {
		copy(trace[:], name)
		copy(trace[8:], strings.TrimPrefix(name, "128/")) // another id with the same lower half
	}
	if word != "0" {
		copy(span[:], word)
	}
	return trace, span
}

// describe returns a graph in the notation of the scenarios, which omits zeros.
func describe(g *sg.Graph) string {
	var b strings.Builder
	for n := range g.Nodes() {
		fmt.Fprintf(&b, "node %s", n.ID)
		if n.ID.Type != sg.TypeService {
			fmt.Fprintf(&b, " (%s)", n.ID.Type)
		}
		if n.Requests.Observed > 0 {
			fmt.Fprintf(&b, " requests %v", n.Requests.Calls)
			if n.Requests.Errors > 0 {
				fmt.Fprintf(&b, " failed %v", n.Requests.Errors)
			}
		}
		if n.Entries > 0 {
			fmt.Fprintf(&b, " entries %v", n.Entries)
		}
		if n.SelfTime > 0 {
			fmt.Fprintf(&b, " self %v", n.SelfTime)
		}
		for _, a := range n.Attrs {
			fmt.Fprintf(&b, " %s=%s", a.Key, a.Value)
		}
		b.WriteByte('\n')
	}
	for e := range g.Edges() {
		fmt.Fprintf(&b, "%s -> %s %s n%v", e.ID.From, e.ID.To, e.ID.Kind, e.Calls)
		if e.Errors > 0 {
			fmt.Fprintf(&b, " e%v", e.Errors)
		}
		if e.Recovered > 0 {
			fmt.Fprintf(&b, " recovered %v", e.Recovered)
		}
		if e.Retries > 0 {
			fmt.Fprintf(&b, " retries %v", e.Retries)
		}
		b.WriteByte('\n')
		describeStats(&b, "caller", e.Caller)
		describeStats(&b, "callee", e.Callee)
		if e.Gap.Count() > 0 {
			fmt.Fprintf(&b, "  gap %v\n", durations(e.Gap))
		}
		if e.Evidence.Address > 0 {
			fmt.Fprintf(&b, "  by address %v\n", e.Evidence.Address)
		}
		if e.Evidence.Name > 0 {
			fmt.Fprintf(&b, "  by name %v\n", e.Evidence.Name)
		}
		if e.Evidence.Inferred > 0 {
			fmt.Fprintf(&b, "  inferred %v\n", e.Evidence.Inferred)
		}
		for _, a := range e.Attrs {
			fmt.Fprintf(&b, "  %s=%s\n", a.Key, a.Value)
		}
		for _, q := range e.Queues {
			fmt.Fprintf(&b, "  through %s\n", q)
		}
	}
	b.WriteString(describeReport(g.Report()))
	return b.String()
}

func describeStats(b *strings.Builder, side string, s sg.Stats) {
	if s.Observed == 0 {
		return
	}
	fmt.Fprintf(b, "  %s n%v", side, s.Calls)
	if s.Errors > 0 {
		fmt.Fprintf(b, " e%v", s.Errors)
	}
	if s.Latency.Count() > 0 {
		fmt.Fprintf(b, " %v", durations(s.Latency))
	}
	b.WriteByte('\n')
}

func durations(l sg.Latency) string {
	if l.Min() == l.Max() {
		return l.Min().String()
	}
	return fmt.Sprintf("%v to %v", l.Min().Round(time.Microsecond), l.Max().Round(time.Microsecond))
}

func describeReport(r sg.Report) string {
	var parts []string
	for _, c := range []struct {
		name string
		n    uint64
	}{
		{"paired", r.Paired}, {"virtual", r.Virtual}, {"nested", r.Nested}, {"root", r.Root}, {"internal", r.Internal},
		{"orphan", r.Orphan}, {"unresolved", r.Unresolved}, {"duplicate", r.Duplicate}, {"invalid", r.Invalid},
		{"hidden", r.Hidden}, {"detached", r.Detached}, {"pending", r.Pending},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	var notes []string
	for _, c := range []struct {
		name string
		n    uint64
	}{
		{"missing parent", r.MissingParent}, {"cycle", r.Cycles}, {"invalid duration", r.InvalidDuration},
		{"unfinished", r.Unfinished}, {"skewed", r.Skewed}, {"unknown service", r.UnknownService}, {"sampled", r.Sampled},
		{"link missing", r.LinkMissing}, {"address conflict", r.AddressConflicts},
	} {
		if c.n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	out := fmt.Sprintf("%d spans: %s\n", r.Spans, strings.Join(parts, ", "))
	if r.Accounted() != r.Spans {
		out += fmt.Sprintf("NOT ACCOUNTED FOR: %d spans of %d\n", r.Spans-r.Accounted(), r.Spans)
	}
	if r.HiddenCalls > 0 {
		notes = append(notes, fmt.Sprintf("hidden calls %v e%v", r.HiddenCalls, r.HiddenErrors))
	}
	if len(r.Environments) > 0 {
		notes = append(notes, "environments "+strings.Join(r.Environments, " "))
	}
	if len(r.DetachedServices) > 0 {
		notes = append(notes, "detached "+strings.Join(r.DetachedServices, " "))
	}
	if len(notes) > 0 {
		out += "noticed: " + strings.Join(notes, ", ") + "\n"
	}
	return out
}
