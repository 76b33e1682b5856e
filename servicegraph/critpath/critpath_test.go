package critpath

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
)

const epoch = 1_700_000_000_000_000_000

// parse reads spans in the notation "KIND service id<parent start+duration", one on each line, with
// times in milliseconds. A ! after the duration marks a failed span, and a further word names a
// peer.
func parse(t testing.TB, text string) (spans []servicegraph.Span) {
	t.Helper()
	kinds := map[string]servicegraph.Kind{"S": servicegraph.KindServer, "C": servicegraph.KindClient, "P": servicegraph.KindProducer, "N": servicegraph.KindConsumer, "I": servicegraph.KindInternal}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		id, parent, _ := strings.Cut(f[2], "<")
		s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, Kind: kinds[f[0]], Service: f[1], Name: id}
		copy(s.SpanID[:], id)
		copy(s.ParentID[:], parent)
		times, failed := strings.CutSuffix(f[3], "!")
		var start, took int64
		if _, err := fmt.Sscanf(times, "%d+%d", &start, &took); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		s.Start, s.End = epoch+start*1e6, epoch+(start+took)*1e6
		if failed {
			s.Status = servicegraph.StatusError
		}
		if len(f) > 4 {
			s.Attrs = []servicegraph.Attr{{Key: "peer.service", Value: f[4]}}
		}
		spans = append(spans, s)
	}
	return spans
}

// pathOf returns the path of a trace, from its start.
func pathOf(spans []servicegraph.Span) string {
	c := NewCollector(Config{})
	compact := make([]span, len(spans))
	for i := range spans {
		compact[i] = c.compact(&spans[i])
	}
	t := newTree(compact)
	if t.root < 0 {
		return ""
	}
	l := lister{c: c, tree: t}
	t.walk(&l)
	slices.Reverse(l.out)
	return strings.Join(l.out, ", ")
}

// A lister lists the path.
type lister struct {
	*tree
	c   *Collector
	out []string
}

func (l *lister) enter(int32, int64) {}
func (l *lister) leave(int32)        {}
func (l *lister) skip(int32, int64)  {}
func (l *lister) wait(i int32, from, to int64) {
	l.out = append(l.out, fmt.Sprintf("%s %d-%d", l.c.names[l.spans[i].name], (from-epoch)/1e6, (to-epoch)/1e6))
}

// TestShapes tries rows K1 to K10, K12 and K13 of docs/semantics.md: the nine shapes that the tests
// of Jaeger's user interface try, each with the spans of one service, and then with children of
// another service, whose clock may differ.
func TestShapes(t *testing.T) {
	for _, c := range []struct{ name, spans, want string }{
		{"1: children one after the other", "S x C 1+99\nI x D<C 20+20\nI x E<C 50+20", "C 1-20, D 20-40, C 40-50, E 50-70, C 70-100"},
		{"2: a child within a child, and one beside it", "S x X 1+99\nI x A<X 10+50\nI x B<X 20+60\nI x Y<B 30+20", "X 1-20, B 20-30, Y 30-50, B 50-80, X 80-100"},
		{"3: a child after its parent", "S x A 0+40\nI x B<A 60+60", "A 0-40"},
		{"4: a child after its parent, with a child of its own", "S x A 1+30\nI x B<A 40+40\nI x C<B 50+10", "A 1-31"},
		{"5: a message that nobody waits for", "S x A 1+30\nP x P<A 5+2\nN y B<P 10+10", "A 1-5, P 5-7, A 7-31"},
		{"6: work that goes on after its parent, with a child that began before", "S x A 1+29\nI x B<A 15+20\nI x C<B 10+15", "A 1-30"},
		{"6, in another service: the time in common counts", "S x A 1+29\nS y B<A 15+20\nI y C<B 10+15", "A 1-15, C 15-25, B 25-30"},
		{"7: work and its child go on after the parent", "S x A 1+29\nI x B<A 15+20\nI x C<B 20+20", "A 1-30"},
		{"7, in other services", "S x A 1+29\nS y B<A 15+20\nS z C<B 20+20", "A 1-15, B 15-20, C 20-30"},
		{"8: a child longer than its parent", "S x A 10+20\nS y B<A 5+30", "B 10-30"},
		{"9: a child before its parent", "S x A 10+20\nI x B<A 1+4", "A 10-30"},
		{"a clock that is far off: the callee moves into the call", "C x A 0+100\nS y B<A 1000+60\nI y C<B 1010+10", "A 0-20, B 20-30, C 30-40, B 40-80, A 80-100"},
		{"a clock that is a little off", "C x A 0+100\nS y B<A 70+60", "A 0-20, B 20-80, A 80-100"},
		{"children that abut", "S x A 0+100\nC x B<A 10+40\nC x C<A 50+40", "A 0-10, B 10-50, C 50-90, A 90-100"},
		{"both sides of a call with one id", "C x A 0+100\nS y A 10+50", "A 0-10, A 10-60, A 60-100"},
		{"a callee that took no measurable time", "S x A 0+100\nC x B<A 10+20\nS y C<B 15+0", "A 0-10, B 10-30, A 30-100"},
		{"a request that ends before its handlers, and these before a query", "S x A 0+100\nI x B<A 1+100\nC x C<B 2+100\nI x D<A 60+50", "A 0-1, B 1-2, C 2-100"},
		{"a child that ends later by a tenth", "S x A 0+100\nI x B<A 10+100", "A 0-10, B 10-100"},
		{"a child that ends later by more", "S x A 0+99\nI x B<A 10+100", "A 0-99"},
		{"no root", "S x A<z 0+10", ""},
		{"a cycle of parents", "S x R 0+10\nS x A<B 0+10\nS x B<A 0+10", "R 0-10"},
		{"its own parent", "S x A<A 0+10\nS x R 0+20", "R 0-20"},
	} {
		spans := parse(t, c.spans)
		if got := pathOf(spans); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		slices.Reverse(spans)
		if got := pathOf(append(spans, spans...)); got != c.want {
			t.Errorf("%s, each span twice and in reverse order: %s", c.name, got)
		}
	}
}

