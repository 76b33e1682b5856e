package tempotest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Tempo reads its own write-ahead log only every 15 seconds to find series to send,
// so this test takes some 20 seconds.
func TestGeneratorWritesServiceGraphSeries(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	type write struct {
		path   string
		header http.Header
		body   []byte
	}
	writes := make(chan write, 100)
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // a truncated request; the test waits for a whole request
		}
		select {
		case writes <- write{r.URL.Path, r.Header, body}:
		default: // the test has seen enough
		}
	}))
	defer sink.Close()
	tempo := Start(t, Config{RemoteWriteURL: sink.URL + "/api/v1/write"})
	began := time.Now()
	pushTrace(t, tempo, "")

	deadline := time.After(time.Minute)
	for n := 1; ; n++ {
		select {
		case w := <-writes:
			if w.path != "/api/v1/write" {
				t.Errorf("write to %s, want /api/v1/write", w.path)
			}
			for key, want := range map[string]string{
				"Content-Encoding":                  "snappy",
				"Content-Type":                      "application/x-protobuf",
				"X-Prometheus-Remote-Write-Version": "0.1.0",
			} {
				if got := w.header.Get(key); got != want {
					t.Errorf("%s: %q, want %q", key, got, want)
				}
			}
			series, err := unsnap(w.body)
			if err != nil {
				t.Fatalf("decompressing a remote write: %v", err)
			}
			if bytes.Contains(series, []byte("traces_service_graph_request_total")) &&
				bytes.Contains(series, []byte("frontend")) && bytes.Contains(series, []byte("checkout")) {
				t.Logf("the series came with write %d, %v after the trace", n, time.Since(began).Round(time.Millisecond))
				return
			}
		case <-deadline:
			t.Fatalf("no series of the service graph in %d writes; the log ends:\n%s", n-1, tempo.LogTail())
		}
	}
}

var errSnappy = errors.New("not a snappy block")

// unsnap decompresses a snappy block: a length, then literals and copies of bytes
// that were decompressed before.
func unsnap(src []byte) ([]byte, error) {
	size, n := binary.Uvarint(src)
	if n <= 0 || size > 1<<26 {
		return nil, errSnappy
	}
	src = src[n:]
	dst := make([]byte, 0, size)
	for len(src) > 0 {
		tag := src[0]
		// extra bytes after the tag hold, in little endian order, the length of a long
		// literal or the offset of a copy.
		extra := [4]int{0, 1, 2, 4}[tag&3]
		if tag&3 == 0 && tag>>2 >= 60 {
			extra = int(tag>>2) - 59
		}
		if len(src) < 1+extra {
			return nil, errSnappy
		}
		var arg [8]byte
		copy(arg[:], src[1:1+extra])
		value := int(binary.LittleEndian.Uint64(arg[:]))
		src = src[1+extra:]

		length := int(tag>>2) + 1
		if tag&3 == 0 {
			if extra > 0 {
				length = value + 1
			}
			if length > len(src) {
				return nil, errSnappy
			}
			dst = append(dst, src[:length]...)
			src = src[length:]
			continue
		}
		offset := value
		if tag&3 == 1 {
			length = int(tag>>2&7) + 4
			offset |= int(tag>>5) << 8
		}
		if offset == 0 || offset > len(dst) {
			return nil, errSnappy
		}
		for range length { // one by one: a copy may overlap itself
			dst = append(dst, dst[len(dst)-offset])
		}
	}
	if uint64(len(dst)) != size {
		return nil, errSnappy
	}
	return dst, nil
}
