package tracefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// Lines are decoded in parallel, down to one line in a segment; objects that share a line are
// decoded in turn. No request is lost or repeated.
func TestJSONSegments(t *testing.T) {
	const n = 100
	var lines []byte
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("span %02d", i))
		lines = append(append(lines, bytes.TrimSpace(jsonLines(t, request("svc", span(byte(i+1), want[i]))))...), '\n')
	}
	line := len(lines) / n
	for _, test := range []struct {
		name            string
		input           []byte
		size            int
		atLeast, atMost int // segments
		decoded         bool
	}{
		{"lines, each for itself", lines, 50, n - quote.ExcerptLen/line - 1, n, false},
		{"some lines together", lines, 10 * line, n / 11, n / 7, false},
		{"one line", bytes.ReplaceAll(lines, []byte("\n"), nil), 50, 5, n, true},
	} {
		found := &gathered{}
		split := splitJSON(inputOf(test.input, 4096, DefaultMaxRecord))
		r := split.reader(newSink("input", Config{}, found), test.size).(*jsonSegmentReader)
		segments := 0
		for end := error(nil); end == nil; segments++ {
			end = r.read()
			if err := r.decode(); err != nil || end != nil && end != io.EOF {
				t.Fatal(test.name, err, end)
			}
			if end == nil && r.decoded != test.decoded {
				t.Errorf("%s: segment %d was decoded when it was read: %v", test.name, segments, r.decoded)
			}
		}
		var got []string
		for _, s := range found.spans {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) || segments < test.atLeast || segments > test.atMost {
			t.Errorf("%s: %d segments, and spans %q", test.name, segments, got)
		}
	}
}

// damagedLines returns lines of JSON. Some lines are cut off at the beginning or at the end, and
// some are not requests.
func damagedLines(t testing.TB, rng *rand.Rand) []byte {
	var input []byte
	for range 2 + rng.IntN(20) {
		r := request("svc", span(byte(1+rng.IntN(200)), "a"))
		line := bytes.TrimSpace(jsonLines(t, r))
		document := bytes.TrimSpace(indent(t, otlpJSON(t, r, protojson.MarshalOptions{})))
		switch rng.IntN(12) {
		case 0:
			line = line[:rng.IntN(len(line))]
		case 1:
			line = line[:1+bytes.LastIndexByte(line[:1+rng.IntN(len(line))], '}')]
		case 2:
			line = line[rng.IntN(len(line)):]
		case 3:
			line = document
		case 4:
			line = document[:rng.IntN(len(document))]
		case 5:
			line = bytes.Join([][]byte{line, line}, []byte([]string{"", " ", ",", "\n,\n"}[rng.IntN(4)]))
		case 6:
			line = []byte([]string{"", "}", "{", "[", "]", "{}", "{\n}", "\"}", "{\"}", "{\"a\":{}", "INFO }", "\xef\xbb\xbf", "\x00}", "{\"a\":\"\\"}[rng.IntN(14)])
		case 7:
			line = fmt.Appendf(nil, `{"resourceLogs":[%d]}`, rng.IntN(1000))
		}
		input = append(append(input, line...), []string{"\n", "\n", "\n", "\r\n", "\n\n", " \n", "\n ", "\t\r\n"}[rng.IntN(8)]...)
	}
	return input
}

// An input that is cut into segments gives the same result as a single reader, with the same errors
// at the same bytes. The cause of an error can be a line, the limit or the reader.
func TestJSONSegmentsDamage(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 30
	}
	rng := rand.New(rand.NewPCG(7, 8))
	broken := errors.New("the disk is broken")
	for range n {
		data := damagedLines(t, rng)
		cfg := loadConfigs[rng.IntN(len(loadConfigs))]
		checkLoad(t, data, cfg)
		limit, end := 1+rng.IntN(500), rng.IntN(len(data))
		for _, input := range []func() io.Reader{
			func() io.Reader { return iotest.HalfReader(bytes.NewReader(data)) },
			func() io.Reader { return io.MultiReader(bytes.NewReader(data[:end]), iotest.ErrReader(broken)) },
		} {
			want := piped(t, input(), limit, cfg, 0)
			for _, size := range segmentSizes {
				if diff := cmp.Diff(want, piped(t, input(), limit, cfg, size)); diff != "" {
					t.Errorf("segments of %d bytes, limit of %d (-want +got):\n%s", size, limit, diff)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("%q", data)
		}
	}
}