// TestSamePath compares the path with that of servicegraph.CriticalPath, on random traces of one
// clock.
func TestSamePath(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var spans []servicegraph.Span
		for i := range 2 + rng.IntN(12) {
			s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{byte(i + 1)}, Kind: servicegraph.KindInternal, Service: "a", Name: fmt.Sprint(i)}
			s.Start, s.End = epoch, epoch+1000e6
			if i > 0 {
				p := spans[rng.IntN(i)]
				s.ParentID = p.SpanID
				s.Start = p.Start + rng.Int64N(max(1, p.End-p.Start))/1e6*1e6
				s.End = s.Start + 1e6 + rng.Int64N(max(1, p.End-s.Start))/1e6*1e6
			}
			spans = append(spans, s)
		}
		var want []string
		for _, g := range servicegraph.CriticalPath(spans) {
			want = append(want, fmt.Sprintf("%d %d-%d", g.SpanID[0]-1, (g.Start-epoch)/1e6, (g.End-epoch)/1e6))
		}
		if got := pathOf(spans); got != strings.Join(want, ", ") {
			t.Fatalf("seed %d:\n got %s\nwant %s", seed, got, strings.Join(want, ", "))
		}
	}
}

func collect(t testing.TB, cfg Config, text string) Report {
	t.Helper()
	c := NewCollector(cfg)
	for _, s := range parse(t, text) {
		c.Add(s)
	}
	return c.Report()
}

// TestReport checks all sums of a trace with a retried call, a parallel call and a database.
func TestReport(t *testing.T) {
	r := collect(t, Config{}, `
		S web a 0+100
		C web b<a 10+20!
		S cart c<b 12+16!
		C web d<a 30+50
		S cart e<d 32+46
		C cart f<e 40+30 redis
		C web g<a 35+20 ads`)
	if r.Traces != 1 || r.Time != 100*time.Millisecond {
		t.Errorf("%d traces with %v, want 1 with 100 ms", r.Traces, r.Time)
	}
	var got []string
	for _, n := range r.Nodes {
		got = append(got, fmt.Sprintf("%s %d", n.Node.Name, n.Time.All.Milliseconds()))
	}
	// web: 0-10 80-100, and the network: 10-12 28-30 30-32 78-80; cart: 12-28 32-40 70-78; redis:
	// 40-70
	if want := "web 38, cart 32, redis 30"; strings.Join(got, ", ") != want {
		t.Errorf("nodes %v, want %s", got, want)
	}
	calls := make(map[string]CallTime)
	for _, c := range r.Calls {
		calls[c.From.Name+" "+c.To.Name] = c
	}
	cart := calls["web cart"]
	if cart.Time.All != 70*time.Millisecond || cart.Network != 8*time.Millisecond || cart.Suppressed != 1 || cart.SuppressedTime != 20*time.Millisecond {
		t.Errorf("web → cart: %+v", cart)
	}
	if ads := calls["web ads"]; ads.Time.All != 0 || ads.OffPath != 1 || ads.MinSlack != 25*time.Millisecond {
		t.Errorf("web → ads: %+v", ads)
	}
	sum := time.Duration(0)
	for _, s := range r.Stacks {
		sum += s.Time
	}
	if sum != r.Time || !slices.ContainsFunc(r.Stacks, func(s Stack) bool { return s.Text == "web a;web d;cart e;redis f" && s.Time == 30*time.Millisecond }) {
		t.Errorf("stacks %v add up to %v", r.Stacks, sum)
	}
}

