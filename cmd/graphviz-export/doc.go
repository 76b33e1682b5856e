/*
Graphviz-export draws the service graph of distributed traces.

It reads traces from files or from Grafana Tempo and works out which service calls
which: how often, how fast, and how many calls fail. It writes the graph as an image,
as an interactive HTML report, as DOT or Mermaid, as a table, or as data for other
programs. Graphviz is built in; no other program is needed.

Usage:

	graphviz-export [flags] [FILE|-]...
	graphviz-export check --rules FILE [flags] [FILE|-]...
	graphviz-export serve [flags] [FILE|-]...
	graphviz-export topology [flags] [FILE|-]...
	graphviz-export diff [flags] BASE HEAD
	graphviz-export critical [flags] [FILE|-]...
	graphviz-export mcp [flags] [FILE]...
	graphviz-export doctor [flags] [FILE|DIRECTORY|-]...
	graphviz-export completion bash|zsh|fish|powershell

# Examples

Draw the traces in a file:

	$ graphviz-export -o servicegraph.svg examples/traces/hotrod.jsonl.gz
	6 services, 5 edges, 55 traces → servicegraph.svg

Draw the requests to one service in the last hour, from Tempo:

	$ graphviz-export --tempo http://localhost:3200 --query '{ resource.service.name = "frontend" }' --since 1h -o servicegraph.svg
	6 services, 5 edges, 55 traces (last 1h) → servicegraph.svg

Print a table on the terminal:

	$ graphviz-export examples/traces/hotrod.jsonl.gz
	SRC      → DST           CALLS    RATE     ERR      P50      P95      P99    TIME
	customer → mysql            53  2.02/s      0%   384 ms   549 ms   566 ms  callee
	driver   → redis-manual    702  26.8/s   ○ 19%  12.3 ms  32.6 ms  35.4 ms  callee
	frontend → customer         53  2.02/s  ▲ 1.9%   384 ms   549 ms   566 ms  caller
	frontend → driver           52  1.98/s      0%   209 ms   236 ms   246 ms  caller
	frontend → route           520  19.8/s      0%  51.1 ms  72.9 ms  79.2 ms  caller

	Entry frontend  55 requests

	6 nodes, 5 edges, 55 traces, 2,060 spans, 2026-11-22 17:41:48–17:42:14 UTC (26.2 s)
	1 skewed span: the callee's span starts before the caller's span or ends after it (clock skew)

# Input

A FILE contains traces in the OpenTelemetry protocol (OTLP): as JSON, one request or
one request per line, as the OpenTelemetry Collector's file exporter writes it; or as
protobuf, a single request or length-delimited requests. The JSON of Tempo's trace
API, of Jaeger and of Zipkin is read as well. The format is detected from the content;
gzip and zstd are decompressed. Several files give one graph, and the spans of one trace
may be in different files.

The file - is standard input. Standard input is also read when no file is named and
TEMPO_ADDR is unset. A directory stands for all files in it and below it whose names
end in .json, .jsonl, .ndjson, .pb, .binpb, .protobuf or .otlp, optionally followed by
.gz or .zst; other files, and symbolic links to directories, are skipped and counted on
standard error. A pattern such as 'traces/*.json' stands for the files that it matches.

Of several files, such as those of a directory or a pattern, one that is empty, is not a
trace file, or has no record that can be read is left out: standard error names the file,
and the exit status is 4. A single file of this kind is an error, and so is a file that
does not exist or cannot be opened.

A file may be larger than memory. At most 2,500,000 spans are held at a time; a span link
of a consumer counts as four. When the input has more, the traces idle longest are counted
first; the summary says how many. Spans that arrive after their trace was counted are skipped
and reported, so the spans of one trace should not be that far apart. Reading a file of less
than 1 GiB takes less than 1 GiB of memory, also if the file is compressed.

A graph distinguishes at most 10,000 nodes and 100,000 edges; --max-nodes and --max-edges set
other limits, at about 1 kB for a node and 1.5 kB for an edge. A node named other stands for
further nodes of a type and for the callees of further edges. Edges to uninstrumented
dependencies have a separate limit of the same size. Names are cut to 1 KiB. The
heading counts what these limits changed.

One record, which is a request of OTLP, a trace of Jaeger or a span of Zipkin, must fit into
memory. A record of more than 64 MiB is skipped and reported; --max-record raises the limit.
Reading a record takes about three times its size.

A file can also contain a graph that graphviz-export has written as JSON. Graphs and
traces add up: a file of one hour and a file of the next hour give the graph of two
hours. A trace that is in both is counted twice.

A file can also contain a list of dependencies, which Jaeger and Zipkin compute from their
traces: the answer of Jaeger's /api/dependencies or Zipkin's /api/v2/dependencies. The graph
of such a list has calls, and from Zipkin also errors; Jaeger does not count errors, so they are
0. The graph has no latencies, times or rates, every node is a service, and requests from outside
are unknown.

	curl 'http://localhost:16686/api/dependencies?endTs=1769851800000&lookback=86400000' | graphviz-export -o graph.svg

With --tempo, or with TEMPO_ADDR and no file, traces are read from Tempo's HTTP API.
The URL may have a path, for example behind a proxy. A trace is read in full if any of
its spans matches --query and lies in the time range. Only the newest traces are read, at
most --limit. If others were left out, a warning and every output say so: "newest
10,000 traces of the last 1h (limit reached)". With --trace, traces are read by their ids
instead. The flag --trace also selects traces in files, and the other traces are skipped.

With --prometheus, the graph is built from the series traces_service_graph_* in Prometheus, which
Tempo's metrics-generator, the Collector's service graph connector, or Beyla write. No trace is
read, so this works at any scale. Calls and errors are exact, except that Beyla counts a call on
each side that it sees: where one side saw fewer, errors are estimated. Latencies are exact to a
bucket of the histograms, and a message says by which factor a quantile can be off. The flag
--selector restricts the series, for example to one cluster. The graph has no traces: --query,
--trace, --limit and the flags that interpret spans do not apply. The flags for
credentials apply, but the environment variables for credentials are for Tempo alone.

The flag --estimate-series prints how many series the graph would have in Prometheus, before you
turn on the service-graphs processor.

Secrets need not be on the command line, where other users of the machine can see them:
passwords and tokens come from the environment or from files, and headers can come from
a file, with --header @FILE.

The time range is --since before now, --since before --to, or --from until --to.
Durations have the syntax of Go or of Prometheus: 90s, 1.5h, 1h30m, 1d12h, 2w. A time
is one of: 2026-01-31T09:30:00Z, with any zone; 2026-01-31, '2026-01-31 09:30' or 09:30
(today), in local time, or in UTC with --utc; Unix seconds or milliseconds; now, or
now-2d. The flag --since accepts a time as well.

Of files, the time range selects whole traces by the start of their earliest span, and the
heading tells how many traces were left out. Without --to the range has no end, and with --to
alone it has no start. A trace without any time is left out. The files are read twice, which
takes about 60 bytes of memory for each trace. Standard input and pipes are first copied into a
temporary file, so they must end. In serve, the range is computed again when a file changes.
A file with a graph or a list of dependencies has no times of traces, so it cannot be read with
a time range.

A record that cannot be read, such as the truncated last object of a JSON file, is
skipped and reported with its position. A trace that Tempo returns only in part is also
reported. The graph is written from the spans that could be read, and the exit status is
4. Nothing is written if a compressed file or a protobuf file is truncated, or if Tempo
stops responding, because it is then unknown which traces the graph would cover.

# Filters

Filters show a part of a large graph. RE is a Go regular expression that is searched
for in the name of a node, including its namespace: "cart" matches shop/cart and
cart-cache, "^shop/cart$" matches only the first. Flags with an RE can be repeated. The
summary and the heading of the output count the nodes and edges that the filters hide.

	$ graphviz-export --near customer examples/traces/hotrod.jsonl.gz
	SRC      → DST       CALLS    RATE     ERR     P50     P95     P99    TIME
	customer → mysql        53  2.02/s      0%  384 ms  549 ms  566 ms  callee
	frontend → customer     53  2.02/s  ▲ 1.9%  384 ms  549 ms  566 ms  caller

	Entry frontend  55 requests

	3 nodes, 2 edges, 55 traces, 2,060 spans, 2026-11-22 17:41:48–17:42:14 UTC (26.2 s)
	3 hidden nodes: left out of this view
	3 hidden edges: left out of this view, with 1,274 calls
	1 skewed span: the callee's span starts before the caller's span or ends after it (clock skew)

The flags take effect in this order, whatever their order on the command line:

	--errors-of SIDE   count only the errors that callers saw, or that callees saw
	--ignore RE        drop the nodes and all calls from and to them
	--gateway RE       like --hide, and requests from outside to a hidden node become
	                   requests from outside to the nodes that it calls
	--hide RE          hide the nodes and keep the calls through them: A → hidden → B
	                   becomes A → B, as the traces show it. A call that ended in a
	                   hidden service is counted below the graph, with its errors. If the
	                   input is a graph, which has only sums of calls, the edge is an
	                   estimate, and dotted
	--group-by KEY     merge nodes by namespace, or by a resource attribute
	--entries          keep nodes that requests from outside can reach
	--focus RE         keep the nodes, everything that leads to them, and everything
	                   that they lead to; --depth limits the distance
	--near RE          keep the nodes and those up to --depth calls away (default 1)
	--upstream RE      keep the nodes and everything that leads to them, up to --depth
	--downstream RE    keep the nodes and everything that they lead to, up to --depth
	--type LIST        keep nodes of these types: service,database
	--errors-only      keep edges and nodes where at least the fraction --warn of the calls
	                   fails, by default 1%
	--orphans          keep services without any edge
	--min-rate N       keep edges with at least N calls per second
	--edgefraction F   keep edges with at least fraction F of all calls
	--nodecount N      keep the N busiest nodes

# Graph

These flags change how spans become a graph:

	--split-by KEY     one node per value of a resource attribute: cart@1.4 and cart@1.5
	--rename RE=NAME   call nodes by another name: '^(.*)-v[0-9]+$=$1' makes one node of
	                   cart-v1 and cart-v2. RE is searched for in the name, or else in
	                   namespace/name; NAME replaces the whole name, and $1 stands for
	                   the first group. The first rule that matches counts. A dependency
	                   with the new name of a service is that service
	--rename-file FILE read such rules from a file, one on each line; # starts a comment;
	                   --rename @FILE does the same
	--queue-nodes      queues and topics are nodes between producers and consumers
	--user-node        requests from outside are calls from a node named user
	--http-errors      HTTP status 500 and above is an error, even if the span has no status
	--not-error X,Y    outcomes that are no errors, such as canceled for hedged calls, or 404: status
	                   codes of HTTP and gRPC, and values of error.type
	--infer            guess that a call without a callee led to a server span whose parent
	                   is missing, if the span lies within the time of the call, and is the
	                   only such span or names the same RPC service or host
	--no-address-learning
	                   do not attribute a call without a server span, such as a failed call
	                   to a service that is down, to the service that answered other calls
	                   to the same address and port; such a call then leads to a node named
	                   after the address
	--no-embedded-databases
	                   leave out databases that run inside a service, such as SQLite

# Output

The extension of the file after -o selects the format: .svg, .png or .dot for an image;
.html for an interactive report, a single file that loads nothing from the network;
.mmd for a Mermaid flowchart, which GitHub and GitLab render; .md or .txt for a table;
.csv, .graphml or .json for other programs. The flag -o can be repeated, to write several
files after reading the traces once. The flag -f names the format, or its extension,
independently of the file name; -f grafana, the format of Grafana's node graph
panel, and -f sequence have no extension. Without -o, a table goes to standard output, and with -f any
other format. The flag --open opens the report that was written:

	$ graphviz-export --quiet -f dot examples/traces/hotrod.jsonl.gz | head -n 1
	digraph servicegraph {

In tables, --sort selects the order of the rows and --columns the columns. The mark ▲ stands
for a warning and ● for an error; --warn and --error set the limits. The mark ○ stands for
errors from which the callers recovered: they tried again or did without, and their own
requests did not fail. These errors are a warning at most. With --slow, a p95 of at least
that duration is a warning as well. On a terminal, warnings and errors are colored, unless
the environment variable NO_COLOR is set.

	$ graphviz-export --quiet --sort errors --columns calls,errors,recovered,p95 examples/traces/hotrod.jsonl.gz | head -n 3
	SRC      → DST           CALLS     ERR  RECOVERED      P95
	driver   → redis-manual    702   ○ 19%        130  32.6 ms
	frontend → customer         53  ▲ 1.9%          0   549 ms

A file is written completely or not at all: an existing file is replaced only after the
whole new one is on the disk. Of several outputs, all are written or none. A symbolic
link stays, and the file to which it leads is written. The new file has the mode of the
old one, and the owner where the system allows that; other hard links keep the old
content.

The summary and all messages go to standard error. The flag --quiet leaves only warnings
and errors; --verbose adds details for diagnosis. On a terminal, characters
that would change how the terminal shows a line are escaped.

An image of up to 150 nodes and 300 edges shows the whole graph. In an image of a larger
graph, each namespace is a card with the sums of its services and of the databases that only
these services call. A node that fails, and each node on a path to it from an entry (a node
with requests from outside), keeps its own card. The flag --expand shows the services of a namespace. If
more than about 80 cards are left, the image shows the most important ones: first everything
that fails, then the paths from the entries to the failures, then the busiest. The heading says what
is collapsed and what is left out. Nothing is collapsed in a graph with fewer than two
namespaces. Filters choose another part of the graph, and --force draws everything. In an image with
more than 20 nodes, or one that would not fit a screen, a database or an external host that only one
service calls is drawn in the card of that service. An edge without room for its label has a number,
and the list below the graph has the label. If Graphviz cannot lay out a graph, a simpler layout is
used, and the heading says so. A Mermaid flowchart is limited in the same way, to at most 100 nodes
and 200 edges, which Mermaid can lay out.

The diagram of an HTML report shows the same as an image; a click on the card of a namespace shows
its services and their neighbors. The tables contain everything and can be searched. The filters of
the report leave only what fails, only busy calls, only some namespaces, or one node with everything
within a few calls of it. The report lays out the filtered graph with a copy of Graphviz, which adds
0.6 MB to the file; with --layout-in-page=false, the filters only hide parts of the diagram. A node
that the search finds and that is not drawn is drawn with its neighbors. The key ? lists all keys.

# Sequence diagram

With -f sequence, one trace becomes a sequence diagram for Mermaid, and with -f plantuml or the
extension .puml, one for PlantUML. The flag --trace selects the trace in Tempo or in files; it can
be left out if the input has only one.

	$ graphviz-export --quiet --trace d99d74b68a5e9a69f997dda76169c675 -f sequence examples/traces/hotrod.jsonl.gz | sed -n 6,20p
	  actor n0 as user
	  participant n1 as frontend
	  participant n2 as customer
	  participant n3 as mysql
	  participant n4 as driver
	  participant n5 as redis-manual
	  participant n6 as route
	  n0->>+n1: #47;dispatch
	  n1->>+n2: #47;customer
	  n2->>+n3: SQL SELECT
	  n3-->>-n2: 501 ms
	  n2-->>-n1: 501 ms
	  n1->>+n4: driver.DriverService/FindNearest
	  n4->>+n5: FindDriverIDs
	  n5-->>-n4: 16.3 ms

Services and the dependencies that they call are lifelines. Calls on behalf of one request that
overlap are in a block of parallel calls. A reply has the latency that the caller measured, or
else the latency that the callee measured. A failed call ends in a cross, with the word recovered if the
request succeeded nevertheless. A call that repeats a failed one is a retry. A message has an open
arrow and no reply. The diagram has no time scale. Of more than 100 calls, those that failed and those that
took longest are drawn, with the calls that led to them, and notes count the others. Filters other
than --hide and --gateway do not apply.

# JSON

The JSON is an object of the type Graph. Its bytes depend only on the spans, and not on
their order, the input format or the number of files.

	type Graph struct {
		Schema int    // 1; increases when a field changes its meaning
		Nodes  []Node // sorted by namespace, name, type
		Edges  []Edge // sorted by caller, callee, kind
		Report Report // the outcome of every span
	}
	type Node struct {
		ID        string  // namespace/name, or the name alone without a namespace
		Namespace string
		Name      string
		Type      string  // service; without spans of its own: database, queue, external, ...
		Entries   float64 // requests from outside
		Requests  Stats   // all requests, including those from outside
	}
	type Edge struct {
		From, To       string  // IDs of nodes
		Source, Target int     // indexes in Nodes
		Kind           string  // request or message
		Calls, Errors  float64
		Caller, Callee *Stats  // as each side saw the calls; absent if it sent no spans
		...
	}
	type Stats struct {
		Calls, Errors float64
		Observed      uint64   // number of spans
		Latency       *Latency // count, sum, min, max, p50, p95, p99 in nanoseconds, and buckets
	}

In the JSON, the names of fields begin with a lower-case letter, such as "from". New
fields may appear without a new schema. The JSON Schema servicegraph/graph.schema.json
describes all fields.

# Rules

Graphviz-export check verifies rules about which service may call which. It draws
nothing, and exits with 1 if a rule is broken.

	$ graphviz-export check --rules examples/traces/hotrod.rules examples/traces/hotrod.jsonl.gz
	8 rules: all hold in 6 services, 5 edges, 55 traces

A file of rules has one rule per line:

	never frontend -> mysql
	only customer -> mysql
	layers frontend > customer, driver, route > mysql, redis-manual
	per-trace frontend -> customer at most 1
	errors frontend -> * at most 5%
	latency caller p95 frontend -> route at most 100ms

The documentation of the Go package servicegraph/graphtest describes all rules and how
to write nodes; the package verifies the same rules in unit tests. An unknown word is an
error with its position.

With --golden, the file is a golden topology as graphtest.Golden writes it: the calls
that some services promise to make, and no others. Each team can keep such a file for its
service. Several files are checked together, and the report names the file of each broken
promise.

The report goes to standard output: as text, or with --format as json, as junit for the
test reports of CI systems, or as github for annotations at the lines of the rules in a
pull request. The flags for input are the same as for drawing. The JSON report is an
object of the type Report; the names of its fields begin with a lower-case letter:

	type Report struct {
		Holds         bool // all rules hold
		Traces, Spans int
		Rules         []Rule // in the order of the files
	}
	type Rule struct {
		Rule       string // the text of the rule
		File       string
		Line       int
		Holds      bool
		Violations []struct {
			Message     string
			Edges       []Edge   // edges of the graph that break the rule
			Missing     []Edge   // edges that the rule wants and the graph lacks
			Explanation []string // lines
		}
	}
	type Edge struct {
		From, To string   // namespace/name, or the name alone without a namespace
		Kind     string   // request or message
		Traces   []string // ids of example traces
	}

# Viewer

Graphviz-export serve shows the graph in a browser, with search, filters and tables, and
keeps it up to date until Ctrl-C. An update does not change the selection or the view.

With --otlp it receives the spans that services send, without Tempo and without the
OpenTelemetry Collector. Services that export to the default endpoint of OTLP need no
configuration:

	graphviz-export serve --otlp --open

A trace is open until no span of it has arrived for 10 seconds, and at most for 5 minutes
after its first span. A call of an open trace is not drawn before the span of the callee has
arrived. So a database or another uninstrumented dependency appears 10 seconds after the
first call to it, and no node disappears again. The report counts the spans that wait.
A call stays where the graph has shown it. If a service answers at an address for the first time
after failed calls to the address were drawn as calls to an uninstrumented dependency, these calls
stay there, and later ones lead to the service. A message that was drawn as one to a queue stays one
if the span of the consumer comes more than 10 seconds later. A call moves only if the span of the
callee comes so late. The graph of the same spans from a file has all calls where they belong.

The graph covers all spans since the start, or with --window 15m the traces that were
complete in the last 15 minutes. A trace is complete about half a minute after its last
span. In the report, readers can change the window, pause, clear the graph and, with Tempo,
change the time range. A pause stops the updates of one page; the other changes are for all readers.
The panel of a call draws the rate and the errors of the call since the report was opened.

The panels of nodes and calls say how many entries, and which part of the requests, a failure
reaches. The numbers are exact while the traces of the graph are held in memory: for files and
Tempo, and with --otlp for half a minute. After that, the panel shows upper bounds from the graph
("at most"), followed by the exact numbers of the most recent traces. While more than 20,000 spans
are held with --otlp, there are only the upper bounds: counting would hold up requests.

The size of the graph depends on the number of services
and of calls between them, not on time: complete traces are counted and forgotten, and
at most 200,000 spans in 50,000 incomplete traces are held. Nodes, edges and names have the
limits that they have in files. Invalid spans are rejected, and the sender is told. A request
may have at most 16 MiB. All requests that are being received may have 80 MiB together. Beyond
that, the requests that have been arriving longest are refused, and their senders are told to
retry a second later, so that slow senders do not delay others. At most 1,000 connections are
open, over both protocols. Beyond that, the connection that has gone longest without delivering a
request is closed. Beyond 2,000 requests that are arriving, the connection with most of them is
closed, and so is a connection that sends 160 KiB without delivering a request or a part of one. A
warning on standard error counts the closed connections. The page's port has a bound of 500
connections, and closes the one that has gone longest without a request.

Without --otlp, the input is the same as for drawing: files, which are read again when
they change; or Tempo, which is queried again every 30 seconds (--every), for the same
time range relative to now. If reading fails, the viewer keeps the last graph and shows the
error, which is also printed once on standard error.

	graphviz-export serve --tempo http://localhost:3200 --since 15m --every 10s

The viewer can be reached only from this machine, unless --listen says otherwise; the
same holds for the OTLP receiver with --otlp-grpc and --otlp-http. There is no password:
everyone who can reach these ports can see the graph and send spans, and a warning says so
when other machines can. Web pages can neither read the graph nor send spans. The viewer also
serves the graph in every format, for example at /graph.json and /graph.svg.

# Topology

Graphviz-export topology answers questions about the shape of the graph: which layers the
nodes form, which calls close a cycle, which nodes an entry needs to reach others, and which
entries and how many requests the failure of a node can reach.

	$ graphviz-export topology examples/traces/hotrod.jsonl.gz
	Entries  frontend

	Layers
	  0  frontend
	  1  customer, driver, route
	  2  mysql, redis-manual

	Cycles
	  none

	Single points of failure: without NODE, ENTRY reaches nothing of CUTS OFF
	  ENTRY     NODE      CUTS OFF
	  frontend  customer  mysql
	  frontend  driver    redis-manual

	Blast radius: the entries and the entry requests that use NODE, and AT MOST what its failure can reach in the graph
	  NODE          ENTRIES  REQUESTS  SHARE  AT MOST  DEPTH  LAYER  IN  OUT  BETWEENNESS
	  frontend       1 of 1        55   100%     ≤ 55      0      0   0    3            0
	  customer       1 of 1        53  96.4%     ≤ 53      1      1   1    1            1
	  mysql          1 of 1        53  96.4%     ≤ 53      2      2   1    0            0
	  redis-manual   1 of 1        52  94.5%     ≤ 55      2      2   1    0            0
	  route          1 of 1        52  94.5%     ≤ 55      1      1   1    0            0
	  driver         1 of 1        52  94.5%     ≤ 52      1      1   1    1            1

	Blast radius of the failure of all calls from one node to another
	  CALLS                  ENTRIES  REQUESTS  SHARE  AT MOST
	  customer → mysql        1 of 1        53  96.4%     ≤ 53
	  frontend → customer     1 of 1        53  96.4%     ≤ 53
	  driver → redis-manual   1 of 1        52  94.5%     ≤ 55
	  frontend → route        1 of 1        52  94.5%     ≤ 55
	  frontend → driver       1 of 1        52  94.5%     ≤ 52

	The graph falls apart without any one of  customer, driver, frontend

	From the graph of 6 services, 5 edges, 55 traces. REQUESTS and SHARE are exact, from 55 traces.

A node is one layer below the lowest of its callers. The betweenness of a node is the number of
shortest paths between two other nodes that lead through it. REQUESTS and SHARE are counted
in the traces. Without the traces, or where a filter has changed the nodes, there are only upper
bounds, because the graph shows what can be reached along its edges, and not what each request
needs. If nothing enters from outside, as in traces of jobs and load generators, the traces that
services begin by themselves take the place of entry requests, and the last line says so. The work of
a consumer for a message from another trace does not count for the request that
sent the message; the last line says how many such messages there are. The flags for input and
filters are the same as for drawing. With --json the answers are an object, whose field basis says
what the answers rest on:

	type Answers struct {
		Basis              string
		Entries            []string   // names of nodes, with [type] unless it is service
		Layers             [][]string
		Cycles             []struct{ Nodes []string; Closing []struct{ From, To string } }
		SinglePoints       []struct{ Entry, Node string; CutsOff []string }
		ArticulationPoints []string
		Nodes              []struct {
			Node          string
			Depth         int // calls from the nearest entry; -1 if no entry leads to the node
			Layer         int
			FanIn, FanOut int
			Betweenness   float64
			Radius        // the fields of a Radius
		}
		Calls []struct {
			From, To string
			Radius
		}
		Exact string // what the exact numbers rest on; empty if there are none
	}
	type Radius struct {
		Entries         []string // that a failure of the node or the calls can reach
		RequestsAtMost  float64  // entry requests that the failure can reach; null if the graph has none
		ShareAtMost     float64  // fraction of all entry requests, from 0 to 1; null if RequestsAtMost is null
		OfEntries       int
		OfEntryRequests float64
		ExactEntries    []string // whose requests use the node or the calls, as counted in the traces
		ExactRequests   float64  // null if the traces are not held
		ExactShare      float64
	}

# Diff

Graphviz-export diff compares two graphs, and reports what is new, gone, slower, failing more
often, or called more often for each request. BASE and HEAD are files of traces or of graphs,
or directories.

	$ graphviz-export diff examples/ci/before.json.gz examples/traces/hotrod.jsonl.gz
	base  5 nodes, 4 edges, 55 traces, 55 entry requests, 2,007 spans, 2026-11-22 17:41:48 UTC for 26.2 s
	head  6 nodes, 5 edges, 55 traces, 55 entry requests, 2,060 spans, 2026-11-22 17:41:48 UTC for 26.2 s

	CHANGE       WHERE                  METRIC             BASE     HEAD     SIZE (95% INTERVAL)      SAMPLES
	new node     mysql                  calls per request  –        0.964                             53 samples
	new edge     customer → mysql       calls per request  –        0.964                             53 samples
	more errors  driver → redis-manual  failed calls       0%       19%      +19 points (+14 to +23)  305 and 305 samples
	slower       frontend → route       median latency     38.5 ms  51.1 ms  +33% (+28% to +39%)      273 and 273 samples

	6 nodes and 5 edges compared in 14 tests; the probability of any false alarm is at most 1%.

Calls are divided by the entry requests that can lead to them, so the two sides may cover
times of different length and load. A difference is reported as a change only if chance does not
explain it: a diff of unchanged traffic reports a change with a probability of at most
--false-alarms. A change must also be as large as --min-errors, --min-latency or --min-calls. Where
there are too few calls to tell, the diff says so. The interval in the table contains the
size of the change with a probability of 95 %. Samples are independent samples: calls of one
trace count as less than one sample each. The documentation of the Go package
servicegraph/graphdiff describes the tests.

A node or an edge that only one side has is reported if chance does not explain its absence on the
other side. If both sides made the same requests, as in an integration test, --same-requests reports
all such nodes and edges.

With --explain, the diff explains each comparison of the nodes and the edges whose text, such
as "route" or "frontend → route", matches a regular expression:

	$ graphviz-export diff --explain 'frontend → route' examples/ci/before.json.gz examples/traces/hotrod.jsonl.gz
	frontend → route: worse
	  calls per request: 9.45 → 9.45, +0% (-32% to +47%); 52 and 52 samples, p = 1: same
	  failed calls: 0% → 0%, +0 points (-1.4 to +1.4); 273 and 273 samples, p = 1: same
	  median latency: 38.5 ms → 51.1 ms, +33% (+28% to +39%); 273 and 273 samples, p = 1.5e-35: worse
	  p95 latency: 54.8 ms → 72.9 ms, +33% (+20% to +46%); 273 and 273 samples, p = 7e-08: same, because the whole distribution has changed
	  latencies as the caller measured them
	  a slow call of the base: trace ac40e77252cfbeca0550d3e49b57c9e4 span 9cb199a13f3c1118, 64.1 ms
	  a slow call of the head: trace 5340e77252cfbeca0550d3e49b57c9e4 span 9cb199a13f3c1118, 85.5 ms

With --tempo, HEAD comes from Tempo, and without BASE also the base. The time range of the head is
that of --since, --from and --to, and the time range of the base that of --base-since, --base-from
and --base-to. By default, the base ends where the head starts, and is as long:

	graphviz-export diff --tempo http://localhost:3200 --since 15m
	graphviz-export diff --tempo http://localhost:3200 --since 15m --base-from now-1d --base-to now-23h
	graphviz-export diff --tempo http://localhost:3200 before.json

With --fail-on, the exit status is 1 if there is a change of one of these kinds: new-node,
gone-node, new-edge, gone-edge, error-rate (more calls fail), latency (slower) or calls (more
or fewer calls for each request). Fewer errors and lower latencies never fail. The directory
examples/ci has a workflow that posts the diff as a comment on a pull request.

The formats are text; markdown for a comment; json; the formats junit and github of check, in
which each kind of change is a rule; and svg, png and html, whose image shows both graphs: new and
better nodes and edges are green, those that are gone are dashed, those that are worse are red, and
the line of a larger change is thicker. The JSON is an object of the type Diff; the names of
its fields begin with a lower-case letter:

	type Diff struct {
		Changed     bool
		Basis       string // what the diff rests on
		Base, Head  struct {
			Nodes, Edges, Traces, LeftOutTraces, Spans, SampledSpans int
			EntryRequests float64
			First, Last   string // RFC 3339; absent if unknown
		}
		FalseAlarms float64 // probability of any false alarm
		Tests       int
		Nodes       []struct {
			Node, Type  string
			Verdict     string // new, gone, worse, better, more, fewer, unsure or same
			Comparisons []Comparison
		}
		Edges []struct {
			From, FromType, To, ToType, Kind string
			Verdict     string
			LatencySide string // caller or callee
			Comparisons []Comparison
		}
		Renamed []struct{ From, To string } // pairs that look like one node
		Notes   []string                    // what makes the comparison less exact
	}
	type Comparison struct {
		Metric     string // presence, calls, errors, latency (the median) or tail (p95)
		Unit       string // of Base and Head
		Verdict    string
		Base, Head float64
		Size       float64 // head/base or head-base, as SizeUnit says; absent if unknown
		SizeUnit   string
		Low, High  float64 // 95 % interval of Size
		BaseSamples, HeadSamples float64 // independent samples
		P          float64 // probability of such a difference without a change
	}

# Critical path

Graphviz-export critical prints what requests wait for. At each moment a trace waits for one
span: for the child that ends last, or for the span itself if no child runs. These times are
the critical path of the trace; making anything else faster saves nothing.

	$ graphviz-export critical --top 5 --what-if mysql=100ms examples/traces/hotrod.jsonl.gz
	Entries
	  ENTRY               REQUESTS      P50      P95      P99
	  frontend /dispatch        54   784 ms   977 ms   994 ms
	  frontend /config           1  39.7 µs  39.7 µs  39.7 µs

	What requests wait for: SHARE of the time of all requests, SLOW of the slowest 5%
	  NODE          SHARE   SLOW  PER REQUEST
	  mysql           50%    56%       378 ms
	  redis-manual    26%    23%       196 ms
	  route           24%    20%       184 ms
	  frontend      0.45%  0.36%       3.4 ms
	  driver        0.07%  0.05%       500 µs
	  and 1 more: see --top

	Time within calls; SLACK is the least by which a call beside another one ended earlier
	  CALL                   SHARE  SLOW  PER REQUEST  NETWORK    SLACK  SUPPRESSED ERRORS  THEIR TIME
	  frontend → customer      50%   57%       379 ms    0.11%        –                  –           –
	  customer → mysql         50%   56%       378 ms        –        –                  –           –
	  frontend → driver        26%   23%       197 ms    0.24%        –                  –           –
	  driver → redis-manual    26%   23%       196 ms        –        –                130        9.7%
	  frontend → route         24%   21%       186 ms    0.92%  10.1 µs                  –           –

	Operations
	  OPERATION                   SHARE   SLOW  PER REQUEST
	  mysql SQL SELECT              50%    56%       378 ms
	  route /route                  24%    20%       184 ms
	  redis-manual GetDriver        23%    20%       175 ms
	  redis-manual FindDriverIDs   2.7%   2.3%      20.6 ms
	  frontend HTTP GET           0.28%  0.21%      2.11 ms
	  and 5 more: see --top

	If each request into mysql took 100 ms less, requests would save
	  ENTRY                  MEAN     P50      P95
	  frontend /dispatch  98.1 ms  101 ms  92.3 ms
	  frontend /config       0 ms    0 ms     0 ms

	From the paths of 55 traces, 41.9 s long together, of 2,060 spans.

The time of a node is the node's own work or, if the node sends no spans, the time that its callers
waited for it; the times of all nodes add up to 100 %. The time of a call contains everything that
the callee did for it. SLOW is the fraction of the time of the slowest 5 % of the requests of
each entry. NETWORK is the fraction of the time of a call between its two sides. A suppressed
error is a failed call of a request that succeeded, such as one that was retried.

Clocks are corrected: a server span outside its client span, but short enough, moves to the
middle of the client span. Nobody waits for consumers of messages, nor for work in a service
that goes on after its parent for more than a tenth of its own duration. The Go package
servicegraph/critpath describes the details.

With --what-if NODE=DURATION, each trace is replayed with DURATION less work of NODE in each
request to it, or with no work of NODE if the work took less. All other work takes as long as
before, so a call that runs beside a longer one saves nothing. NODE is a name as the answers have
it, with or without the type in brackets.

With --percentile, SLOW is about another part of the requests: 99 stands for the slowest 1 %.

A file of a million spans takes a few seconds and less than 300 MB. At most 2,500,000 spans are
held. When the input has more, the traces that came first are finished early, and the last line counts
these traces and the spans that arrived after their trace was finished. It also says what other
limits cost: those on names, calls and sums, which keep the memory below 1 GiB for any input.

With --color critical, an image shows the critical path: a node is red if requests wait for it for
20 % of their time or more, and orange from 5 % on. The share of an edge contains everything that the
callee did for the call. The flag applies to svg, png and dot.

	$ graphviz-export --color critical -o critical.svg examples/traces/hotrod.jsonl.gz
	6 services, 5 edges, 55 traces → critical.svg

The formats are text, json, and folded: the stacks of operations on the path with their
microseconds, for flame graphs. The JSON is an object of the type Critical; the names of its
fields begin with a lower-case letter, and times are in nanoseconds:

	type Critical struct {
		Basis               string // what the answers rest on
		Traces              int
		TracesWithoutRoot   int // they have no path
		TracesFinishedEarly int // to limit memory
		Spans, LateSpans    int
		SampledSpans        int // with a sampling weight; each trace counts once all the same
		CountedAsOther      int // how often a name beyond a limit counted as the operation or node "other"
		NamesCut            int // how often a name of more than 1 KiB was cut
		CountedRoughly      int // how often the limit on memory made a duration approximate
		TimeNs              int // of all paths
		Entries []struct {
			Node, Operation     string
			Requests            int
			TimeNs, SlowNs      int
			P50Ns, P95Ns, P99Ns int
		}
		Nodes, Operations []struct {
			Node, Operation string
			TimeNs, SlowNs  int
			Share           float64 // of the time of all paths
		}
		Calls []struct {
			From, To              string
			TimeNs, SlowNs        int
			Share                 float64
			Traces                int
			NetworkNs             int
			OffPath               int // calls that another one hid
			MinSlackNs, MeanSlackNs int // of these
			SuppressedErrors, SuppressedNs int
			Slowest []struct{ Trace string; TimeNs int }
		}
		WhatIf []struct {
			Node    string
			LessNs  int
			Entries []struct{ Node, Operation string; MeanNs, P50Ns, P95Ns int } // saved
		}
	}

# MCP

Graphviz-export mcp answers the questions of language models over the Model Context
Protocol, on standard input and output. It reads the traces once, from files or from Tempo,
when it starts, and keeps them in memory. A client is configured with the command, for
example:

	{"mcpServers": {"traces": {"command": "graphviz-export", "args": ["mcp", "--base", "before.json", "traces/"]}}}

The tools are graph, neighbors (the calls of one node), explain (why there is a call, or
none), blast_radius (of a node, or of the calls between two), critical_path, check (rules), and
diff, which compares with the graph or the traces of --base and explains why it reports a change.
Every answer is an object, whose field basis says what the answer rests on and
what makes the graph incomplete. The list of tools describes every field with its unit:
latencies are in seconds, and ratios and shares are from 0 to 1. A list has at most 50
items, or as many as the argument limit says, up to 200, and a text has at most 2 KiB; the
answer counts the items left out. The server reads only what its command line names, and
writes no file. It ends when its standard input ends.

# Doctor

Graphviz-export doctor finds what is broken between a program and Grafana's Service Graph:
in the OpenTelemetry Collector, in Tempo with its metrics-generator, or in Prometheus. Most
mistakes raise no error anywhere: a chart ignores a key in the wrong spelling, and a
generator without processors writes nothing. Doctor asks the running servers, reads their
configuration files, or both.

With --otlp, --tempo and --prometheus it walks the pipeline hop by hop:

	graphviz-export doctor --otlp http://localhost:4318 --tempo http://localhost:3200 --prometheus http://localhost:9090

It sends a trace of one call, from the service tempograph-probe to a service whose name is
tempograph-probe-target- and a random number, and follows it to the series in Prometheus. Both
services appear in the graph. The series take up to a minute. A hop that fails is marked ✗, with what to do,
and the exit status is 1. A hop is not checked if the server of the hop is not named, or if an
earlier hop failed. The names of the hops are settings, resolve, connect, tls,
protocol, auth, tempo, tempo access, trace by id, search, generator, service-graphs,
prometheus, remote write, series, propagator, service.name and sampler. The last three
belong to a program: otelsetup's SDK.CheckPipeline checks them there.

For the receiver, doctor reads the variables OTEL_EXPORTER_OTLP_* as package otelsetup does,
for example OTEL_EXPORTER_OTLP_HEADERS; for Tempo, the credentials are those of the other
commands; for Prometheus, PROMETHEUS_BEARER_TOKEN, or PROMETHEUS_USERNAME and
PROMETHEUS_PASSWORD. Without a file and without these flags, the environment names the
servers.

With files, it prints each mistake, for example that Helm values spell the key of the generator as
Tempo's own configuration does:

	✗ values.yaml:9: the chart tempo-distributed reads metricsGenerator; Helm ignores metrics_generator without a word
	      metricsGenerator:

Each finding has the file, the line, and the corrected lines or the lines to add. A finding
marked ✗ breaks the pipeline, and the exit status is 1; a finding marked ! breaks most set-ups
and is right in some; a file marked ? is not checked.

A FILE is YAML: Helm values of the charts tempo-distributed, tempo, prometheus,
kube-prometheus-stack and opentelemetry-collector; a configuration of Tempo, of its
tenants, or of the Collector; Kubernetes manifests, as helm template writes them; a Docker
Compose file; or the data sources of Grafana. A directory stands for all files below it
whose names end in .yaml or .yml. Each file is checked by itself: what a values file leaves
out is taken to be the default of the chart. For several values files of one chart, give
the output of helm template.

With files alone, doctor opens no connection. With --json it writes an object of the type
Findings; the names of its fields begin with a lower-case letter:

	type Findings struct {
		Healthy bool // no file has an error, and no hop failed
		Files   []struct {
			File      string
			Error     string // why the file could not be read to its end
			Documents []struct {
				Line int
				Kind string // what the document was taken for; empty if unknown
			}
			Findings []struct {
				File     string
				Line     int
				Severity string // error or warning
				Problem  string
				Fix      string // the corrected lines, or the lines to add
			}
			Omitted int // findings beyond the first 200
		}
		Hops []struct { // missing if no server is named
			Hop     string
			Outcome string // passed, failed or not checked
			Detail  string // what was found, what is wrong, or why it was not checked
			Fix     string
		}
	}

# Completion

Graphviz-export completion writes a script with which a shell completes commands,
flags, file names and formats. Load it in a startup file of the shell:

	source <(graphviz-export completion bash)
	source <(graphviz-export completion zsh)
	graphviz-export completion fish | source
	graphviz-export completion powershell | Out-String | Invoke-Expression

# Environment

	TEMPO_ADDR, TEMPO_URL            URL of Tempo, if neither --tempo nor a file is given
	TEMPO_ORG_ID                     tenant, like --org-id
	TEMPO_USERNAME, TEMPO_PASSWORD   user and password for basic authentication
	TEMPO_BEARER_TOKEN               bearer token, instead of a user and password
	TEMPO_BEARER_TOKEN_FILE          file that holds the bearer token
	TEMPO_CA_CERT_PATH               file of CA certificates to trust instead of the system's
	TEMPO_CLIENT_CERT_PATH, TEMPO_CLIENT_KEY_PATH
	                                 files of the client certificate and its key
	HTTP_PROXY, HTTPS_PROXY, NO_PROXY
	                                 proxies between here and Tempo, as for other programs

# Exit status

	0    success
	1    failure: standard error says why, and nothing was written;
	     check: a rule is broken (on an empty graph every rule fails except empty);
	     diff: there is a change that --fail-on names, or the graphs cannot be compared;
	     doctor: a hop failed, or a file has a mistake or could not be read
	2    usage error: a wrong flag, or a query that Tempo rejects
	3    nothing matched: no traces, no trace with this id, or no node left after filters;
	     nothing was written (with --allow-empty: an empty graph, and status 0)
	4    the output was written, but is incomplete: some input could not be read
	130  interrupted by Ctrl-C; nothing was written (serve ends with 0)
*/
package main
