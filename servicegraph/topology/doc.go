// Package topology answers questions about the shape of a service graph: its layers and cycles,
// the dependencies without which an entry cannot work, how many requests a failure can reach,
// and which nodes lie on most paths.
//
// [New] makes a graph of package gonum of a service graph, so that every algorithm of gonum
// works on it, and [Graph] has the questions as methods. The methods use gonum's algorithms
// where gonum has them.
//
// The answers of a [Graph] come from the graph alone and not from single traces. They are therefore
// upper bounds; a [Reach] counts exactly, where a builder still holds the traces. An entry that can reach a database along the edges of the graph need not reach it in
// every request. The same holds for edges that a sample has missed, in the other direction:
// what no trace shows is not in the graph.
package topology