// A program is a service with steps: work of its own, and calls that run beside each other.
type program struct {
	service string
	work    []time.Duration // before each group of calls, and after the last
	calls   [][]*program
}

// run simulates a request, and returns when it ends.
func (p *program) run(faster string, less time.Duration, at int64, record func(service string, start, end int64, parent int) int, parent int) int64 {
	id := record(p.service, at, 0, parent)
	start, left := at, time.Duration(0)
	if p.service == faster {
		left = less
	}
	for i, work := range p.work {
		saved := min(left, work)
		left -= saved
		at += int64(work - saved)
		if i < len(p.calls) {
			end := at
			for _, callee := range p.calls[i] {
				end = max(end, callee.run(faster, less, at, record, id))
			}
			at = end
		}
	}
	record(p.service, start, at, -2-id)
	return at
}

// randomProgram returns a program with callees at random.
func randomProgram(rng *rand.Rand, services []string) *program {
	p := &program{service: services[0], work: []time.Duration{time.Duration(1+rng.IntN(20)) * time.Millisecond}}
	for depth := 1; depth < len(services) && rng.IntN(4) > 0; depth++ {
		var group []*program
		for range 1 + rng.IntN(3) {
			group = append(group, randomProgram(rng, services[1+rng.IntN(len(services)-1):]))
		}
		p.calls = append(p.calls, group)
		p.work = append(p.work, time.Duration(rng.IntN(20))*time.Millisecond)
	}
	return p
}

// TestWhatIf compares the answer to a what-if question with a simulation of the same programs
// with a faster service.
func TestWhatIf(t *testing.T) {
	services := []string{"checkout", "cart", "payments", "stock"}
	rng := rand.New(rand.NewPCG(5, 6))
	const less = 10 * time.Millisecond
	change := Change{servicegraph.NodeID{Name: "payments", Type: servicegraph.TypeService}, less}
	c := NewCollector(Config{Changes: []Change{change}})
	var before, after []float64
	for i := range 400 {
		p := randomProgram(rng, services)
		var spans []servicegraph.Span
		record := func(service string, start, end int64, parent int) int {
			if parent <= -2 {
				spans[-2-parent].End = end
				return 0
			}
			s := servicegraph.Span{TraceID: servicegraph.TraceID{byte(i), byte(i >> 8), 1}, SpanID: servicegraph.SpanID{byte(len(spans)), byte(len(spans) >> 8), 1}, Kind: servicegraph.KindServer, Service: service, Name: "work", Start: start}
			if parent >= 0 {
				s.ParentID = spans[parent].SpanID
			}
			spans = append(spans, s)
			return len(spans) - 1
		}
		end := p.run("", 0, epoch, record, -1)
		for _, s := range spans {
			c.Add(s)
		}
		spans = nil
		faster := p.run("payments", less, epoch, record, -1)
		before, after = append(before, float64(end-epoch)), append(after, float64(faster-epoch))
	}
	r := c.Report()
	saving := r.Answers[0].Entries[0]
	mean := func(list []float64) (sum float64) {
		for _, v := range list {
			sum += v / float64(len(list))
		}
		return sum
	}
	if want := mean(before) - mean(after); math.Abs(float64(saving.Mean)-want) > 0.02*want {
		t.Errorf("saves %v on average, the simulation %v", saving.Mean, time.Duration(want))
	}
	slices.Sort(before)
	slices.Sort(after)
	at := len(before) * 95 / 100
	want := before[at] - after[at]
	if want <= 0 || math.Abs(float64(saving.P95)-want) > 0.25*want+0.016*before[at] {
		t.Errorf("saves %v of the 95th percentile, the simulation %v", saving.P95, time.Duration(want))
	}
	if saving.Mean >= less*2 || saving.Mean <= 0 {
		t.Errorf("%v less saves %v", less, saving.Mean)
	}
}

