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

A FILE contains traces in the OpenTelemetry protocol (OTLP). A JSON file has one request,
or one request per line, as the OpenTelemetry Collector's file exporter writes it. A
protobuf file has one request, or length-delimited requests. The JSON of Tempo's trace
API, of Jaeger and of Zipkin is read as well. The format is detected from the content;
gzip and zstd are decompressed. Several files give one graph, and the spans of one trace
may be in different files.

The file - is standard input. Standard input is also read when no file is named and
TEMPO_ADDR is unset. A directory stands for all files in it and below it whose names
end in .json, .jsonl, .ndjson, .pb, .binpb, .protobuf or .otlp, optionally followed by
.gz or .zst; other files, and symbolic links to directories, are skipped and counted on
standard error. A pattern such as 'traces/*.json' stands for the files that it matches.

If there are several files, such as those of a directory or a pattern, a file is left out if it
is empty, is not a trace file, or has no record that can be read. Standard error names the
file, and the exit status is 4. If such a file is the only one, the command fails. The command
also fails if any file does not exist or cannot be opened.

A file may be larger than memory. At most 2,500,000 spans are held at a time; a span link
of a consumer counts as four. When the input has more, the traces idle longest are counted
first; the summary says how many. A span that is read after its trace was counted is skipped
and reported, so the spans of one trace should be close together in the input. Reading a
file of less than 1 GiB takes less than 1 GiB of memory, even if the file is compressed.

A graph distinguishes at most 10,000 nodes and 100,000 edges. The flags --max-nodes and
--max-edges set other limits; a node takes about 1 kB of memory, and an edge about 1.5 kB. Nodes
beyond the limit become one node named other for each type, and the edges beyond the limit lead
to such a node. Edges to uninstrumented dependencies have a separate limit of the same size.
Names are cut to 1 KiB. The heading says which of these limits were reached, and how often.

One record, which is a request of OTLP, a trace of Jaeger or a span of Zipkin, must fit into
memory. A record of more than 64 MiB is skipped and reported; --max-record raises the limit.
Reading a record takes about three times the size of the record.

A file can also contain a graph that graphviz-export has written as JSON. Graphs and
traces add up: a file of one hour and a file of the next hour give the graph of two
hours. A trace that is in both files is counted twice.

A file can also contain a list of dependencies, which Jaeger and Zipkin compute from their
traces: the answer of Jaeger's /api/dependencies or Zipkin's /api/v2/dependencies. The graph
of such a list has the number of calls and, from Zipkin, the number of errors. Jaeger does not
count errors, so the graph of its list has 0 errors. The graph has no latencies, times or rates,
every node is a service, and requests from outside are unknown.

	curl 'http://localhost:16686/api/dependencies?endTs=1769851800000&lookback=86400000' | graphviz-export -o graph.svg

With --tempo, or with TEMPO_ADDR and no file, traces are read from Tempo's HTTP API.
The URL may have a path, for example behind a proxy. A trace is read in full if any of
its spans matches --query and lies in the time range. Only the newest traces are read, at
most --limit. If others were left out, a warning and every output say so: "newest
10,000 traces of the last 1h (limit reached)". With --trace, traces are read by their ids
instead. The flag --trace also selects traces in files, and the other traces are skipped.

With --prometheus, the graph is built from the series traces_service_graph_* in Prometheus, which
Tempo's metrics-generator, the Collector's service graph connector, or Beyla write. No trace is
read, so this works at any scale. Calls and errors are exact, with one exception: Beyla counts a
call once for each side that it sees, so if one side saw fewer calls than the other, the number
of errors is an estimate. Latencies are as precise as the buckets of the histograms, and a message
says by which factor a quantile can be wrong. The flag --selector restricts the series, for
example to one cluster. The graph has no traces: --query, --trace, --limit and the flags that
interpret spans do not apply. The flags for credentials apply, but the environment variables
for credentials are for Tempo alone.

The flag --estimate-series prints how many series the graph would have in Prometheus, before you
turn on the service-graphs processor.

Secrets need not be on the command line, where other users of the machine can see them:
passwords and tokens come from the environment or from files, and headers can come from
a file, with --header @FILE.

The time range starts at --from and ends at --to. Instead of --from, the flag --since gives
the length of the range. Without --to, the range ends now. A duration has the syntax of Go or of
Prometheus: 90s, 1.5h, 1h30m, 1d12h, 2w. A time is one of: 2026-01-31T09:30:00Z, with any zone;
2026-01-31, '2026-01-31 09:30' or 09:30 (today), in local time, or in UTC with --utc; Unix
seconds or milliseconds; now, or now-2d. The flag --since accepts a time as well.

