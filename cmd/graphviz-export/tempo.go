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

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// fileFlags are the flags that select traces by time and by id, also in files.
var fileFlags = []string{"since", "from", "to", "utc", "trace"}

// queryFlags are the flags of a query of Tempo, except --tempo. Those in fileFlags also apply to
// files.
var queryFlags = []string{
	"query", "trace", "limit", "since", "from", "to", "utc",
	"org-id", "username", "password-file", "bearer-token-file", "header", "ca-cert", "cert", "key",
}

// tempoFlags set the URL of Tempo, the query and the credentials.
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

// defaultLimit is how many traces Tempo returns in about ten seconds, if searches show their
// spans. A span takes Tempo 2.9 and this program 0.2 ms of CPU time, so that 10,000 traces of
// 5 to 10 spans take two cores 5 to 10 seconds.
const defaultLimit = 10_000

// addTo adds the flags to a command.
func (t *tempoFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Tempo", func(f *pflag.FlagSet) {
		f.StringVar(&t.url, "tempo", "", "read from Tempo, whose HTTP API is at `URL` [TEMPO_ADDR, TEMPO_URL]")
		f.StringVarP(&t.query, "query", "q", "", "read traces that match `TRACEQL` (default: all)")
		f.StringArrayVar(&t.traces, "trace", nil, "read the trace with this `ID`; repeatable")
		f.IntVar(&t.limit, "limit", defaultLimit, "read at most `N` traces, the newest; 0 for no limit")
		t.addAccessTo(f)
	})
	group(cmd, "Time", func(f *pflag.FlagSet) {
		f.StringVar(&t.time.since, "since", "", "look back `DURATION`: 30m, 1.5h, 1d12h, 2w (default 1h; files: no limit)")
		f.StringVar(&t.time.from, "from", "", "start at `TIME`: 2026-01-31, 2026-01-31T09:30:00Z, 09:30, now-2d")
		f.StringVar(&t.time.to, "to", "", "end at `TIME` (default: now)")
		f.BoolVar(&t.time.utc, "utc", false, "read times without a zone as UTC instead of local time")
	})
}

// addAccessTo adds the flags for tenant and credentials.
func (t *tempoFlags) addAccessTo(f *pflag.FlagSet) {
	f.StringVar(&t.orgID, "org-id", "", "read from `TENANT`, or from several: a|b [TEMPO_ORG_ID]")
	f.StringVar(&t.username, "username", "", "authenticate as `USER` with a password [TEMPO_USERNAME]")
	f.StringVar(&t.passwordFile, "password-file", "", "read the password from `FILE` [TEMPO_PASSWORD holds the password itself]")
	f.StringVar(&t.bearerTokenFile, "bearer-token-file", "", "authenticate with the token in `FILE` [TEMPO_BEARER_TOKEN_FILE]")
	f.StringArrayVar(&t.headers, "header", nil, "send an additional HTTP header, `'NAME: VALUE'`, or those in @FILE; repeatable")
	f.StringVar(&t.caCert, "ca-cert", "", "trust the CA certificates in `FILE` instead of the system's [TEMPO_CA_CERT_PATH]")
	f.StringVar(&t.cert, "cert", "", "present the client certificate in `FILE` [TEMPO_CLIENT_CERT_PATH]")
	f.StringVar(&t.key, "key", "", "read the key of the client certificate from `FILE` [TEMPO_CLIENT_KEY_PATH]")
}

// access returns the settings and credentials for requests to Tempo. Flags override the
// environment.
func (t *tempoFlags) access() (tempoclient.Config, error) {
	c := t.config
	c.OrgID = cmp.Or(t.orgID, c.OrgID)
	c.CAFile = cmp.Or(t.caCert, c.CAFile)
	c.CertFile, c.KeyFile = cmp.Or(t.cert, c.CertFile), cmp.Or(t.key, c.KeyFile)
	if t.bearerTokenFile != "" {
		if t.username != "" {
			return c, exit.Usagef("--username and --bearer-token-file both set the credentials: use only one of them")
		}
		c.Username, c.Password, c.BearerToken, c.BearerTokenFile = "", "", "", t.bearerTokenFile
	}
	if t.username != "" {
		c.Username, c.BearerToken, c.BearerTokenFile = t.username, "", ""
	}
	if t.passwordFile != "" {
		if c.Username == "" {
			return c, exit.Usagef("--password-file needs a user name: set --username or TEMPO_USERNAME")
		}
		password, err := os.ReadFile(t.passwordFile)
		if err != nil {
			return c, exit.Usagef("--password-file: %w", err)
		}
		c.Password = strings.TrimRight(string(password), "\r\n")
	}
	for _, header := range t.headers {
		lines := []string{header}
		if file, ok := strings.CutPrefix(header, "@"); ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return c, exit.Usagef("--header: %w", err)
			}
			lines = strings.Split(strings.TrimSpace(string(text)), "\n")
		}
		for _, line := range lines {
			name, value, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(strings.TrimSpace(name), " \t\"(),/:;<=>?@[\\]{}") {
				return c, exit.Usagef("--header %q: want 'Name: value', or @FILE with one such header per line", header)
			}
			if c.Header == nil {
				c.Header = make(http.Header)
			}
			c.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return c, nil
}