// TestWhatIfByName checks which node a change without a type is about.
func TestWhatIfByName(t *testing.T) {
	const spans = "S web a 0+100\nC web b<a 10+60 db\nC web c<a 75+10 cart\nC web d<a 87+10 cart\nS cart e<d 88+8"
	service, external := servicegraph.TypeService, servicegraph.TypeExternal
	for _, c := range []struct {
		ask, want servicegraph.NodeID
		saves     time.Duration
	}{
		{servicegraph.NodeID{Name: "db"}, servicegraph.NodeID{Name: "db", Type: external}, 5 * time.Millisecond},
		{servicegraph.NodeID{Name: "cart"}, servicegraph.NodeID{Name: "cart", Type: service}, 5 * time.Millisecond},
		{servicegraph.NodeID{Name: "web", Type: service}, servicegraph.NodeID{Name: "web", Type: service}, 5 * time.Millisecond},
		{servicegraph.NodeID{Name: "db", Type: service}, servicegraph.NodeID{Name: "db", Type: service}, 0},
		{servicegraph.NodeID{Name: "bd"}, servicegraph.NodeID{Name: "bd"}, 0},
	} {
		r := collect(t, Config{Changes: []Change{{c.ask, 5 * time.Millisecond}}}, spans)
		if a := r.Answers[0]; a.Node != c.want || a.Entries[0].Mean != c.saves {
			t.Errorf("%+v: %+v saves %v, want %+v and %v", c.ask, a.Node, a.Entries[0].Mean, c.want, c.saves)
		}
	}
}

// TestPercentile checks that the time of slow requests is the time of all requests from the
// percentile on.
func TestPercentile(t *testing.T) {
	for percentile, want := range map[float64]int{0: 5, 50: 50, 99: 1, 99.9: 1} { // requests of 10 ms to 1 s
		c := NewCollector(Config{Percentile: percentile})
		for i := range 100 {
			took := int64(1e7 * math.Pow(1.05, float64(i))) // durations differ by more than the width of a bucket
			c.Add(servicegraph.Span{TraceID: servicegraph.TraceID{byte(i + 1)}, SpanID: servicegraph.SpanID{1}, Service: "a", Kind: servicegraph.KindServer, Start: epoch, End: epoch + took})
		}
		r := c.Report()
		var sum time.Duration
		for i := 100 - want; i < 100; i++ {
			sum += time.Duration(1e7 * math.Pow(1.05, float64(i)))
		}
		// the request at the percentile itself is slow
		first := time.Duration(1e7 * math.Pow(1.05, float64(99-want)))
		if got := r.Nodes[0].Time.Slow; got != sum && got != sum+first || got != r.Entries[0].Time.Slow {
			t.Errorf("percentile %v: slow requests take %v, want %v or %v", percentile, got, sum, sum+first)
		}
	}
}

