package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// queryFlags are the flags that say what to ask a Tempo for, and as whom.
var queryFlags = []string{
	"query", "trace", "limit", "since", "from", "to", "utc",
	"org-id", "username", "password-file", "bearer-token-file", "header", "ca-cert", "cert", "key",
}

// tempoFlags say which Tempo to ask, for what, and as whom.
type tempoFlags struct {
	url    string
	config tempoclient.Config // from the environment
	query  string
	traces []string
	time   timeRange
	limit  int

	orgID, username               string
	passwordFile, bearerTokenFile string
	headers                       []string
	caCert, cert, key             string
}

// addTo adds the flags that say which Tempo to ask, and for what.
func (t *tempoFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Tempo", func(f *pflag.FlagSet) {
		f.StringVar(&t.url, "tempo", "", "ask the Tempo whose HTTP API is at `URL` [TEMPO_ADDR, TEMPO_URL]")
		f.StringVarP(&t.query, "query", "q", "", "take the traces that `TRACEQL` selects (default all)")
		f.StringArrayVar(&t.traces, "trace", nil, "take the trace with this `ID`; can be repeated")
		f.IntVar(&t.limit, "limit", 1000, "take at most `N` traces, the newest; 0 takes all")
		f.StringVar(&t.orgID, "org-id", "", "`TENANT` of the Tempo, or several: a|b [TEMPO_ORG_ID]")
		f.StringVar(&t.username, "username", "", "`USER` for basic authentication [TEMPO_USERNAME]")
		f.StringVar(&t.passwordFile, "password-file", "", "`FILE` with the password [the password itself: TEMPO_PASSWORD]")
		f.StringVar(&t.bearerTokenFile, "bearer-token-file", "", "`FILE` with a token [TEMPO_BEARER_TOKEN_FILE]")
		f.StringArrayVar(&t.headers, "header", nil, "send this header as well, `'NAME: VALUE'`, or those in @FILE")
		f.StringVar(&t.caCert, "ca-cert", "", "trust the certificates in `FILE` [TEMPO_CA_CERT_PATH]")
		f.StringVar(&t.cert, "cert", "", "`FILE` with the client's certificate [TEMPO_CLIENT_CERT_PATH]")
		f.StringVar(&t.key, "key", "", "`FILE` with its key [TEMPO_CLIENT_KEY_PATH]")
	})
	group(cmd, "Time", func(f *pflag.FlagSet) {
		f.StringVar(&t.time.since, "since", "", "look back for `DURATION`: 30m, 1.5h, 1d12h, 2w (default 1h)")
		f.StringVar(&t.time.from, "from", "", "look from `TIME` on: 2026-01-31, 2026-01-31T09:30:00Z, 09:30, now-2d")
		f.StringVar(&t.time.to, "to", "", "look up to `TIME` (default now)")
		f.BoolVar(&t.time.utc, "utc", false, "times without a zone are UTC, not local")
	})
}

// access returns how to reach the Tempo and as whom: what the flags say goes before
// the environment.
func (t *tempoFlags) access() (tempoclient.Config, error) {
	c := t.config
	c.OrgID = cmp.Or(t.orgID, c.OrgID)
	c.CAFile = cmp.Or(t.caCert, c.CAFile)
	c.CertFile, c.KeyFile = cmp.Or(t.cert, c.CertFile), cmp.Or(t.key, c.KeyFile)
	if t.bearerTokenFile != "" {
		if t.username != "" {
			return c, usagef("--username and --bearer-token-file are two ways to say who asks: give one of them")
		}
		c.Username, c.Password, c.BearerToken, c.BearerTokenFile = "", "", "", t.bearerTokenFile
	}
	if t.username != "" {
		c.Username, c.BearerToken, c.BearerTokenFile = t.username, "", ""
	}
	if t.passwordFile != "" {
		if c.Username == "" {
			return c, usagef("--password-file needs the name of the user: set --username or TEMPO_USERNAME")
		}
		password, err := os.ReadFile(t.passwordFile)
		if err != nil {
			return c, usagef("--password-file: %w", err)
		}
		c.Password = strings.TrimRight(string(password), "\r\n")
	}
	for _, header := range t.headers {
		lines := []string{header}
		if file, ok := strings.CutPrefix(header, "@"); ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return c, usagef("--header: %w", err)
			}
			lines = strings.Split(strings.TrimSpace(string(text)), "\n")
		}
		for _, line := range lines {
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(strings.TrimSpace(name), " \t\"(),/:;<=>?@[\\]{}") {
				return c, usagef("--header %q: want 'Name: value', or @FILE with such lines", header)
			}
			if c.Header == nil {
				c.Header = make(http.Header)
			}
			c.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return c, nil
}

// tempoSource returns the spans of the traces in question, as a Tempo has them.
func (e *export) tempoSource() (source, error) {
	config, err := e.tempo.access()
	if err != nil {
		return source{}, err
	}
	client, err := tempoclient.New(e.tempo.url, config)
	if err != nil {
		return source{}, &statusError{statusUsage, err}
	}
	var src source
	if len(e.tempo.traces) > 0 {
		src, err = e.traceSource(client)
	} else {
		src, err = e.querySource(client, config)
	}
	src.name = "tempo " + redact.URL(e.tempo.url)
	src.origin = src.name
	src.close = client.Close
	return src, err
}

