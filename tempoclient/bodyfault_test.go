package tempoclient

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBodiesThatLie has servers whose bodies contradict the headers of the answer.
func TestBodiesThatLie(t *testing.T) {
	search := []byte(`{"traces": [{"traceID": "1", "startTimeUnixNano": "1"}], "metrics": {"totalJobs": 1, "completedJobs": 1}}`)
	squeeze := func(b []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		z.Write(b)
		z.Close()
		return out.Bytes()
	}
	twice := squeeze(squeeze(search))
	wrongSum := squeeze(search)
	wrongSum[len(wrongSum)-8] ^= 1
	for name, test := range map[string]struct {
		encoding string
		length   int // the Content-Length in the header, if not 0
		body     []byte
		want     string // part of the error
	}{
		"as it should be":         {"gzip", 0, squeeze(search), ""},
		"gzip in gzip":            {"gzip", 0, twice, "the answer is not the expected JSON"},
		"gzip that stops":         {"gzip", 0, squeeze(search)[:40], "the answer broke off"},
		"a wrong checksum":        {"gzip", 0, wrongSum, "gzip: invalid checksum"},
		"no gzip":                 {"gzip", 0, search, "gzip: invalid header"},
		"an unknown encoding":     {"br", 0, []byte("\x8b\x02\x80abc\x03"), "the answer is not the expected JSON"},
		"gzip that is not told":   {"", 0, squeeze(search), "the answer is not the expected JSON"},
		"a length that is larger": {"", len(search) + 10, search, "the answer broke off"},
		"a length of petabytes":   {"", 1 << 50, search, "the answer broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			const retried = "the answer broke off"
			if testing.Short() && test.want == retried {
				t.Skip("-short: the request is retried for some seconds")
			}
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", mediaJSON)
				if test.encoding != "" {
					w.Header().Set("Content-Encoding", test.encoding)
				}
				if test.length > 0 {
					w.Header().Set("Content-Length", strconv.Itoa(test.length))
				}
				w.Write(test.body)
			})
			query := Query{Start: time.Unix(0, 0), End: time.Unix(10, 0)}
			var got error
			for _, err := range newClient(t, url, Config{}).Search(t.Context(), query) {
				got = err
			}
			if text := fmt.Sprint(got); (test.want == "") != (got == nil) || got != nil && !strings.Contains(text, test.want) {
				t.Errorf("error %v, want %q", got, test.want)
			}
		})
	}
}
