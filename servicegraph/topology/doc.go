// Package topology answers questions about the shape of a service graph: its layers and cycles,
// the dependencies without which an entry cannot work, how many requests a failure can reach,
// and which nodes lie on most paths.
//
// [New] makes a [Graph] from a service graph. The methods of a Graph answer the questions, with the
// algorithms of gonum if gonum has them. Every algorithm of gonum works on a Graph.
//
// The answers of a [Graph] come from the graph alone and not from single traces. They are therefore
// upper bounds: an entry that can reach a database along the edges of the graph need not reach it
// in every request. A [Reach] counts exactly, for the traces that a builder still holds. An answer
// can also be too small, because an edge that no sampled trace shows is not in the graph.
package topology
