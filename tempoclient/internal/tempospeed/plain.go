package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// selectQuery shows the spans with the attributes of the stored traces.
const selectQuery = `{} | select(span:parentID, kind, status, resource.service.name, span.server.address, span.server.port, span.http.request.method, span.http.response.status_code, span.db.system.name, span.db.namespace, span.url.full)`

// A plain client sends requests to Tempo and discards the answers.
type plain struct {
	url  string
	http *http.Client
}

func newPlain(url string) *plain {
	return &plain{url, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
}

// get reads an answer and discards it.
func (p *plain) get(ctx context.Context, path, accept string) error {
	return p.read(ctx, path, accept, func(body io.Reader) error {
		_, err := io.Copy(io.Discard, body)
		return err
	})
}

func (p *plain) read(ctx context.Context, path, accept string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", accept)
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return read(resp.Body)
}

// cpu returns the CPU seconds that Tempo has used.
func (p *plain) cpu(ctx context.Context) (seconds float64, err error) {
	err = p.read(ctx, "/metrics", "text/plain", func(body io.Reader) error {
		lines := bufio.NewScanner(body)
		for lines.Scan() {
			if value, ok := strings.CutPrefix(lines.Text(), "process_cpu_seconds_total "); ok {
				seconds, err = strconv.ParseFloat(value, 64)
			}
		}
		return cmp.Or(err, lines.Err())
	})
	return seconds, err
}

// search reads the answer to one search.
func (p *plain) search(ctx context.Context, q tempoclient.Query, traceQL string, spansPerSet int) error {
	params := url.Values{
		"q": {traceQL}, "spss": {strconv.Itoa(spansPerSet)}, "limit": {"100000"},
		"start": {strconv.FormatInt(q.Start.Unix(), 10)}, "end": {strconv.FormatInt(q.End.Unix(), 10)},
	}
	return p.get(ctx, "/api/search?"+params.Encode(), "application/json")
}

// fetch reads traces by their ids, n at a time.
func (p *plain) fetch(ctx context.Context, path string, ids []servicegraph.TraceID, n int) error {
	var (
		work  sync.WaitGroup
		mu    sync.Mutex
		first error
		next  = make(chan servicegraph.TraceID)
	)
	for range n {
		work.Go(func() {
			for id := range next {
				if err := p.get(ctx, path+id.String(), "application/protobuf"); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	work.Wait()
	return first
}

// ownCPU returns the CPU seconds that this program has used.
func ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
