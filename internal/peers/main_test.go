package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func generated(t *testing.T) *input {
	t.Helper()
	in, err := newInput("generated", traceMessages(1000))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, io.Discard, []string{"-spans", "2000", "-rounds", "1", "-format", "protobuf", hotrod}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## Generated, one trace a message", "## Generated, SDK export requests",
		"## hotrod.jsonl.gz\n\n2060 spans", "agree on 625 plain calls on 3 edges", // README.md of examples/traces; 53 + 52 + 520
		"| tempograph | 2 |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestGenerated checks that both kinds of messages hold the same spans, in both encodings.
func TestGenerated(t *testing.T) {
	traces := generated(t)
	sdk, err := newInput("sdk", sdkMessages(1000))
	if err != nil {
		t.Fatal(err)
	}
	if traces.spans != sdk.spans || traces.sides != sdk.sides {
		t.Errorf("%d spans, %d of them sides of calls, in messages of traces; %d and %d in those of SDKs", traces.spans, traces.sides, sdk.spans, sdk.sides)
	}
	for _, data := range [][]byte{traces.protobuf, traces.json, sdk.protobuf, sdk.json} {
		g, err := checkedGraph(traces, data)
		if err != nil {
			t.Fatal(err)
		}
		if r := g.Report(); r.Orphan > 0 || r.Duplicate > 0 || r.MissingParent > 0 {
			t.Errorf("broken traces: %+v", r)
		}
	}
}

func TestAgreeFindsDifferences(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"another callee", func(json []byte) []byte {
			return bytes.Replace(json, []byte(`{"key":"service.name","value":{"stringValue":"service-0`), []byte(`{"key":"service.name","value":{"stringValue":"other-0`), 1)
		}, "other-0"},
		{"another status", func(json []byte) []byte {
			return bytes.ReplaceAll(json, []byte(`"code":2`), []byte(`"code":0`))
		}, ", 0 failed"},
		{"a request less", func(json []byte) []byte {
			return json[:bytes.LastIndexByte(json[:len(json)-1], '\n')+1]
		}, "of 1020 spans"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := generated(t)
			if _, err := agree(in); err != nil {
				t.Fatal(err)
			}
			in.json = c.change(in.json)
			if _, err := agree(in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestDelimited(t *testing.T) {
	messages, err := delimited([]byte("\x02ab\x00\x01c"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for m := range messages {
		got = append(got, string(m))
	}
	if want := []string{"ab", "", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, broken := range []string{"\x03ab", "\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"} {
		if _, err := delimited([]byte(broken)); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}

func TestEachConcurrentSafe(t *testing.T) {
	messages := slices.Values([][]byte{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}})
	for workers := range 4 {
		var sum atomic.Int64
		err := each(messages, workers+1, func() func([]byte) error {
			return func(m []byte) error { sum.Add(int64(m[0])); return nil }
		})
		if err != nil || sum.Load() != 36 {
			t.Errorf("%d workers: sum %d, %v", workers+1, sum.Load(), err)
		}
		broken := errors.New("broken")
		err = each(messages, workers+1, func() func([]byte) error {
			return func([]byte) error { return broken }
		})
		if !errors.Is(err, broken) {
			t.Errorf("%d workers: got %v, want the error of one of them", workers+1, err)
		}
	}
}

func TestMiddle(t *testing.T) {
	if got := middle([]float64{1, 2, 9}); got != 2 {
		t.Errorf("of three: got %v, want 2", got)
	}
	if got := middle([]float64{1, 2, 4, 9}); got != 3 {
		t.Errorf("of four: got %v, want 3", got)
	}
}
