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

// damagedInputs end early, or have something wrong in the middle.
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

// A pipeline makes of a damaged input what reading it in one goroutine does: the same
// spans, the same complaints in the same order, the same error.
func TestPipelineDamage(t *testing.T) {
	for name, data := range damagedInputs(t) {
		t.Run(name, func(t *testing.T) {
			if o := checkLoad(t, data, servicegraph.Config{}); o.Err == "" && o.Skips == nil && name != "an empty message" {
				t.Error("nothing is wrong with it")
			}
		})
	}
}

// The number of processors can fall at any time: a pipeline reads all there is with one.
func TestPipelineWithOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	checkLoad(t, traceMessages(5000), servicegraph.Config{})
}

// A message of more than the limit is left out, however it lies in its units.
func TestPipelineLimit(t *testing.T) {
	data := slices.Concat(traceMessages(100), sdkMessages(1000), traceMessages(100))
	const limit = 30_000
	want := piped(t, bytes.NewReader(data), limit, servicegraph.Config{}, 0)
	if len(want.Skips) == 0 || want.Err != "" {
		t.Errorf("skips %q and error %q", want.Skips, want.Err)
	}
	for _, size := range []int{1, 7000, 50_000} {
		if diff := cmp.Diff(want, piped(t, bytes.NewReader(data), limit, servicegraph.Config{}, size)); diff != "" {
			t.Errorf("units of %d bytes (-want +got):\n%s", size, diff)
		}
	}
}

// When Load returns, however it ends, its goroutines have ended, and nothing reads
// from the input any more.
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
			err := Load(servicegraph.NewBuilder(servicegraph.Config{}), in, name, func(*servicegraph.SkipError) error {
				skips++
				if stop {
					return enough
				}
				return nil
			})
			in.closed = true
			switch {
			case stop && skips > 0 && (err != enough || skips > 1):
				t.Errorf("%s: stopped, and got %d more and error %v", name, skips-1, err)
			case !stop && err == nil:
				t.Errorf("%s: no error", name)
			}
		}
	}
	for runtime.NumGoroutine() > before { // for ever, if one leaked; the last may be on its way out
		runtime.Gosched()
	}
}

// A closableReader fails a program that reads from it when it is closed; with -race,
// also one that might.
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

// Reading ahead does not read without an end: a builder that is slow holds it up.
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
		err := Load(servicegraph.NewBuilder(servicegraph.Config{}), in, "input", func(*servicegraph.SkipError) error { return enough })
		if read := len(data) - in.Len(); err != enough || read > 16*defaultSegmentSize {
			t.Errorf("%s: read %d bytes of %d, and error %v", name, read, len(data), err)
		}
	}
}
