package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestMain puts graphviz-export on the path of the tests, which run it as a process. A test that
// draws in the test process starts the test program again as the layout process, which must not run
// the tests.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == workerArg {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"graphviz-export": main})
}

// TestScripts runs the scripts that need no Tempo. Their comments say what they test.
func TestScripts(t *testing.T) {
	testscript.Run(t, params(t, "testdata/script", map[string]string{
		"CLOSED": closedPort(t),
		"PROM":   fakePrometheus(t),
		"LOGIN":  loginPage(t),
		"GRPC":   grpcPort(t),
		"SILENT": silent(t),
		"LARGE":  fakeTempo(t, true, false),
		"RECENT": fakeTempo(t, false, true),
	}))
}

// TestScriptsUseEveryFlag requires a script for every flag of every command.
func TestScriptsUseEveryFlag(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	commands := commandsWithFlags()
	used := make(map[string]bool) // "--flag", "check --flag"
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			_, args, ok := strings.Cut(line, "graphviz-export ")
			if !ok {
				continue
			}
			command := ""
			for i, word := range strings.Fields(args) {
				if i == 0 && slices.ContainsFunc(commands, func(c *cobra.Command) bool { return c.Name() == word }) {
					command = word + " "
				}
				name, _, _ := strings.Cut(word, "=")
				used[command+name] = true
			}
		}
	}
	for _, cmd := range commands {
		command := ""
		if cmd.HasParent() {
			command = cmd.Name() + " "
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			// The flags of these groups have the same code in all commands:
			shared := command != "" && slices.ContainsFunc([]string{"Tempo", "Prometheus", "Time", "Filters", "Graph", "Style"}, func(group string) bool {
				return slices.Contains(f.Annotations[groupOf], group)
			})
			short := f.Shorthand != "" && used[command+"-"+f.Shorthand]
			if !shared && !short && !used[command+"--"+f.Name] {
				t.Errorf("no script uses %s--%s", command, f.Name)
			}
		})
	}
}

// hotrod is the example file of the repository: 55 traces of 6 services.
const hotrod = "../../examples/traces/hotrod.jsonl.gz"

// params returns the parameters for running the scripts of a directory with additional variables.
// The scripts have the commands of package testscript and also
//
//	status N COMMAND...  run the command, which must exit with status N
//	complains            standard error must be one line from graphviz-export
//	gzip FILE GZ         compress a file
//	truncate N FILE      cut N bytes off the end of a file
//	files NAME...        the directory must contain exactly these files
//	fetch URL [TEXT]     get the URL, until the response contains the text, and print the
//	                     response
//	send URL FILE        post a file of OTLP JSON
//
// and the condition [root]: the user is root, to whom file permissions do not apply.
func params(t *testing.T, dir string, vars map[string]string) testscript.Params {
	example, err := filepath.Abs(hotrod)
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			if cache, err := os.UserCacheDir(); err == nil {
				env.Setenv("XDG_CACHE_HOME", cache) // the cache with the compiled Graphviz
			}
			env.Setenv("HOTROD", example)
			env.Setenv("BEFORE", filepath.Join(filepath.Dir(example), "../ci/before.json.gz"))
			for i := range 3 {
				env.Setenv(fmt.Sprintf("FREE%d", i+1), freePort(t))
			}
			for name, value := range vars {
				env.Setenv(name, value)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":    scriptStatus,
			"complains": scriptComplains,
			"gzip":      scriptGzip,
			"truncate":  scriptTruncate,
			"files":     scriptFiles,
			"fetch":     scriptFetch,
			"send":      scriptSend,
		},
	}
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG]...")
	}
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

func scriptComplains(ts *testscript.TestScript, neg bool, args []string) {
	got := ts.ReadFile("stderr")
	if neg || len(args) > 0 || strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "graphviz-export: ") {
		ts.Fatalf("standard error is not one line from graphviz-export:\n%s", got)
	}
}

func scriptGzip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gzip FILE GZ")
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, ts.ReadFile(args[0]))
	ts.Check(z.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o666))
}

func scriptTruncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate N FILE")
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[1]), info.Size()-n))
}

