package servicegraph

import "testing"

func TestTraceStateWeight(t *testing.T) {
	for _, test := range []struct {
		tracestate string
		want       float64
		reason     string
	}{
		{"ot=th:0", 1, "everything is sampled"},
		{"ot=th:8", 2, "half"},
		{"ot=th:c", 4, "a quarter"},
		{"ot=th:c0", 4, "trailing zeros may be written"},
		{"ot=th:fd70a3d70a3d71", 100.00000000000006, "one in a hundred, as the Collector writes it"},
		{"ot=th:ffffffffffffff", 1 << 56, "the smallest probability there is"},
		{"ot=rv:d29d6a7215ced0;th:8", 2, "the threshold follows another field"},
		{"congo=t61rcWkgMzE,ot=th:c;rv:d29d6a7215ced0", 4, "the entry follows that of another vendor"},
		{"congo=t61rcWkgMzE , \tot=th:c", 4, "blanks around members are allowed"},

		{"", 0, "no tracestate"},
		{"congo=t61rcWkgMzE", 0, "another vendor alone"},
		{"congo=ot=th:8", 0, "another vendor's value is its own"},
		{"tenant@ot=th:8", 0, "not OpenTelemetry's key"},
		{"ot=p:8;r:62", 256, "the older fields: a power of two"},
		{"ot=r:62;p:0", 1, "everything is sampled"},
		{"ot=p:8;th:8", 2, "the present field goes first"},
		{"ot=p:63", 0, "the older sampler could not tell"},
		{"ot=p:064", 0, "three digits"},
		{"ot=p:x", 0, "not a number"},
		{"ot=r:62", 0, "the random number, not the probability"},
		{"ot=xth:8", 0, "another field whose name ends like ours"},
		{"ot=th:", 0, "no digit"},
		{"ot=th:8;rv", 2, "a malformed neighbor does no harm"},
		{"ot=th:C", 0, "digits are lower case"},
		{"ot=th:0x8", 0, "not a digit"},
		{"ot=th:-8", 0, "no sign"},
		{"ot=th:8 ", 2, "blanks around members are allowed"},
		{"ot=th:000000000000008", 0, "15 digits"},
		{"ot=rv:1,ot=th:8", 0, "the first ot counts"},
	} {
		if got := TraceStateWeight(test.tracestate); got != test.want {
			t.Errorf("TraceStateWeight(%q) = %v, want %v: %s", test.tracestate, got, test.want, test.reason)
		}
	}
}

func TestTraceStateWeightAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { TraceStateWeight("congo=t61rcWkgMzE,ot=th:c;rv:d29d6a7215ced0") }); n != 0 {
		t.Errorf("TraceStateWeight makes %v allocations, want none", n)
	}
}

func FuzzTraceStateWeight(f *testing.F) {
	f.Add("ot=th:8")
	f.Add("a=b,ot=rv:1;th:c")
	f.Fuzz(func(t *testing.T, tracestate string) {
		if w := TraceStateWeight(tracestate); w != 0 && !(w >= 1 && w <= 1<<62) {
			t.Errorf("TraceStateWeight(%q) = %v, want 0 or 1 to 2⁶²", tracestate, w)
		}
	})
}