When files are read, the time range selects whole traces: a trace is in the range if its earliest
span starts in the range. The heading says how many traces were left out. Without --to the range
has no end, and with --to alone it has no start. A trace without any time is left out. The files
are read twice, which takes about 60 bytes of memory for each trace. Standard input and pipes are
first copied into a temporary file, so they must end. The command serve computes the range again
when a file changes. A file with a graph or a list of dependencies has no times of traces, so such
a file cannot be read with a time range.

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

	--errors-of SIDE   count only the errors that one side of a call saw: caller or callee
	--ignore RE        drop the nodes and all calls from and to them
	--gateway RE       like --hide, and requests from outside to a hidden node become
	                   requests from outside to the nodes that it calls
	--hide RE          hide the nodes and keep the calls through them: A → hidden → B
	                   becomes A → B, as the traces show. The calls that ended in a
	                   hidden service, and their errors, are counted below the graph.
	                   If the input is a graph, which has only sums of calls, the edge
	                   A → B is an estimate, drawn as a dotted line
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
	--rename RE=NAME   rename nodes: '^(.*)-v[0-9]+$=$1' makes one node of cart-v1 and
	                   cart-v2. RE is searched for in the name, and if it does not match,
	                   in namespace/name. NAME replaces the whole name, and $1 in NAME
	                   stands for the first group of RE. If several rules match a node,
	                   the first one applies. If a dependency gets the name of a service,
	                   its calls are calls to that service
	--rename-file FILE read such rules from a file, one on each line; # starts a comment;
	                   --rename @FILE does the same
	--queue-nodes      queues and topics are nodes between producers and consumers
	--user-node        requests from outside are calls from a node named user
	--http-errors      HTTP status 500 and above is an error, even if the span has no status
	--not-error X,Y    do not count these outcomes as errors. An outcome is a status code of
	                   HTTP or gRPC, a class such as 4xx, or a value of error.type:
	                   404, or canceled for hedged calls
	--infer            guess that a call without a callee led to a server span whose parent
	                   is missing. The span must lie within the time of the call, and must
	                   be the only such span, or name the same RPC service or host
	--no-address-learning
	                   By default, a call without a server span, such as a failed call to
	                   a service that is down, goes to the service that answered other
	                   calls to the same address and port. With this flag, the call goes
	                   to a node named after the address
	--no-embedded-databases
	                   leave out databases that run inside a service, such as SQLite

# Output

