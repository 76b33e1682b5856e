// Package ci is an example of comparing service graphs in continuous integration: the workflow
// service-graph.yml runs the integration tests of a pull request with tracing, compares their
// graph with that of the main branch, and comments the difference on the pull request.
//
// The file before.json.gz is an invented graph of the HotROD demo before a change: requests to
// route are faster than in examples/traces, calls to redis-manual never fail, and there is no
// mysql. The manual of graphviz-export compares this graph with the graph of examples/traces.
package ci
