// Package graphdiff compares two service graphs: which nodes and edges are new or gone, which edges
// are called more or less often, fail more or less often, or are slower or faster. It distinguishes
// changes from noise, and reports if there are too few samples for a verdict.
//
// # What is compared
//
// Calls are compared for each entry request, because the two graphs may cover different times
// and loads: the calls of an edge are divided by the entry requests of the nodes from which
// calls lead to the edge. Graphs without entry requests are compared for each trace. Errors are
// compared as the ratio of failed calls, and latencies as distributions, as the same side
// measured them in both graphs. For nodes with entry requests, errors and latencies of the node
// are compared as well.
//
// # What is a change
//
// Each comparison is a test of the hypothesis that nothing changed. Numbers of calls are
// compared by an exact test of two Poisson counts, ratios of failed calls by Fisher's exact
// test, the middle of latencies by the test of Wilcoxon, Mann and Whitney, and their tails by
// Fisher's exact test of the calls above the common 95th percentile. Holm's method bounds the
// probability that a diff of two graphs of the same traffic reports any change: over all tests
// together, it is at most [Config].FalseAlarms. Tests that no data could pass, such as those of
// edges without an error on either side, do not count (Tarone's method).
//
// A change is reported only if it also reaches the minimums in [Config].
//
// Calls of one trace are not independent: a request that fails twice is not twice the evidence.
// Therefore samples are counted by trace. An edge with up to m calls in one trace has at least
// calls/m independent samples of its number of calls. For errors and latencies it has
// calls/(1+r(m-1)), where r is the assumed correlation of two calls of one trace. If no trace has
// more than twice the average number of calls, as in a loop over a list, r is 0.1. The more calls
// some traces have than the average, as with retries, the nearer r is to 1. If two exemplars of the
// failed calls, or two of the slowest calls, are of one trace, r is 1. A sampled call is one sample,
// whatever its weight.
//
// The tests assume that the traces of both graphs are independent samples of the traffic. Traffic
// that changes with the time of day is a change, and is reported.
package graphdiff