The extension of the file after -o selects the format: .svg, .png or .dot for an image;
.html for an interactive report, a single file that loads nothing from the network;
.mmd for a Mermaid flowchart, which GitHub and GitLab render; .md or .txt for a table;
.csv, .graphml or .json for other programs. The flag -o can be repeated, to write several
files after reading the traces once. The flag -f names the format, or its extension,
independently of the file name. Two formats have no extension: -f grafana, for Grafana's node
graph panel, and -f sequence. The flag --open opens the report that was written. Without -o, the
output goes to standard output, as a table or in the format that -f names:

	$ graphviz-export --quiet -f dot examples/traces/hotrod.jsonl.gz | head -n 1
	digraph servicegraph {

In tables, --sort selects the order of the rows, and --columns selects the columns. The mark ▲
stands for a warning and ● for an error; --warn and --error set the limits. The mark ○ stands for
errors from which the callers recovered: they repeated the call or went on without a result, and
their own requests did not fail. These errors are a warning at most. With --slow, a p95 of at
least that duration is a warning as well. On a terminal, warnings and errors are colored, unless
the environment variable NO_COLOR is set.

	$ graphviz-export --quiet --sort errors --columns calls,errors,recovered,p95 examples/traces/hotrod.jsonl.gz | head -n 3
	SRC      → DST           CALLS     ERR  RECOVERED      P95
	driver   → redis-manual    702   ○ 19%        130  32.6 ms
	frontend → customer         53  ▲ 1.9%          0   549 ms

A file is written completely or not at all: an existing file is replaced only after the
whole new file is on the disk. If there are several outputs, all are written or none. A
symbolic link stays, and the file to which the link leads is written. The new file has the mode
of the old file and, where the system allows this, the same owner. Other hard links to the old
file keep the old content.

The summary and all messages go to standard error. The flag --quiet leaves only warnings
and errors; --verbose adds details for diagnosis. On a terminal, characters
that would change how the terminal shows a line are escaped.

An image of up to 150 nodes and 300 edges shows the whole graph. In an image of a larger
graph, each namespace is a card with the sums of its services and of the databases that only
these services call. A failing node keeps its own card, and so does each node on a path from an
entry (a node with requests from outside) to a failing node. The flag --expand shows the services
of a namespace. If more than about 80 cards are left, the image shows the most important ones:
first the failing nodes and calls, then the paths from the entries to the failures, then the
busiest nodes. The heading says what is collapsed and what is left out. Nothing is collapsed in a
graph with fewer than two namespaces. Filters choose another part of the graph, and --force draws
everything. If an image has more than 20 nodes or would not fit a screen, a database or an
external host that only one service calls is drawn in the card of that service. If there is no
room for the label of an edge, the edge has a number, and the list below the graph has the label.
If Graphviz cannot lay out a graph, a simpler layout is used, and the heading says so. A Mermaid
flowchart is limited in the same way, to at most 100 nodes and 200 edges: Mermaid can lay out a
graph of this size.

The diagram of an HTML report shows the same as an image; a click on the card of a namespace shows
the services of the namespace and their neighbors. The tables contain everything and can be
searched. With the filters, the report shows only the failing nodes and calls, only busy calls,
only some namespaces, or only the nodes within a few calls of one node. The report lays out the
filtered graph with a copy of Graphviz, which adds 0.6 MB to the file; with
--layout-in-page=false, the filters only hide parts of the diagram. If the search finds a node
that is not drawn, the report draws the node with its neighbors. The key ? lists all keys.

# Sequence diagram

With -f sequence, one trace becomes a sequence diagram for Mermaid, and with -f plantuml or the
extension .puml, one for PlantUML. The flag --trace selects the trace in Tempo or in files. If the
input has only one trace, the flag can be left out.

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
arrow and no reply. The diagram has no time scale. If a trace has more than 100 calls, the diagram
shows the calls that failed, the calls that took longest, and the calls that led to these; notes
count the other calls. Of the filters, only --hide and --gateway apply.

# JSON

The JSON is an object of the type Graph. The bytes of the JSON depend only on the spans, and
not on the order of the spans, the input format or the number of files.

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

With --golden, the file is a golden topology, as graphtest.Golden writes it. The file lists
all calls of some services: the check fails if one of these services makes another call, or
does not make a call in the list. Each team can keep such a file for its service. Several files
are checked together, and the report names the file that each violation breaks.

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

A trace is open until no span of the trace has arrived for 10 seconds, and at most for 5 minutes
after the first span. A call of an open trace is drawn only after the span of the callee has
arrived. A database or another uninstrumented dependency sends no spans, so it appears 10 seconds
after the first call to it. No node disappears again. The report counts the spans that are not
drawn yet.

A call that was drawn keeps its callee. For example, failed calls to an address are drawn as calls to
an uninstrumented dependency. If a service answers at the address for the first time afterwards,
the failed calls stay where they are, and only later calls lead to the service. A message that was
drawn as a message to a queue keeps this edge if the span of the consumer arrives more than 10
seconds later. If the span of the callee itself arrives more than 10 seconds late, the call is drawn
where it belongs, and the edge to the dependency keeps its number until it has as many other calls.
A graph of the same spans from a file shows the right callee of every call.

The graph covers all spans since the start, or with --window 15m the traces that became
complete in the last 15 minutes. A trace is complete about half a minute after its last
span. In the report, readers can change the window, pause, clear the graph and, with Tempo,
change the time range. A pause stops the updates of one page; the other changes are for all readers.
The panel of a call draws the rate and the errors of the call since the report was opened.

The panel of a node or a call says how many entries, and which fraction of the requests, a failure
of the node or the call can reach. The numbers are exact while the traces of the graph are held in
memory. Traces of files and Tempo are always held; with --otlp, traces are held for half a minute.
After that, the panel shows upper bounds from the graph ("at most"), followed by the exact numbers
of the most recent traces. While more than 20,000 spans are held with --otlp, the panel shows only
the upper bounds, because exact counting would delay the senders of spans.

The size of the graph depends on the number of services
and of calls between them, not on time: complete traces are counted and forgotten, and
at most 200,000 spans in 50,000 incomplete traces are held. Nodes, edges and names have the
same limits as for files. Invalid spans are rejected, and the sender is told. A request
may have at most 16 MiB. All requests that are being received may have 80 MiB together. Beyond
that, the requests that have been arriving longest are refused, and their senders are told to
retry a second later, so that slow senders do not delay others. At most 1,000 connections are
open, over both protocols. Beyond that, the connection that has gone longest without delivering a
request is closed. If more than 2,000 requests are arriving, the connection with the most of
these requests is closed. A connection that sends 160 KiB without delivering a request or a part
of a request is also closed. A warning on standard error counts the closed connections. The port
of the page accepts at most 500 connections. Beyond that, the connection that has gone longest
without a request is closed.

Without --otlp, the input is the same as for drawing: files, which are read again when
they change; or Tempo, which is queried again every 30 seconds (--every), for the same
time range relative to now. If reading fails, the viewer keeps the last graph and shows the
error. The error is also printed once on standard error.

	graphviz-export serve --tempo http://localhost:3200 --since 15m --every 10s

By default, the viewer and the OTLP receiver can be reached only from this machine. The flags
--listen, --otlp-grpc and --otlp-http set other addresses. There is no password: everyone who can
reach these ports can see the graph and send spans. A warning says so if other machines can reach
them. Other web sites in a browser can neither read the graph nor send spans. The viewer also
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

	Single points of failure: without NODE, ENTRY cannot reach the nodes in CUTS OFF
	  ENTRY     NODE      CUTS OFF
	  frontend  customer  mysql
	  frontend  driver    redis-manual

	Blast radius: the entries and entry requests that use NODE; AT MOST is the upper bound according to the graph
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

	The graph falls apart if any one of these nodes is removed: customer, driver, frontend

	From the graph of 6 services, 5 edges, 55 traces. REQUESTS and SHARE are exact, from 55 traces.

A node is one layer below the lowest of its callers. The betweenness of a node is the number of
shortest paths between two other nodes that lead through the node. REQUESTS and SHARE are counted
in the traces. If the input has no traces, or if a filter has changed the nodes, there are only
upper bounds, because the graph shows which nodes can be reached along its edges, and not which
nodes each request needs. If no request enters from outside, as in traces of jobs and load
generators, the traces that services begin by themselves count as entry requests, and the last
line says so. The work of a consumer for a message from another trace does not count for the
request that sent the message; the last line says how many such messages there are. The flags for
input and filters are the same as for drawing. With --json the answers are an object. Its field
basis says which graph and traces the answers were computed from:

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
		Exact string // the traces in which the exact numbers were counted; empty if there are none
	}
	type Radius struct {
		Entries         []string // entries that a failure of the node or the calls can reach
		RequestsAtMost  float64  // entry requests that the failure can reach; null if the graph has none
		ShareAtMost     float64  // fraction of all entry requests, from 0 to 1; null if RequestsAtMost is null
		OfEntries       int
		OfEntryRequests float64
		ExactEntries    []string // entries whose requests use the node or the calls, as counted in the traces
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

The number of calls is divided by the number of entry requests that can lead to the calls, so
BASE and HEAD may cover times of different length and load. A difference is reported as a change
only if chance does not explain the difference: a diff of unchanged traffic reports a change with a
probability of at most --false-alarms. A change must also be as large as --min-errors,
--min-latency or --min-calls. If there are too few calls to decide, the diff says so. The interval
in the table contains the size of the change with a probability of 95 %. The column SAMPLES counts
independent samples: calls of one trace count as less than one sample each. The documentation of
the Go package servicegraph/graphdiff describes the tests.

A node or an edge that only one of the graphs has is reported if chance does not explain its
absence in the other graph. If both graphs come from the same requests, as in an integration test,
--same-requests reports all such nodes and edges.

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

With --tempo, HEAD is read from Tempo, and so is BASE if no file is named. The flags --since,
--from and --to select the time range of HEAD, and --base-since, --base-from and --base-to that of
BASE. By default, the time range of BASE ends where that of HEAD starts, and both are equally long:

	graphviz-export diff --tempo http://localhost:3200 --since 15m
	graphviz-export diff --tempo http://localhost:3200 --since 15m --base-from now-1d --base-to now-23h
	graphviz-export diff --tempo http://localhost:3200 before.json

With --fail-on, the exit status is 1 if there is a change of one of these kinds: new-node,
gone-node, new-edge, gone-edge, error-rate (more calls fail), latency (slower) or calls (more
or fewer calls for each request). Fewer errors and lower latencies never fail. The directory
examples/ci has a workflow that posts the diff as a comment on a pull request.

The formats are text; markdown, for a comment; json; junit and github, as in check, where each
kind of change is a rule; and svg, png and html, with an image of both graphs. In the image, new
and better nodes and edges are green, worse ones are red, gone ones are dashed, and a thicker line
is a larger change. The JSON is an object of the type Diff; the names of its fields begin with a
lower-case letter:

	type Diff struct {
		Changed     bool
		Basis       string // how many nodes and edges were compared, in how many tests
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
		Notes   []string                    // reasons why the comparison is less exact
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

Graphviz-export critical prints what requests wait for. At each moment, a request waits for one
span. While a span has running children, the request waits for the child that ends last;
otherwise, it waits for the span itself. These times are the critical path of the trace.
Making other work faster does not make the request faster.

	$ graphviz-export critical --top 5 --what-if mysql=100ms examples/traces/hotrod.jsonl.gz
	Entries
	  ENTRY               REQUESTS      P50      P95      P99
	  frontend /dispatch        54   784 ms   977 ms   994 ms
	  frontend /config           1  39.7 µs  39.7 µs  39.7 µs

	What requests wait for; SHARE is the fraction of the time of all requests, SLOW that of the slowest 5%
	  NODE          SHARE   SLOW  PER REQUEST
	  mysql           50%    56%       378 ms
	  redis-manual    26%    23%       196 ms
	  route           24%    20%       184 ms
	  frontend      0.45%  0.36%       3.4 ms
	  driver        0.07%  0.05%       500 µs
	  and 1 more: see --top

	Time within calls; SLACK is how much longer the call could at least take without delaying its caller
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

	From the paths of 55 traces, with 2,060 spans; all paths together are 41.9 s long.

The time of a node is the node's own work. If the node sends no spans, the time is how long the
callers waited for the node. The times of all nodes add up to 100 %. The time of a call contains
everything that the callee did for the call. SHARE is the fraction of the time of all requests, and
SLOW is the same fraction for the slowest 5 % of the requests of each entry. NETWORK is the fraction
of the time of a call that passes between the two sides. SLACK is how much longer a call could take
before its caller has to wait for the call, because a call at the same time ends later; the column
has the smallest slack. A suppressed error is a failed call of a request that succeeded, for example
because the call was retried.

Clocks are corrected: if a server span lies outside its client span and is not longer than the
client span, the server span moves to the middle of the client span. Consumers of messages are not
on the critical path. Neither is work in the same service that goes on after its parent for more
than a tenth of the duration of this work. The Go package servicegraph/critpath describes the
details.

With --what-if NODE=DURATION, each trace is replayed as if each request to NODE needed DURATION
less work of NODE, or no work at all if the work took less than DURATION. All other work takes as
long as before, so making a call faster saves nothing while a longer call runs at the same time.
NODE is a name as in the output, with or without the type in brackets.

The flag --percentile changes which requests count in SLOW: 99 stands for the slowest 1 %.

A file of a million spans takes a few seconds and less than 300 MB. At most 2,500,000 spans are
held. When the input has more, the traces that came first are finished early, and the last line counts
these traces and the spans that arrived after their trace was finished. Further limits, on names,
calls and sums, keep the memory below 1 GiB for any input; the last line counts how often they
were reached.

With --color critical, an image shows the critical path: a node is red if requests wait for the
node for 20 % of their time or more, and orange from 5 % on. The time of an edge contains everything
that the callee did for the call. The flag applies to svg, png and dot.

	$ graphviz-export --color critical -o critical.svg examples/traces/hotrod.jsonl.gz
	6 services, 5 edges, 55 traces → critical.svg

The formats are text, json, and folded: the stacks of operations on the path with their
microseconds, for flame graphs. The JSON is an object of the type Critical; the names of its
fields begin with a lower-case letter, and times are in nanoseconds:

	type Critical struct {
		Basis               string // which traces and spans the answers were computed from
		Traces              int
		TracesWithoutRoot   int // traces without a finished root span, which have no path
		TracesFinishedEarly int // to limit memory
		Spans, LateSpans    int
		SampledSpans        int // with a sampling weight; each trace counts once all the same
		CountedAsOther      int // how often a name beyond a limit counted as the operation or node "other"
		LongNames           int // how often a name of more than 1 KiB was cut
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
			OffPath               int // calls off the path, because a call at the same time ended later
			MinSlackNs, MeanSlackNs int // of the calls off the path
			SuppressedErrors, SuppressedNs int
			Slowest []struct{ Trace string; TimeNs int }
		}
		WhatIf []struct {
			Node    string
			LessNs  int
			Entries []struct{ Node, Operation string; MeanNs, P50Ns, P95Ns int } // time saved
		}
	}

# MCP

Graphviz-export mcp answers the questions of language models over the Model Context
Protocol, on standard input and output. It reads the traces once, from files or from Tempo,
when it starts, and keeps them in memory. A client is configured with the command, for
example:

	{"mcpServers": {"traces": {"command": "graphviz-export", "args": ["mcp", "--base", "before.json", "traces/"]}}}

The server has these tools:

	graph          the nodes and the calls between them, the busiest first
	neighbors      the calls from and to one node
	explain        why one node calls another, or why it does not
	blast_radius   what the failure of a node, or of the calls between two nodes, can reach
	critical_path  what requests wait for
	check          which rules hold
	diff           what changed since the graph or the traces of --base, and why the diff
	               reports a change

Every answer is an object. Its field basis says which traces the answer was computed from,
and why the graph may be incomplete. The list of tools describes every field with its unit:
latencies are in seconds, and ratios and shares are from 0 to 1. A list has at most 50 items; the
argument limit sets another number, up to 200. A text has at most 2 KiB. The answer counts the
items that were left out. The server reads only the files and servers that its command line
names, and writes no file. The server ends when its standard input ends.

# Doctor

Graphviz-export doctor finds what is broken between a program and Grafana's Service Graph:
in the OpenTelemetry Collector, in Tempo with its metrics-generator, or in Prometheus. Most
mistakes raise no error anywhere: a chart ignores a key in the wrong spelling, and a
generator without processors writes nothing. Doctor asks the running servers, reads their
configuration files, or both.

With --otlp, --tempo and --prometheus it walks the pipeline hop by hop:

	graphviz-export doctor --otlp http://localhost:4318 --tempo http://localhost:3200 --prometheus http://localhost:9090

It sends a trace of one call, from the service tempograph-probe to a service whose name is
tempograph-probe-target- and a random number, and follows the trace to the series in Prometheus.
Both services appear in the graph. The series take up to a minute to appear. A hop that fails is
marked ✗, the line says how to fix the hop, and the exit status is 1. A hop is not checked if the
server of the hop is not named, or if an earlier hop failed. The names of the hops are settings, resolve, connect, tls,
protocol, auth, tempo, tempo access, trace by id, search, generator, service-graphs,
prometheus, remote write, series, propagator, service.name and sampler. The last three
belong to a program: otelsetup's SDK.CheckPipeline checks them there.

For the receiver, doctor reads the variables OTEL_EXPORTER_OTLP_* as package otelsetup does,
for example OTEL_EXPORTER_OTLP_HEADERS; for Tempo, the credentials are those of the other
commands; for Prometheus, doctor reads PROMETHEUS_BEARER_TOKEN, or PROMETHEUS_USERNAME and
PROMETHEUS_PASSWORD. If neither a file nor one of these flags is given, doctor takes the addresses
of the servers from the environment.

With files, doctor prints each mistake. In this example, Helm values have a key of Tempo's own
configuration that the chart spells differently:

	✗ values.yaml:9: the chart tempo-distributed reads metricsGenerator; Helm ignores metrics_generator without a warning
	      metricsGenerator:

Each finding has the file, the line, and the corrected lines or the lines to add. A finding
marked ✗ breaks the pipeline, and the exit status is 1. A finding marked ! breaks most set-ups
and is right in some. A file marked ? was not checked.

A FILE is YAML: Helm values of the charts tempo-distributed, tempo, prometheus,
kube-prometheus-stack and opentelemetry-collector; a configuration of Tempo, of its
tenants, or of the Collector; Kubernetes manifests, as helm template writes them; a Docker
Compose file; or the data sources of Grafana. A directory stands for all files below it
whose names end in .yaml or .yml. Each file is checked by itself: if a values file lacks a key,
the default of the chart is assumed. If a chart has several values files, check the output of helm
template instead.

With files alone, doctor opens no connection. With --json it writes an object of the type
Findings; the names of its fields begin with a lower-case letter:

	type Findings struct {
		Healthy bool // no file has an error, and no hop failed
		Files   []struct {
			File      string
			Error     string // why the file could not be read to its end
			Documents []struct {
				Line int
				Kind string // kind of the document, such as Helm values; empty if unknown
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
			Detail  string // the result, the fault, or the reason why the hop was not checked
			Fix     string // what to do
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