// TestLimits checks that a collector at its bound on spans finishes traces early and counts them,
// and that the order of the spans does not change the numbers.
func TestLimits(t *testing.T) {
	var all []servicegraph.Span
	for i := range 100 {
		for _, s := range parse(t, "S web a 0+100\nC web b<a 10+20\nS cart c<b 12+16") {
			s.TraceID = servicegraph.TraceID{byte(i + 1)}
			s.End += int64(i) * 1e6
			all = append(all, s)
		}
	}
	sum := func(spans []servicegraph.Span, cfg Config) Report {
		c := NewCollector(cfg)
		for _, s := range spans {
			c.Add(s)
		}
		return c.Report()
	}
	whole := sum(all, Config{})
	bounded := sum(all, Config{Spans: 10})
	if bounded.Early == 0 || bounded.Late != 0 || bounded.Time != whole.Time {
		t.Errorf("with a limit: %d early, %d late, %v of %v", bounded.Early, bounded.Late, bounded.Time, whole.Time)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if got := fmt.Sprintf("%+v", sum(all, Config{})); got != fmt.Sprintf("%+v", whole) {
		t.Errorf("in another order:\n got %s\nwant %+v", got, whole)
	}
	if r := sum(all, Config{Spans: 10}); r.Late == 0 || r.Spans != uint64(len(all)) {
		t.Errorf("late spans are not counted: %+v", r)
	}
	if r := sum(all, Config{Stacks: 1}); len(r.Stacks) > 2 {
		t.Errorf("%d stacks, want at most one and other", len(r.Stacks))
	}
}

// TestManyNames checks that an endless number of names, entries and nodes takes bounded memory, and
// that no time is lost.
func TestManyNames(t *testing.T) {
	sum := func(cfg Config, service func(int) string) Report {
		c := NewCollector(cfg)
		for i := range 30_000 {
			s := servicegraph.Span{TraceID: servicegraph.TraceID{byte(i), byte(i >> 8), 1}, SpanID: servicegraph.SpanID{1}, Service: service(i), Name: fmt.Sprint("GET /item/", i), Kind: servicegraph.KindServer, Start: epoch, End: epoch + 1e6}
			c.Add(s)
		}
		return c.Report()
	}
	one := func(int) string { return "web" }
	for name, c := range map[string]struct {
		cfg                        Config
		service                    func(int) string
		entries, nodes, operations int
	}{
		"names":            {Config{Names: 100}, one, 100, 1, 100},
		"names by default": {Config{}, one, defaultNames, 1, defaultNames},
		"nodes":            {Config{Names: 100}, func(i int) string { return fmt.Sprint("web", i) }, 100 + maxNodes + 1, maxNodes + 1, 500 + maxNodes + 1},
	} {
		r := sum(c.cfg, c.service)
		if r.Time != 30_000*time.Millisecond || r.Folded == 0 {
			t.Errorf("%s: %v, %d folded", name, r.Time, r.Folded)
		}
		if len(r.Entries) > c.entries || len(r.Nodes) > c.nodes || len(r.Operations) > c.operations {
			t.Errorf("%s: %d entries, %d nodes, %d operations, want at most %d, %d, %d", name, len(r.Entries), len(r.Nodes), len(r.Operations), c.entries, c.nodes, c.operations)
		}
		sum := time.Duration(0)
		for _, o := range r.Operations {
			sum += o.Time.All
		}
		if sum != r.Time {
			t.Errorf("%s: operations take %v of %v", name, sum, r.Time)
		}
	}
	if r := sum(Config{Names: 40_000}, one); r.Folded != 0 || len(r.Entries) != 30_000 {
		t.Errorf("below the limit, %d of %d entries are folded", r.Folded, len(r.Entries))
	}
}

// TestManySums checks that all combinations of names, entries and durations take bounded memory,
// that no time is lost beyond the bound, and that the report tells the consequences.
func TestManySums(t *testing.T) {
	const services, traces = 10, 3000
	add := func(c *Collector, name func(string) string) time.Duration {
		var sum time.Duration
		for i := range traces {
			trace := servicegraph.TraceID{byte(i), byte(i >> 8), 1}
			took := int64(1e6 * math.Pow(1.02, float64(i%500)))
			s := servicegraph.Span{TraceID: trace, SpanID: servicegraph.SpanID{1}, Service: name("web"), Name: name(fmt.Sprint(i % 97)), Kind: servicegraph.KindServer, Start: epoch, End: epoch + took}
			c.Add(s)
			sum += time.Duration(took)
			for k := range services {
				s.SpanID, s.ParentID, s.Service, s.Name = servicegraph.SpanID{byte(k + 2)}, servicegraph.SpanID{byte(k + 1)}, name(fmt.Sprint("s", k)), name("get")
				s.Start, s.End = s.Start+100, s.End-100
				c.Add(s)
			}
		}
		return sum
	}
	cells := func(c *Collector) (n int) {
		for _, of := range c.sums.operations {
			n += len(of)
		}
		for _, of := range c.sums.calls {
			n += len(of.time)
		}
		for _, e := range c.sums.entries {
			n += len(e.took)
		}
		return n
	}
	short := func(s string) string { return s }
	whole, bounded := NewCollector(Config{}), NewCollector(Config{Sums: 1000})
	add(whole, short)
	want := add(bounded, short)
	r, exact := bounded.Report(), whole.Report()
	// each operation, call and entry may have one sum beyond the limit
	if n, most := cells(bounded), 1000+len(r.Operations)+len(r.Calls)+len(r.Entries); n > most || cells(whole) < 10*most {
		t.Errorf("%d sums, want at most %d; without the limit %d", n, most, cells(whole))
	}
	if exact.Coarse != 0 || r.Coarse == 0 {
		t.Errorf("Coarse is %d, and %d with a limit", exact.Coarse, r.Coarse)
	}
	if r.Time != want || len(r.Operations) != len(exact.Operations) || len(r.Calls) != len(exact.Calls) || len(r.Entries) != len(exact.Entries) {
		t.Errorf("%v, %d operations, %d calls, %d entries; want %v, %d, %d, %d", r.Time, len(r.Operations), len(r.Calls), len(r.Entries), want, len(exact.Operations), len(exact.Calls), len(exact.Entries))
	}
	for i, o := range r.Operations {
		if x := exact.Operations[i]; o.Node != x.Node || o.Name != x.Name || o.Time.All != x.Time.All {
			t.Errorf("%v %s takes %v, want %v", o.Node, o.Name, o.Time, x.Time)
		}
	}

	long := NewCollector(Config{Names: 200, Stacks: 1000})
	text := strings.Repeat("x", 2000)
	add(long, func(s string) string { return s + text })
	if long.Report().LongNames == 0 {
		t.Error("no long name was cut")
	}
	size := 0
	for _, s := range long.Report().Stacks {
		size += len(s.Text)
	}
	if size > maxStackBytes {
		t.Errorf("the texts of the stacks have %d bytes", size)
	}
	for _, name := range long.names {
		if len(name) > 1024 {
			t.Fatalf("a name has %d bytes", len(name))
		}
	}
}

// TestManyCalls checks that calls beyond the limit are counted as one.
func TestManyCalls(t *testing.T) {
	c := NewCollector(Config{})
	for i := range 400 {
		trace := servicegraph.TraceID{byte(i), byte(i >> 8), 1}
		root := servicegraph.Span{TraceID: trace, SpanID: servicegraph.SpanID{1}, Service: fmt.Sprint("a", i), Kind: servicegraph.KindServer, Start: epoch, End: epoch + 1e9}
		c.Add(root)
		for k := range 300 {
			s := root
			s.SpanID, s.ParentID, s.Service = servicegraph.SpanID{2, byte(k), byte(k >> 8)}, root.SpanID, fmt.Sprint("b", k)
			s.Start, s.End = epoch+int64(k)*1000, epoch+int64(k)*1000+1000
			c.Add(s)
		}
	}
	r := c.Report()
	traces, time := uint64(0), time.Duration(0)
	for _, x := range r.Calls {
		traces += x.Traces
		time += x.Time.All
	}
	if len(r.Calls) != maxCalls+1 || traces != 400*300 || time != 400*300*1000 || r.Folded != 400*300-maxCalls {
		t.Errorf("%d calls in %d traces, %v, %d folded", len(r.Calls), traces, time, r.Folded)
	}
}

// TestEndless checks that a collector that has finished many traces early remembers the last of
// them and no more.
func TestEndless(t *testing.T) {
	c := NewCollector(Config{Spans: 10})
	add := func(i int) {
		c.Add(servicegraph.Span{TraceID: servicegraph.TraceID{byte(i), byte(i >> 8), byte(i >> 16), 1}, SpanID: servicegraph.SpanID{1}, Service: "a", Kind: servicegraph.KindServer, Start: epoch, End: epoch + 1})
	}
	for i := range 3 * maxDone {
		add(i)
		if len(c.done) > maxDone || len(c.order) > 3*maxDone || len(c.traces) > 10 {
			t.Fatalf("after %d traces, %d are remembered, %d ordered and %d held", i, len(c.done), len(c.order), len(c.traces))
		}
	}
	add(3*maxDone - 20)
	if r := c.Report(); r.Late != 1 || r.Traces != 3*maxDone {
		t.Errorf("%d late spans, %d traces", r.Late, r.Traces)
	}
}

// TestInstantCallee checks that a call whose callee took no measurable time is still a call: its
// time and its errors are known.
func TestInstantCallee(t *testing.T) {
	r := collect(t, Config{}, `
		S web a 0+100
		C web b<a 10+20!
		S cart c<b 15+0!
		C web d<a 40+20
		S cart e<d 90+0`)
	if len(r.Calls) != 1 || r.Calls[0].To.Name != "cart" || r.Calls[0].Time.All != 40*time.Millisecond || r.Calls[0].Suppressed != 1 {
		t.Errorf("%+v", r.Calls)
	}
}

// TestManyCallees checks that the cost of a call with many callees is proportional to their number.
// The callee of another service comes last.
func TestManyCallees(t *testing.T) {
	const n = 60_000
	c := NewCollector(Config{})
	add := func(i, parent int, kind servicegraph.Kind, service string, start, end int64) {
		id := func(i int) servicegraph.SpanID { return servicegraph.SpanID{byte(i), byte(i >> 8), byte(i >> 16), 1} }
		s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: id(i), Service: service, Kind: kind, Start: epoch + start, End: epoch + end}
		if parent >= 0 {
			s.ParentID = id(parent)
		}
		c.Add(s)
	}
	add(0, -1, servicegraph.KindClient, "a", 0, 10*n)
	add(1, 0, servicegraph.KindServer, "b", 1, 2)
	for i := range n {
		add(i+2, 0, servicegraph.KindInternal, "a", int64(10*i+3), int64(10*i+5))
	}
	if r := c.Report(); r.Time != 10*n || len(r.Calls) != 1 {
		t.Errorf("%v, %+v", r.Time, r.Calls)
	}
}

