package mcpserver

// The arguments and answers of the tools. Units are in the names of the fields.
type (
	limitArgs struct {
		Limit int `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	nodeArgs struct {
		Node  string `json:"node" jsonschema:"name of a node, as in the graph: namespace/name, or the name alone"`
		Limit int    `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	targetArgs struct {
		Node  string `json:"node" jsonschema:"name of a node, as in the graph: namespace/name, or the name alone"`
		To    string `json:"to,omitempty" jsonschema:"name of a callee of the node; if given, the answer is about the calls from the node to this callee, and otherwise about the node"`
		Limit int    `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	pairArgs struct {
		From string `json:"from" jsonschema:"name of the caller"`
		To   string `json:"to" jsonschema:"name of the callee"`
	}
	rulesArgs struct {
		Rules string `json:"rules" jsonschema:"rules of graphviz-export check, one on each line"`
	}

	graphResult struct {
		Basis   string       `json:"basis" jsonschema:"the data from which the answer was computed, and reasons why the graph may be incomplete"`
		Nodes   []nodeResult `json:"nodes" jsonschema:"the busiest first"`
		Edges   []edgeResult `json:"edges" jsonschema:"the busiest first"`
		LeftOut int          `json:"leftOutItems" jsonschema:"number of nodes and edges beyond the limit"`
	}
	nodeResult struct {
		Node          string   `json:"node" jsonschema:"name of the node, with its type in brackets unless it is a service"`
		Type          string   `json:"type"`
		Requests      float64  `json:"requests" jsonschema:"number of requests, an estimate if spans are sampled"`
		EntryRequests float64  `json:"entryRequests" jsonschema:"number of the requests that come from outside"`
		ErrorRatio    float64  `json:"errorRatio" jsonschema:"failed requests divided by requests, from 0 to 1"`
		P95           *float64 `json:"p95Seconds" jsonschema:"95th percentile of the latency in seconds; null if unknown"`
	}
	edgeResult struct {
		From       string   `json:"from" jsonschema:"the caller"`
		To         string   `json:"to" jsonschema:"the callee"`
		Kind       string   `json:"kind" jsonschema:"request or message"`
		Calls      float64  `json:"calls" jsonschema:"number of calls, an estimate if spans are sampled"`
		ErrorRatio float64  `json:"errorRatio" jsonschema:"failed calls divided by calls, from 0 to 1"`
		P50        *float64 `json:"p50Seconds" jsonschema:"median of the latency in seconds; null if unknown"`
		P95        *float64 `json:"p95Seconds" jsonschema:"95th percentile of the latency in seconds; null if unknown"`
		MeasuredBy string   `json:"latencyMeasuredBy" jsonschema:"caller or callee; empty if the latency is unknown"`
	}
	textResult struct {
		Basis   string   `json:"basis" jsonschema:"the data from which the answer was computed, and reasons why the graph may be incomplete"`
		Lines   []string `json:"lines" jsonschema:"the explanation, with units"`
		LeftOut int      `json:"leftOutLines" jsonschema:"number of lines beyond the limit"`
	}
	blastResult struct {
		Basis           string   `json:"basis" jsonschema:"the data from which the answer was computed, and reasons why the graph may be incomplete"`
		Entries         []string `json:"entries" jsonschema:"nodes with requests from outside that a failure can reach"`
		OfEntries       int      `json:"ofEntries" jsonschema:"number of all entries"`
		RequestsAtMost  *float64 `json:"requestsAtMost" jsonschema:"upper bound of the number of requests from outside that a failure can reach; null if the graph counts none"`
		OfEntryRequests float64  `json:"ofEntryRequests" jsonschema:"number of all requests from outside"`
		ShareAtMost     *float64 `json:"shareAtMost" jsonschema:"requestsAtMost divided by ofEntryRequests, from 0 to 1; null if the graph counts none"`
		Requests        *float64 `json:"exactRequests" jsonschema:"number of requests from outside that used the node or the calls, counted in the traces; null if the traces are not held. If no request enters from outside, the jobs that services begin by themselves are counted instead, and basis says so"`
		Share           *float64 `json:"exactShare" jsonschema:"exactRequests divided by the number of all requests from outside in the traces, from 0 to 1; null if the traces are not held"`
		LeftOut         int      `json:"leftOutItems" jsonschema:"number of entries beyond the limit"`
	}
	pathsResult struct {
		Basis   string       `json:"basis" jsonschema:"the data from which the answer was computed, and reasons why the graph may be incomplete"`
		Nodes   []waitResult `json:"nodes" jsonschema:"the node with the most time first; the shares of all nodes add up to 1"`
		Calls   []waitResult `json:"calls" jsonschema:"the call with the most time first; a call contains the calls below it"`
		LeftOut int          `json:"leftOutItems" jsonschema:"number of nodes and calls beyond the limit"`
	}
	waitResult struct {
		What          string   `json:"what" jsonschema:"a node, or caller → callee"`
		Share         float64  `json:"shareOfRequestTime" jsonschema:"fraction of the time of all requests, from 0 to 1"`
		PerRequest    float64  `json:"secondsPerRequest" jsonschema:"mean time on the critical path of a request, in seconds"`
		SlowestTraces []string `json:"slowestTraces,omitempty" jsonschema:"ids of the traces with the most time in the call"`
	}
	checkResult struct {
		Basis      string   `json:"basis" jsonschema:"the data from which the answer was computed, and reasons why the graph may be incomplete"`
		Holds      bool     `json:"holds" jsonschema:"whether all rules hold"`
		Rules      int      `json:"rules" jsonschema:"number of rules"`
		Violations []string `json:"violations" jsonschema:"one text for each broken rule"`
		LeftOut    int      `json:"leftOutItems" jsonschema:"number of violations beyond the limit"`
	}
	compareArgs struct {
		Explain string `json:"explain,omitempty" jsonschema:"explain the comparisons of the nodes and calls whose name contains this text: a node, or caller → callee as in changes"`
		Limit   int    `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	diffResult struct {
		Basis     string   `json:"basis" jsonschema:"the data from which the answer was computed, and reasons why the graph may be incomplete"`
		Base      string   `json:"base" jsonschema:"size and time of the base"`
		Head      string   `json:"head" jsonschema:"size and time of the graph that is compared with the base"`
		Changes   []string `json:"changes" jsonschema:"one text for each change, with units"`
		Undecided []string `json:"notEnoughSamples" jsonschema:"differences with too few calls to tell whether they are changes"`
		Notes     []string `json:"notes" jsonschema:"reasons why the comparison is less exact"`
		Why       []string `json:"explanations" jsonschema:"explanation of each comparison that the argument explain names, with units: values, the size of the change and its 95% interval, samples, probability, example traces"`
		LeftOut   int      `json:"leftOutItems" jsonschema:"number of texts beyond the limit"`
	}
)
