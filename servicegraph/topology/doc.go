// Package topology answers questions about the shape of a service graph: its layers and cycles,
// the dependencies without which an entry cannot work, how many requests a failure can reach,
// and which nodes lie on most paths.
//
// [New] makes a [Graph] from a service graph. Every algorithm of package gonum works on a Graph,
// and its methods answer the questions, with gonum's algorithms where gonum has them.
//
// The answers of a [Graph] come from the graph alone and not from single traces. They are therefore
// upper bounds: an entry that can reach a database along the edges of the graph need not reach it in
// every request. A [Reach] counts exactly, where a builder still holds the traces. An edge that no
// sampled trace shows is not in the graph, and then an answer can be too small.
package topology