// TestDeepReplay checks that what-if questions about very deep traces are answered.
func TestDeepReplay(t *testing.T) {
	const n = maxReplayed + 20_000
	c := NewCollector(Config{Changes: []Change{{servicegraph.NodeID{Name: "a", Type: servicegraph.TypeService}, 5}}, Stacks: 1})
	for i := range n {
		s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{byte(i), byte(i >> 8), byte(i >> 16), 1}, Service: "a", Kind: servicegraph.KindInternal, Start: epoch + int64(i), End: epoch + int64(10*n-i)}
		if i > 0 {
			s.ParentID = servicegraph.SpanID{byte(i - 1), byte((i - 1) >> 8), byte((i - 1) >> 16), 1}
		}
		c.Add(s)
	}
	if r := c.Report(); r.Answers[0].Entries[0].Mean != 5 {
		t.Errorf("%+v", r.Answers)
	}
}

// TestLarge checks that the time for a trace rises linearly with its depth and its width.
func TestLarge(t *testing.T) {
	for name, parent := range map[string]func(i int) int{"deep": func(i int) int { return i - 1 }, "wide": func(int) int { return 0 }} {
		c := NewCollector(Config{Changes: []Change{{servicegraph.NodeID{Name: "a", Type: servicegraph.TypeService}, time.Millisecond}}, Stacks: 1})
		const n = 20_000
		for i := range n {
			s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{byte(i), byte(i >> 8), byte(i >> 16), 1}, Service: "a", Kind: servicegraph.KindInternal}
			s.Start, s.End = epoch+int64(i), epoch+int64(10*n-i)
			if i > 0 {
				p := parent(i)
				s.ParentID = servicegraph.SpanID{byte(p), byte(p >> 8), byte(p >> 16), 1}
			}
			c.Add(s)
		}
		if r := c.Report(); r.Time != 10*n {
			t.Errorf("%s: %v", name, r.Time)
		}
	}
}

// BenchmarkMillionSpans measures the report about a million spans of 60 services.
func BenchmarkMillionSpans(b *testing.B) {
	spans := slices.Collect(systems.New(systems.Config{Services: 60, Seed: 1, Requests: 2000}).Spans())
	for b.Loop() {
		c := NewCollector(Config{})
		for n := 0; n < 1_000_000; {
			for _, s := range spans {
				s.TraceID[0], s.TraceID[1] = byte(n), byte(n>>8)
				c.Add(s)
			}
			n += len(spans)
		}
		if r := c.Report(); r.Spans < 1_000_000 || r.Traces == 0 {
			b.Fatalf("%d spans in %d traces", r.Spans, r.Traces)
		}
	}
}