// querySource returns the spans of the traces that a query finds.
func (e *export) querySource(client *tempoclient.Client, config tempoclient.Config) (source, error) {
	t := e.tempo
	if t.limit < 0 {
		return source{}, usagef("--limit %d: want a number of traces, or 0 for all", t.limit)
	}
	when, err := t.time.period(time.Now())
	if err != nil {
		return source{}, err
	}
	found := "no traces"
	if t.query != "" {
		found += " match " + t.query
	}
	advice := "look further back with --since, or again in some seconds if they are new"
	switch {
	case when.from.After(time.Now()):
		advice = "that is in the future"
	case config.OrgID != "":
		advice += fmt.Sprintf(", and check the tenant, %s", config.OrgID)
	}
	var progress atomic.Pointer[tempoclient.Progress]
	return source{
		about:   when.text,
		title:   cmp.Or(t.query, "all traces") + ", " + when.text,
		nothing: fmt.Sprintf("tempo %s: %s, %s: %s", redact.URL(t.url), found, when.text, advice),
		limit:   t.limit,
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			return advised(e.withoutRecent(client.Spans(ctx, tempoclient.Query{
				TraceQL: t.query,
				Start:   when.from, End: when.to,
				Limit:    t.limit,
				Progress: func(p tempoclient.Progress) { progress.Store(&p) },
			})))
		},
		progress: func() string {
			if p := progress.Load(); p != nil {
				return fmt.Sprintf("%d of %s", p.Fetched, quantity.Of(p.Found, "trace"))
			}
			return "searching"
		},
	}, nil
}

// limitReached says that a Tempo may have more than it was asked for.
func limitReached(limit int) string {
	return fmt.Sprintf("--limit %d was reached, there may be more traces: raise it, or shorten the time range", limit)
}

// traceSource returns the spans of the traces with given ids. That one of them
// does not exist is an error, as with files.
func (e *export) traceSource(client *tempoclient.Client) (source, error) {
	for _, flag := range []string{"query", "since", "from", "to", "utc", "limit"} {
		if e.given(flag) {
			return source{}, usagef("--trace says which traces to take, and so does --%s: give one or the other", flag)
		}
	}
	var ids []servicegraph.TraceID
	for _, text := range e.tempo.traces {
		id, err := servicegraph.ParseTraceID(text)
		if err != nil {
			return source{}, usagef("--trace: %w", err)
		}
		ids = append(ids, id)
	}
	name := "tempo " + redact.URL(e.tempo.url)
	spans := func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
		return func(yield func(servicegraph.Span, error) bool) {
			for _, id := range ids {
				t, err := client.Trace(ctx, id)
				if err != nil {
					yield(servicegraph.Span{}, err)
					return
				}
				for _, s := range t.Spans {
					if !yield(s, nil) {
						return
					}
				}
				for _, w := range t.Warnings {
					switch w.Kind {
					case tempoclient.WarnOrphans: // also in the report of the graph
					case tempoclient.WarnArriving:
						e.stderr.warnf("%v", w)
					default:
						if !yield(servicegraph.Span{}, &servicegraph.SkipError{Source: name, Offset: -1, Err: w}) {
							return
						}
					}
				}
			}
		}
	}
	return source{
		title: "trace " + strings.Join(e.tempo.traces, ", "),
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] { return advised(spans(ctx)) },
	}, nil
}

// withoutRecent takes out of a sequence, and says, that Tempo does not search yet what
// is most recent: no graph of a range that ends now is complete in that sense.
func (e *export) withoutRecent(spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if w, ok := errors.AsType[*tempoclient.Warning](err); ok && w.Kind == tempoclient.WarnRecent {
				e.stderr.infof("%s", w.Message)
				continue
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// advised adds to an error of the client what the user of this command can do
// about it, and the exit status.
func advised(spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if !yield(span, advise(err)) {
				return
			}
		}
	}
}

func advise(err error) error {
	if errors.Is(err, tempoclient.ErrNotFound) {
		return &statusError{statusNothing, fmt.Errorf("%w: check the id, and --org-id; a new trace may take some seconds", err)}
	}
	e, ok := errors.AsType[*tempoclient.Error](err)
	if !ok {
		return err
	}
	switch e.StatusCode {
	case http.StatusBadRequest:
		flag := "--query"
		if strings.Contains(e.Body, "tenant ID") {
			flag = "--org-id"
		}
		return &statusError{statusUsage, fmt.Errorf("%w: correct %s", err, flag)}
	case http.StatusUnauthorized, http.StatusForbidden:
		if strings.Contains(e.Body, "no org id") {
			return fmt.Errorf("%w: set --org-id or TEMPO_ORG_ID", err)
		}
		return fmt.Errorf("%w: check TEMPO_USERNAME and TEMPO_PASSWORD, or TEMPO_BEARER_TOKEN", err)
	}
	return err
}