func scriptFiles(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	var got []string
	for _, e := range entries { // sorted
		if e.Name() != ".tmp" { // testscript makes this directory
			got = append(got, e.Name())
		}
	}
	if neg || strings.Join(got, " ") != strings.Join(args, " ") {
		ts.Fatalf("the directory contains %q, want %q", got, args)
	}
}

// soon is how long a test waits for an expected response.
const soon = 30 * time.Second

func scriptFetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: fetch URL [TEXT]")
	}
	text := ""
	if len(args) == 2 {
		text = args[1]
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	got := ""
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		got = get(ctx, args[0], text)
		if len(args) == 1 || strings.Contains(got, text) {
			fmt.Fprint(ts.Stdout(), got)
			return
		}
	}
	ts.Fatalf("%s has no %q: %s", args[0], text, got)
}

// get returns the response of a server, up to the end of the text if it contains the text,
// because an event stream does not end.
func get(ctx context.Context, url, text string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error() // the server may not have started yet
	}
	defer answer.Body.Close()
	got := answer.Status + "\n"
	for chunk := make([]byte, 64<<10); err == nil && (text == "" || !strings.Contains(got, text)); {
		n := 0
		n, err = answer.Body.Read(chunk)
		got += string(chunk[:n])
	}
	return got
}

func scriptSend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: send URL FILE")
	}
	answer, err := http.Post(args[0], "application/json", strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n%s", answer.Status, body)
}

// freePort returns an address at which nothing listens.
func freePort(t *testing.T) string { return strings.TrimPrefix(closedPort(t), "http://") }

// closedPort returns the URL of a port on which nothing listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// loginPage returns the URL of a proxy that answers every request with a login page.
func loginPage(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>Log in</title>")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// silent returns the URL of a server that never answers.
func silent(t *testing.T) string {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-over:
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(over) })
	return s.URL
}

// grpcPort returns the URL of a server that speaks only gRPC.
func grpcPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return "http://" + l.Addr().String()
}

// fakeTempo returns the URL of a server that answers like a Tempo server with two traces. With
// partial, both traces exceed the size limit, so that the server returns only parts of them. With
// recent, the server is like Tempo 3 with its default configuration and does not search the last
// half minute.
func fakeTempo(t *testing.T, partial, recent bool) string {
	ids := []string{strings.Repeat("1", 32), strings.Repeat("2", 32)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/status/buildinfo":
			fmt.Fprintf(w, `{"version":%q}`, map[bool]string{false: "2.9.0", true: "3.0.3"}[recent])
			return
		case "/api/search":
			from, _ := strconv.ParseInt(r.FormValue("start"), 10, 64)
			if to := time.Now().Unix() - 30; recent && from >= to {
				http.Error(w, fmt.Sprintf("http parameter start must be before end. received start=%d end=%d", from, to), http.StatusBadRequest)
				return
			}
			start := time.Now().Add(-time.Minute).UnixNano()
			fmt.Fprintf(w, `{"traces":[{"traceID":"%s","startTimeUnixNano":"%d"},{"traceID":"%s","startTimeUnixNano":"%d"}],"metrics":{}}`, ids[0], start, ids[1], start)
			return
		}
		id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		traceID, err := hex.DecodeString(id)
		if err != nil {
			t.Error(err)
		}
		now := uint64(time.Now().Add(-time.Minute).UnixNano())
		trace, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
			Resource: &resourcepb.Resource{Attributes: attributes([]servicegraph.Attr{{Key: "service.name", Value: "shop"}})},
			ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
				TraceId: traceID, SpanId: traceID[:8], Kind: tracepb.Span_SPAN_KIND_SERVER, StartTimeUnixNano: now, EndTimeUnixNano: now + 1e6,
			}}}},
		}}})
		if err != nil {
			t.Error(err)
		}
		answer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), trace)
		if partial {
			answer = protowire.AppendVarint(protowire.AppendTag(answer, 3, protowire.VarintType), 1)
			answer = protowire.AppendString(protowire.AppendTag(answer, 4, protowire.BytesType), "Trace exceeds maximum size")
		}
		w.Header().Set("Content-Type", "application/protobuf")
		w.Write(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