// tempoSource returns the spans of the selected traces in Tempo.
func (e *export) tempoSource() (source, error) {
	config, err := e.tempo.access()
	if err != nil {
		return source{}, err
	}
	client, err := tempoclient.New(e.tempo.url, config)
	if err != nil {
		return source{}, exit.With(exit.Usage, err)
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

// querySource returns the spans of the traces that match a query.
func (e *export) querySource(client *tempoclient.Client, config tempoclient.Config) (source, error) {
	t := e.tempo
	if t.limit < 0 {
		return source{}, exit.Usagef("--limit %d: want a number of traces, or 0 for all", t.limit)
	}
	when, err := t.time.period(time.Now())
	if err != nil {
		return source{}, err
	}
	found := "no traces"
	if t.query != "" {
		found += " match " + t.query
	}
	advice := "look further back with --since, or try again in some seconds if the traces are new"
	switch {
	case when.from.After(time.Now()):
		advice = "this time range is in the future"
	case config.OrgID != "":
		advice += fmt.Sprintf(", and check the tenant, %s", config.OrgID)
	}
	var progress atomic.Pointer[tempoclient.Progress]
	return source{
		about:   when.text,
		title:   cmp.Or(t.query, "all traces") + ", " + when.text,
		nothing: exit.With(exit.Nothing, fmt.Errorf("tempo %s: %s, %s: %s", redact.URL(t.url), found, when.text, advice)),
		limit:   t.limit,
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			spans := client.Spans(ctx, tempoclient.Query{
				TraceQL: t.query,
				Start:   when.from, End: when.to,
				Limit:    t.limit,
				Progress: func(p tempoclient.Progress) { progress.Store(&p) },
			})
			return func(yield func(servicegraph.Span, error) bool) {
				advised(limited(e.withoutRecent(spans), t.limit, when.text))(yield)
				if p := progress.Load(); p != nil {
					e.stderr.Detailf("%s", costText(p.Cost))
				}
			}
		},
		progress: func() string {
			if p := progress.Load(); p != nil {
				return fmt.Sprintf("%d of %s", p.Fetched, quantity.Of(p.Found, "trace"))
			}
			return "searching"
		},
	}, nil
}

// costText describes the requests that reading from Tempo took.
func costText(c tempoclient.Cost) string {
	text := fmt.Sprintf("%s to Tempo: %s from searches, %d by id",
		quantity.Of(c.Requests, "request"), quantity.Of(c.Selected, "trace"), c.ByID)
	var reasons []string
	for _, r := range []struct {
		n    int
		text string
	}{
		{c.Exact, "few traces"},
		{c.Attributes, "too many attributes for a search"},
		{c.Sparse, "the query selects few of many traces"},
		{c.Linked, "with links"},
		{c.Incomplete, "not complete in the search"},
		{c.Differs, "with weights, or otherwise different in the search"},
	} {
		if r.n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d: %s", r.n, r.text))
		}
	}
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, "; ") + ")"
	}
	return text
}

// traceSource returns the spans of the traces with given ids. A trace that does not exist is
// an error, as is a missing file.
func (e *export) traceSource(client *tempoclient.Client) (source, error) {
	for _, flag := range []string{"query", "since", "from", "to", "utc", "limit"} {
		if e.given(flag) {
			return source{}, exit.Usagef("--trace selects traces by id and cannot be combined with --%s", flag)
		}
	}
	ids, err := e.tempo.traceIDs()
	if err != nil {
		return source{}, err
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
					case tempoclient.WarnOrphans: // the report of the graph counts them
					case tempoclient.WarnArriving:
						e.stderr.Warnf("%v", w)
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

// traceIDs returns the values of --trace.
func (t *tempoFlags) traceIDs() (ids []servicegraph.TraceID, err error) {
	for _, text := range t.traces {
		id, err := servicegraph.ParseTraceID(text)
		if err != nil {
			return nil, exit.Usagef("--trace: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// withoutRecent removes the warning that Tempo does not search the most recent spans yet, and
// prints it as information: the warning applies to every time range that ends now.
func (e *export) withoutRecent(spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if w, ok := errors.AsType[*tempoclient.Warning](err); ok && w.Kind == tempoclient.WarnRecent {
				e.stderr.Infof("%s", w.Message)
				continue
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// limited says in the errors about the limit which traces it lets through.
func limited(spans iter.Seq2[servicegraph.Span, error], limit int, when string) iter.Seq2[servicegraph.Span, error] {
	if !strings.HasPrefix(when, "from ") {
		when = "of the " + when
	}
	text := fmt.Sprintf("newest %s %s (limit reached)", quantity.Of(limit, "trace"), when)
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok && skip.Traces > 0 {
				skip.Limited = text
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// advised adds a next step and the exit status to the errors of the client.
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
		return exit.With(exit.Nothing, fmt.Errorf("%w: check the id and --org-id; Tempo may need some seconds to find a new trace", err))
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
		return exit.With(exit.Usage, fmt.Errorf("%w: correct %s", err, flag))
	case http.StatusUnauthorized, http.StatusForbidden:
		if strings.Contains(e.Body, "no org id") {
			return fmt.Errorf("%w: set --org-id or TEMPO_ORG_ID", err)
		}
		return fmt.Errorf("%w: check TEMPO_USERNAME and TEMPO_PASSWORD, or TEMPO_BEARER_TOKEN", err)
	}
	return err
}
