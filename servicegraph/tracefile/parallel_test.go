package tracefile

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
)

// damagedInputs returns inputs that end early or are damaged in the middle.
func damagedInputs(tb testing.TB) map[string][]byte {
	good := traceMessages(5000)
	bad := delimited(tb, request("svc", &tracev1.Span{TraceId: []byte{1}}, span(1, "good")))
	return map[string][]byte{
		"cut off":             good[:len(good)-100],
		"spans without ids":   slices.Concat(good, bad, good, bad, bad, bad, good),
		"no protobuf":         slices.Concat(good, []byte{3, 0x0a, 0x7f, 0}, good),
		"no protobuf, at end": slices.Concat(good, []byte{3, 0x0a, 0x7f, 0}),
		"a wrong length":      slices.Concat(good, []byte{9, 0x0a, 0x7f, 0}, good),
		"lost":                slices.Concat(good, bytes.Repeat([]byte{0xff}, 100), good),
		"an empty message":    slices.Concat(good, []byte{0}, good),
	}
}

// A pipeline reads a damaged input as a single goroutine does. It gives the same spans, the same
// skipped records in the same order, and the same error.
func TestPipelineDamage(t *testing.T) {
	for name, data := range damagedInputs(t) {
		t.Run(name, func(t *testing.T) {
			if o := checkLoad(t, data, servicegraph.Config{}); o.Err == "" && o.Skips == nil && name != "an empty message" {
				t.Error("no fault was found")
			}
		})
	}
}

// A pipeline reads a whole input with one processor: GOMAXPROCS can be lowered at any time.
func TestPipelineWithOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	checkLoad(t, traceMessages(5000), servicegraph.Config{})
}

// A message over the limit is left out, wherever the segments are cut.
func TestPipelineLimit(t *testing.T) {
	data := slices.Concat(traceMessages(100), sdkMessages(1000), traceMessages(100))
	const limit = 30_000
	want := piped(t, bytes.NewReader(data), limit, servicegraph.Config{}, 0)
	if len(want.Skips) == 0 || want.Err != "" {
		t.Errorf("skips %q and error %q", want.Skips, want.Err)
	}
	for _, size := range []int{1, 7000, 50_000} {
		if diff := cmp.Diff(want, piped(t, bytes.NewReader(data), limit, servicegraph.Config{}, size)); diff != "" {
			t.Errorf("segments of %d bytes (-want +got):\n%s", size, diff)
		}
	}
}

// When Load returns, with an error or without, its goroutines have ended and nothing reads the
// input.
func TestPipelineEnds(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	inputs := damagedInputs(t)
	inputs["JSON"] = bytes.Repeat(jsonLines(t, everything()...), 100)
	enough, broken := errors.New("enough"), errors.New("the disk is broken")
	before := runtime.NumGoroutine()
	for name, data := range inputs {
		for _, stop := range []bool{false, true} {
			in := &closableReader{r: io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken))}
			skips := 0
			err := Load(servicegraph.NewBuilder(servicegraph.Config{}), in, name, LoadConfig{Skipped: func(*servicegraph.SkipError) error {
				skips++
				if stop {
					return enough
				}
				return nil
			}})
			in.closed = true
			switch {
			case stop && skips > 0 && (err != enough || skips > 1):
				t.Errorf("%s: stopped, and got %d more and error %v", name, skips-1, err)
			case !stop && err == nil:
				t.Errorf("%s: no error", name)
			}
		}
	}
	for runtime.NumGoroutine() > before { // the last one may be about to end; if one leaked, the test hangs here
		runtime.Gosched()
	}
}

// A closableReader panics if it is read after it was closed. With -race, it also reports a read
// that may come after the close.
type closableReader struct {
	r      io.Reader
	closed bool
}

func (c *closableReader) Read(p []byte) (int, error) {
	if c.closed {
		panic("read after it was closed")
	}
	return c.r.Read(p)
}

// A pipeline reads ahead of a slow builder only up to its bound.
func TestPipelineIsBounded(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	bad := request("svc", &tracev1.Span{TraceId: []byte{1}})
	line := jsonLines(t, everything()[0])
	for name, data := range map[string][]byte{
		"protobuf":   slices.Concat(delimited(t, bad), traceMessages(100_000)),
		"JSON lines": slices.Concat(jsonLines(t, bad), bytes.Repeat(line, 80<<20/len(line))),
	} {
		in := bytes.NewReader(data)
		enough := errors.New("enough")
		err := Load(servicegraph.NewBuilder(servicegraph.Config{}), in, "input", LoadConfig{Skipped: func(*servicegraph.SkipError) error { return enough }})
		if read := len(data) - in.Len(); err != enough || read > 16*defaultSegmentSize {
			t.Errorf("%s: read %d bytes of %d, and error %v", name, read, len(data), err)
		}
	}
}
