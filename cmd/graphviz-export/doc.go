/*
Graphviz-export draws the service graph of distributed traces.

It reads traces from files, or asks a Grafana Tempo for them, works out which
service calls which, how often, how fast, and how it fails, and writes that as a
picture, as DOT or Mermaid, as a table, or as data. No other program is needed.

Usage:

	graphviz-export [flags] [FILE|-]...
	graphviz-export check --rules FILE [flags] [FILE|-]...
	graphviz-export serve [flags] [FILE|-]...
	graphviz-export completion bash|zsh|fish|powershell

# Examples

A picture of the traces in a file:

	$ graphviz-export -o servicegraph.svg examples/traces/hotrod.jsonl.gz
	6 services, 5 edges, 55 traces → servicegraph.svg

The same from a Tempo, of the requests to one service in the last hour:

	$ graphviz-export --tempo http://localhost:3200 --query '{ resource.service.name = "frontend" }' --since 1h -o servicegraph.svg
	6 services, 5 edges, 55 traces (last 1h) → servicegraph.svg

A table on the terminal:

	$ graphviz-export examples/traces/hotrod.jsonl.gz
	SRC      → DST           CALLS    RATE   ERR     P50     P95     P99
	customer → mysql            53     2/s    0%  384 ms  549 ms  566 ms
	driver   → redis-manual    702  26.8/s   19%   12 ms   33 ms   35 ms
	frontend → customer         53     2/s  1.9%  384 ms  549 ms  566 ms
	frontend → driver           52     2/s    0%  209 ms  236 ms  246 ms
	frontend → route           520  19.8/s    0%   51 ms   73 ms   79 ms

	Entry frontend  55 requests

	6 nodes, 5 edges, 55 traces, 2,060 spans, 2026-11-22 17:41:48–17:42:14 UTC (26 s)
	1 skewed span: clock skew: the callee's span starts before the caller's span or ends after it

# Input

A FILE holds traces as OpenTelemetry's protocol has them: JSON, one or many
requests, as the Collector's file exporter writes it; or protobuf, one request or
many behind their lengths. The answers of Tempo to a trace query, and the JSON of
Jaeger and of Zipkin, are read as well. The form is told by the content, and gzip and
zstd are undone. Several files give one graph, and traces may be spread over them. The
file - is standard input, which is also read when something is piped into it and
nothing else is named, by TEMPO_ADDR neither. A directory stands for the files below it that are
named like traces: .json, .jsonl, .ndjson, .pb, .binpb, .protobuf or .otlp, and .gz
or .zst behind that; what else is there is said on standard error. A pattern such as
'traces/*.json' stands for what it matches.

A file may be larger than memory. At most 4,194,304 spans are held at a time, which
takes up to 0.6 GB; of more, the traces that have been quiet longest are counted early, and
what is said about that tells how many. Spans of them that come later still are left
out, and counted: those of one trace should not be that far apart.

A file can also hold a graph that this command has written as JSON. Graphs and
traces add up: an hour in one file and the next hour in another are two hours. A
trace that is in both counts twice.

With --tempo, or TEMPO_ADDR and no file, the spans come from Tempo's HTTP API at
that URL, which may have a path before Tempo's own, as behind a proxy. All traces
with a span that matches --query and lies in the time range are taken whole, the
newest --limit of them; a note says when there may be more. --trace takes traces by
their ids instead.

No secret has to be on the command line, where other users of the machine see it:
passwords and tokens come from the environment or from files, and so can headers,
with --header @FILE.

The time range is --since before now; or before --to; or --from until --to.
Durations are those of Go and of Prometheus: 90s, 1.5h, 1h30m, 1d12h, 2w. A time
is 2026-01-31T09:30:00Z, with any zone; 2026-01-31, '2026-01-31 09:30' or 09:30, the
last being today's, in local time, or in UTC with --utc; seconds or milliseconds
of Unix; or now, now-2d. --since takes such a time as well.

A record that cannot be read is reported with its position and left out, and so
is a trace that Tempo does not give completely: the graph is written and the exit
status is 4; so it is with the last object of JSON that is cut off. When a
compressed file or one of protobuf is cut off, or a Tempo stops answering, nothing
is written, because nobody could say what the graph is of.

# Shape

Large graphs are drawn in part. RE is a regular expression of Go that is looked for
in the name of a node, with its namespace: "cart" finds shop/cart and cart-cache,
"^shop/cart$" the first alone. Flags with an RE can be repeated. What is left out is
counted in the summary and in the heading of what is written.

	$ graphviz-export --near customer examples/traces/hotrod.jsonl.gz
	SRC      → DST       CALLS  RATE   ERR     P50     P95     P99
	customer → mysql        53   2/s    0%  384 ms  549 ms  566 ms
	frontend → customer     53   2/s  1.9%  384 ms  549 ms  566 ms

	Entry frontend  55 requests

	3 nodes, 2 edges, 55 traces, 2,060 spans, 2026-11-22 17:41:48–17:42:14 UTC (26 s)
	3 hidden nodes: left out of this view
	3 hidden edges: left out of this view, with 1,274 calls
	1 skewed span: clock skew: the callee's span starts before the caller's span or ends after it

The flags work in this order, whatever the order on the command line:

	--ignore RE        the nodes are gone, and so are the calls from and to them
	--gateway RE       as --hide, and requests from outside enter the services behind
	--hide RE          the nodes are gone, but a call through them stays: A → hidden → B
	                   is a dotted edge A → B, whose numbers are shares by requests
	--group-by KEY     one node for each namespace, or for each value of an attribute
	--focus RE         the nodes, all that call them and all that they call, however far
	--near RE          the nodes and those up to --depth calls away, which is 1
	--upstream RE      the nodes and who calls them, up to --depth calls away
	--downstream RE    the nodes and whom they call, likewise
	--errors-only      edges with errors, and nodes that fail
	--orphans          services that no edge touches
	--min-rate N       edges with at least so many calls per second
	--edgefraction F   edges with at least that part of all calls
	--nodecount N      the busiest nodes

Another three change how spans become a graph: --queue-nodes, --split-by and
--http-errors.

# Output

The extension of the file after -o is the format: .svg, .png or .dot for a picture;
.html for a page to look around in, which is one file and fetches nothing; .mmd
for a Mermaid flowchart, which GitHub and GitLab draw; .md or .txt for a table;
.csv, .graphml or .json for other programs. Given several times, -o writes several
files of one reading. With -f, the format is the one named there, or of that extension;
-f grafana, which has no extension, gives what Grafana's node graph panel shows. Without
-o, the graph goes to standard output: as a table if that is a terminal, as DOT
otherwise:

	$ graphviz-export --quiet examples/traces/hotrod.jsonl.gz | head -n 1
	digraph servicegraph {

A file is written beside its place and moved there when it is whole. A summary
and everything else that is not the graph goes to standard error; --quiet leaves
only warnings and errors, --verbose adds what helps to find out why.

The picture is laid out by Graphviz, which takes up to 250 nodes and 500 edges;
larger graphs can be drawn in part, in full with --force, or written in the other
formats. A page of HTML takes any graph: of a larger one it draws the busiest part,
and says so; its tables have all of it, with search. In the page, the key ? lists the
others.

# JSON

The JSON form is an object of this type. Its bytes depend on nothing but the
spans: not on their order, nor on the form or number of the files.

	type Graph struct {
		Schema int    // 1; grows when a field changes its meaning
		Nodes  []Node // sorted by namespace, name, type
		Edges  []Edge // sorted by caller, callee, kind
		Report Report // what became of every span
	}
	type Node struct {
		ID        string  // namespace/name, or the name alone without a namespace
		Namespace string
		Name      string
		Type      string  // service, or what it is if it has no spans: database, queue, external, ...
		Entries   float64 // requests from outside
		Requests  Stats   // all requests, those included
	}
	type Edge struct {
		From, To       string  // IDs of nodes
		Source, Target int     // their positions in Nodes
		Kind           string  // request or message
		Calls, Errors  float64
		Caller, Callee *Stats  // as either side saw it; absent if it has no spans
		...
	}
	type Stats struct {
		Calls, Errors float64
		Observed      uint64   // spans
		Latency       *Latency // count, sum, min, max, p50, p95, p99 in nanoseconds, and buckets
	}

The names in the JSON begin with a small letter, such as "from". More fields may
come without a new schema. All of them are in servicegraph/graph.schema.json, a
JSON Schema.

# Rules

Graphviz-export check draws nothing: it checks what the traces show against rules about
who may call whom, and exits with 1 if one is broken.

	$ graphviz-export check --rules examples/traces/hotrod.rules examples/traces/hotrod.jsonl.gz
	8 rules: all hold in 6 services, 5 edges, 55 traces

A file of rules has one on each line:

	never frontend -> mysql
	only customer -> mysql
	layers frontend > customer, driver, route > mysql, redis-manual
	per-trace frontend -> customer at most 1
	errors frontend -> * at most 5%
	latency caller p95 frontend -> route at most 100ms

All rules there are, and how nodes are written, are in the documentation of the Go
package servicegraph/graphtest, which tests the same rules in unit tests. An unknown
word is an error with its place.

With --golden, the file is a golden topology of the kind that graphtest.Golden
writes: the calls of some services, which they promise to make and no others. Given
several, each by the team of a service, they are checked together, and what breaks
a promise is listed with its file.

The report goes to standard output as text; or, with --format, as json; as junit, for
the test reports of CI systems; as github, for notes at the lines of the rules in a
pull request. Where the traces come from is said as for a picture. The JSON is an
object of this type, with names that begin with a small letter:

	type Report struct {
		Holds         bool // all of the rules
		Traces, Spans int
		Rules         []Rule // in the order of the files
	}
	type Rule struct {
		Rule       string // its text
		File       string
		Line       int
		Holds      bool
		Violations []struct {
			Message     string
			Edges       []Edge   // that are there and break the rule
			Missing     []Edge   // that should be there
			Explanation []string // lines
		}
	}
	type Edge struct {
		From, To string   // namespace/name, or the name alone without a namespace
		Kind     string   // request or message
		Traces   []string // examples, by id
	}

# Viewer

Graphviz-export serve shows the graph in a browser, with search, filters and tables, and
keeps it up to date until Ctrl-C. What is selected and looked at stays where it is.

With --otlp it takes the spans that services send, and needs nothing else: no Tempo, no
Collector. Services that send to where OTLP usually goes need no setting either:

	graphviz-export serve --otlp --open

The graph is that of all spans since the start, and grows with the services and calls
that there are, not with time: of what is complete only counts are kept, and at most
200,000 spans of 50,000 traces are held that may not be. Spans that are invalid are
rejected, and their sender is told. A request of OTLP has at most 16 MiB.

Without --otlp, what to read is said as for a picture: files, which are read again when
they have changed; or a Tempo, which is asked again --every 30s, for the time range that
--since means then. When that fails, the page says why, and keeps the last graph; so
does standard error, once.

	graphviz-export serve --tempo http://localhost:3200 --since 15m --every 10s

The page is for this machine alone unless --listen says otherwise, and OTLP is taken
from it alone unless --otlp-grpc and --otlp-http do. There is no password: whoever
reaches these ports may look and send. Beside the page there is the graph in all
formats, such as /graph.json and /graph.svg.

# Completion

Graphviz-export completion writes a script with which a shell completes commands,
flags, files and formats. It takes effect in the shell that reads it, such as from
a start-up file:

	source <(graphviz-export completion bash)
	source <(graphviz-export completion zsh)
	graphviz-export completion fish | source
	graphviz-export completion powershell | Out-String | Invoke-Expression

# Environment

	TEMPO_ADDR, TEMPO_URL            URL of the Tempo to ask when neither it nor a file is named
	TEMPO_ORG_ID                     tenant, as --org-id
	TEMPO_USERNAME, TEMPO_PASSWORD   basic authentication at the Tempo
	TEMPO_BEARER_TOKEN               authentication by token instead, or by one in the file
	TEMPO_BEARER_TOKEN_FILE          that this names
	TEMPO_CA_CERT_PATH               file of the certificates to trust in place of the system's
	TEMPO_CLIENT_CERT_PATH, TEMPO_CLIENT_KEY_PATH
	                                 files of the client's own certificate and its key
	HTTP_PROXY, HTTPS_PROXY, NO_PROXY
	                                 proxy on the way to the Tempo, as for other programs

# Exit status

	0    done
	1    failed: one line on standard error says what, and nothing was written;
	     of check: a rule is broken, as all but empty are without a call
	2    wrong usage: of a flag, or a query that Tempo rejects
	3    nothing matched: no traces, no trace with the given id, or nothing left after
	     --focus and the like; nothing was written. With --allow-empty: 0
	4    written, but incomplete: something could not be read
	130  interrupted by Ctrl-C; nothing was written
*/
package main
