package render

import (
	"math"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A remark is a counter of the report that tells a reader why the graph is
// incomplete or uncertain.
type remark struct {
	count uint64
	noun  string // in the singular
	short string // an explanation of a few words, for headings; empty: the noun needs none
	long  string // the explanation
}

// brief returns the count, the noun, and the short explanation in parentheses.
func (r remark) brief() string {
	s := plural(float64(r.count), r.noun)
	if r.short != "" {
		s += " (" + r.short + ")"
	}
	return s
}

// String returns the count, the noun and the explanation.
func (r remark) String() string { return plural(float64(r.count), r.noun) + ": " + r.long }

// The nouns for the nodes and edges that views left out.
const hiddenNode, hiddenEdge = "hidden node", "hidden edge"

// Remarks returns sentences about what makes a graph incomplete or uncertain, the
// most serious first, such as "2 hidden nodes: left out of this view".
func Remarks(g *servicegraph.Graph) []string {
	var sentences []string
	for _, r := range remarks(g.Report()) {
		sentences = append(sentences, r.String())
	}
	return sentences
}

// remarks returns the remarks about a report, the most serious first. Each
// explanation fits one span as well as many.
func remarks(r servicegraph.Report) []remark {
	var found []remark
	for _, m := range []remark{
		{r.LeftOutTraces, "unread trace", "or more, left out by a limit", "this number or more, left out by the limit on the number of traces, so calls are missing"},
		{r.LeftOutNodes, hiddenNode, "", "left out of this view"},
		{r.LeftOutEdges, hiddenEdge, "", "left out of this view, with " + plural(r.LeftOutCalls, "call")},
		{uint64(math.Ceil(r.HiddenCalls)), "hidden call", "ended in a hidden service", "a call that ended in a hidden service is on no edge; failed: " + plural(r.HiddenErrors, "call")},
		{r.Skipped, "incomplete record", "skipped or partial", "skipped because the reader could not read it, or a trace that the source returned only in part"},
		{r.Invalid, "invalid span", "no id", "ignored because the trace id or the span id is missing"},
		{r.Late, "late span", "trace already counted", "ignored because the trace was already forgotten"},
		{r.Pending, "pending span", "trace still open", "the trace is still open, so the other side of the call may still arrive"},
		{r.Orphan, "orphan span", "parent span missing", "the parent span is missing, so a call may be missing"},
		{r.Detached, "detached request", "parent id lost", "the parent id is missing, although the span lies within another request of the trace, so calls to " + detachedServices(r) + " may be missing; likely causes: an exporter older than its SDK, or broken context propagation"},
		{r.Unresolved, "unresolved call", "callee unknown", "the callee is unknown (no span and no name), so there is no edge"},
		{r.LinkMissing, "broken span link", "linked span missing", "the linked span is missing or sends no message"},
		{r.AddressConflicts, "ambiguous address", "several services answer there", "several services answer there, so calls there are not attributed to any of them"},
		{r.Cycles, "parent cycle", "spans among their own ancestors", "cut at one span"},
		{r.EvictedSpans + r.EvictedTraces, "evicted trace", "too many held", "counted early because too many spans or traces were held, so related spans that came later may be missing"},
		{r.LinksResolvedEarly + r.AddressesResolvedEarly, "early match", "too many pending", "too many calls were pending, so calls were matched before all spans were known, and some may have no callee"},
		{r.NodesFolded, "grouped name", "beyond the node limit", "beyond the node limit, so counted under the node \"other\""},
		{r.NamesTruncated, "ignored name", "beyond the node limit", "an address or a detail beyond the node limit, which the graph does not keep"},
		{r.LongNames, "cut name", "too long", "longer than 1 KiB, so names with the same beginning became one name"},
		{uint64(math.Ceil(r.FoldedCalls)), "grouped call", "too many edges", "beyond the edge limit, so counted on an edge to the node \"other\""},
		{r.UnknownService, "unnamed span", "no service.name", "no service.name, so counted under unknown_service"},
		{r.InvalidDuration, "negative duration", "ends before it starts", "the span ends before it starts, so it has no latency"},
		{r.Unfinished, "unfinished span", "no start or end time", "no start time or no end time, so no latency"},
		{r.Uninferred, "uninferred trace", "too many candidates", "more than 4 million pairs of spans could be the two sides of a call, so none was inferred"},
		{r.Sampled, "sampled span", "calls are estimates", "stands for more or less than one span, so calls are estimates"},
		{r.Skewed, "skewed span", "clock skew", "the callee's span starts before the caller's span or ends after it (clock skew)"},
	} {
		if m.count > 0 {
			found = append(found, m)
		}
	}
	return found
}

// detachedServices returns the services of the detached spans: the first three, if there are more.
func detachedServices(r servicegraph.Report) string {
	const named = 3
	names := r.DetachedServices
	if len(names) <= named {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:named], ", ") + " and others"
}
