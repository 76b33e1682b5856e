package inflate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

func gzipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// zstdWith compresses a text with a window of a size.
func zstdWith(tb testing.TB, text string, window int) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithWindowSize(window), zstd.WithSingleSegment(false))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// The first bytes determine the codec. A stream returns the content of all members and frames, and
// notes other bytes after gzip.
func TestNew(t *testing.T) {
	long := strings.Repeat("text ", 10_000)
	for _, test := range []struct {
		name        string
		input       []byte
		codec, text string
		tail        bool
	}{
		{"plain", []byte(long), "", long, false},
		{"one byte", []byte{0x1f}, "", "\x1f", false},
		{"nothing", nil, "", "", false},
		{"gzip", gzipped(t, long), "gzip", long, false},
		{"two members", slices.Concat(gzipped(t, long), gzipped(t, "end")), "gzip", long + "end", false},
		{"gzip and a tail", append(gzipped(t, long), "tail"...), "gzip", long, true},
		{"zstd", zstdWith(t, long, 1<<20), "zstd", long, false},
		{"a skippable frame first", slices.Concat([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00size"), zstdWith(t, long, 1<<20), []byte("\x5f\x2a\x4d\x18\x00\x00\x00\x00"), zstdWith(t, "end", 1<<20)), "zstd", long + "end", false},
		{"two frames", slices.Concat(zstdWith(t, long, 1<<20), zstdWith(t, "end", 1<<20)), "zstd", long + "end", false},
	} {
		for _, r := range []io.Reader{bytes.NewReader(test.input), iotest.OneByteReader(bytes.NewReader(test.input))} {
			s, err := New(r, 100)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(s)
			if err != nil || string(text) != test.text || s.Codec != test.codec || s.IgnoredTail() != test.tail {
				t.Errorf("%s: %d bytes of codec %q, tail ignored %v, error %v", test.name, len(text), s.Codec, s.IgnoredTail(), err)
			}
		}
	}
}

// An error says what is wrong with the stream. An error of the input stays as it is.
func TestErrors(t *testing.T) {
	broken := errors.New("the disk is broken")
	gz, zs := gzipped(t, "some text"), zstdWith(t, "some text", 1<<20)
	for _, test := range []struct {
		name  string
		input io.Reader
		want  string
	}{
		{"gzip cut off", bytes.NewReader(gz[:len(gz)-3]), "the gzip stream ends early (unexpected EOF)"},
		{"zstd cut off", bytes.NewReader(zs[:len(zs)-3]), "the zstd stream ends early (unexpected EOF)"},
		{"gzip of a failing disk", io.MultiReader(bytes.NewReader(gz[:12]), iotest.ErrReader(broken)), "the disk is broken"},
		{"zstd of a failing disk", io.MultiReader(bytes.NewReader(zs[:8]), iotest.ErrReader(broken)), "the disk is broken"},
		{"a failing disk", iotest.ErrReader(broken), "the disk is broken"},
		{"a reader without progress", bytesNever{}, "multiple Read calls return no data or error"},
	} {
		s, err := New(test.input, 100)
		if err == nil {
			_, err = io.ReadAll(s)
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", test.name, err, test.want)
		}
	}
}

// bytesNever is a reader that returns neither bytes nor an error.
type bytesNever struct{}

func (bytesNever) Read([]byte) (int, error) { return 0, nil }

// A ReadAhead gives what the stream holds, and its error. When it is stopped, Fill returns, whether
// or not the stream is being read.
func TestReadAhead(t *testing.T) {
	text := strings.Repeat("0123456789", 3*aheadSize/10)
	broken := errors.New("the disk is broken")
	a := NewReadAhead(make(chan struct{}))
	go a.Fill(io.MultiReader(iotest.HalfReader(strings.NewReader(text)), iotest.ErrReader(broken)))
	got, err := io.ReadAll(bufio.NewReader(a))
	if string(got) != text || err != broken {
		t.Errorf("%d bytes of %d, and error %v", len(got), len(text), err)
	}

	stop := make(chan struct{})
	a = NewReadAhead(stop)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Fill(endless{})
	}()
	if _, err := io.ReadFull(a, make([]byte, 10*aheadSize)); err != nil {
		t.Error(err)
	}
	close(stop)
	<-ended
	if _, err := io.Copy(io.Discard, a); err != errStopped {
		t.Errorf("after it was stopped: error %v", err)
	}
}

// endless is a reader that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
