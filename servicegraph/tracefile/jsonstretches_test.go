package tracefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tempograph/tempograph/servicegraph"
)

// cuts returns all places to cut at.
func cuts(b []byte) (list []int) {
	for end := len(b); end > 0; {
		if end = lastCut(b[:end], 0); end > 0 {
			list = append([]int{end}, list...)
		}
	}
	return list
}

func TestLastCut(t *testing.T) {
	for _, test := range []struct {
		text   string // with a bar at each place
		reason string
	}{
		{"{}\n|{}\n|{}\n", "lines"},
		{"{}\r\n|{}\r\n|{}", "CRLF"},
		{"{}\n\n \t\n|{}", "blank lines"},
		{"{} \n|{}", "blanks at the end of a line"},
		{"{\n}\n|{\n}\n|{\n", "documents of many lines"},
		{"{}\n {}", "it may be inside of something"},
		{"{},\n{}", "in a list"},
		{"[\n{},\n{}\n]\n{}", "in a list, and behind it"},
		{"{}{}", "no line ends"},
		{"{}\n", "nothing follows"},
		{"}\n|{", "whatever is before"},
		{"\n{}", "nothing is before"},
		{"\"}\n|{", "no line ends within a string"},
		{"{}x\n{}", "behind something else"},
		{"{}\xef\xbb\xbf\n{}", "a byte order mark is none of the blanks of JSON"},
		{strings.Repeat("{\n\"\":\""+strings.Repeat("x", 10_000)+"\"}\n|", 3) + "{", "long lines"},
	} {
		var got []byte
		text := []byte(strings.ReplaceAll(test.text, "|", ""))
		at := 0
		for _, cut := range cuts(text) {
			got = append(append(got, text[at:cut]...), '|')
			at = cut
			if lastCut(text, cut) < cut || lastCut(text[:cut+1], cut+1) != 0 {
				t.Errorf("%s: cut at %d is not found from there on, or behind it", test.reason, cut)
			}
		}
		if got = append(got, text[at:]...); string(got) != test.text {
			t.Errorf("%s: got %q, want %q", test.reason, got, test.text)
		}
	}
}

// Lines are decoded apart from each other, down to each in a stretch of its own; what has
// no lines, in turn. No request is left out, or comes twice.
func TestJSONStretches(t *testing.T) {
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
		atLeast, atMost int // stretches
		decoded         bool
	}{
		{"lines, each for itself", lines, 50, n - excerptLen/line - 1, n, false},
		{"some lines together", lines, 10 * line, n / 11, n / 7, false},
		{"one line", bytes.ReplaceAll(lines, []byte("\n"), nil), 50, 5, n, true},
	} {
		var got []string
		s := newSource("input", Config{}, func(s servicegraph.Span, err error) bool {
			got = append(got, s.Name)
			return err == nil
		})
		r := (&jsonStretches{in: bufio.NewReader(bytes.NewReader(test.input)), limit: maxRecord}).reader(s, test.size).(*jsonStretchReader)
		stretches := 0
		for end := error(nil); end == nil; stretches++ {
			end = r.read()
			if err := r.decode(); err != nil || end != nil && end != io.EOF {
				t.Fatal(test.name, err, end)
			}
			if end == nil && r.decoded != test.decoded {
				t.Errorf("%s: stretch %d was decoded when it was read: %v", test.name, stretches, r.decoded)
			}
		}
		if !slices.Equal(got, want) || stretches < test.atLeast || stretches > test.atMost {
			t.Errorf("%s: %d stretches, and spans %q", test.name, stretches, got)
		}
	}
}

// damagedLines returns lines of JSON, some of which are cut off, also so that what is left
// looks like their end, or are something else.
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

// What is cut into stretches gives what is read as a whole, with the same complaints of
// the same bytes, whatever is wrong with it: lines, the limit, or the reader.
func TestJSONStretchesDamage(t *testing.T) {
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
			for _, size := range unitSizes {
				if diff := cmp.Diff(want, piped(t, input(), limit, cfg, size)); diff != "" {
					t.Errorf("units of %d bytes, limit of %d (-want +got):\n%s", size, limit, diff)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("%q", data)
		}
	}
}

// FuzzCuts reads anything: wherever it would be cut, an object begins.
func FuzzCuts(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 20 {
		f.Add(damagedLines(f, rng), uint16(1000))
	}
	f.Add([]byte("{\"a\":{}\n{}\n{\"}\n{}"), uint16(2))
	f.Fuzz(func(t *testing.T, b []byte, limit uint16) {
		if len(b) > 1<<12 {
			return // the fuzzer's time is better spent on shapes
		}
		begins := make(map[int64]bool)
		v := values{in: bufio.NewReader(bytes.NewReader(b)), limit: int(limit)}
		for _, err := v.next(); err != io.EOF; _, err = v.next() {
			begins[v.start] = true
		}
		for _, cut := range cuts(b) {
			if !begins[int64(cut)] {
				t.Errorf("none begins at %d of %q", cut, b)
			}
		}
	})
}
