package promgraph

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// addGraph adds the calls of a final graph.
func (c *Collector) addGraph(g *servicegraph.Graph) {
	for n := range g.Nodes() {
		if len(c.cfg.Dimensions) > 0 {
			c.noteDimensions(n)
		}
	}
	edges := slices.Collect(g.Edges())
	slices.SortStableFunc(edges, func(a, b servicegraph.Edge) int { return cmp.Compare(b.Calls, a.Calls) })
	for i := range edges {
		if e := &edges[i]; e.ID.Kind != servicegraph.EdgeBridged && e.Calls > 0 {
			c.addEdge(e)
		}
	}
}

// noteDimensions keeps the values that a node has for the dimensions. If all spans of a node are in
// earlier graphs, this graph does not have its attributes. So an empty value does not replace an
// earlier value.
func (c *Collector) noteDimensions(n servicegraph.Node) {
	var joined strings.Builder
	known := strings.Split(c.dims[n.ID], "\x00")
	for i, key := range c.cfg.Dimensions {
		value := c.value(dimension(n, key))
		if value == "" && i < len(known) {
			value = known[i]
		}
		joined.WriteString(value)
		joined.WriteByte(0)
	}
	if values := joined.String(); strings.Trim(values, "\x00") != "" {
		c.dims[n.ID] = values
	}
}

// dimension returns the values of a key, separated by commas.
func dimension(n servicegraph.Node, key string) string {
	if key == "service.namespace" {
		return n.ID.Namespace
	}
	var values []string
	for _, a := range n.Attrs {
		if a.Key == key {
			values = append(values, a.Value)
		}
	}
	return strings.Join(values, ",")
}

// addEdge adds the calls of an edge.
func (c *Collector) addEdge(e *servicegraph.Edge) {
	s, folded := c.edge(labelSet{
		client:         c.value(c.name(e.ID.From)),
		server:         c.value(c.name(e.ID.To)),
		connectionType: connectionType(e.ID),
		dimensions:     c.dimensions(e.ID),
	})
	if folded {
		c.folded += e.Calls
	}
	s.Total += e.Calls
	s.fail(e.Errors, c.since)
	s.Client.add(e.Caller.Latency, &c.cfg, c.since)
	s.Server.add(e.Callee.Latency, &c.cfg, c.since)
	if c.cfg.MessagingLatency && e.ID.Kind == servicegraph.EdgeMessage {
		s.Messaging.add(e.Gap, &c.cfg, c.since)
	}
	c.addExemplars(s, e)
}

// connectionType returns the connection type of an edge.
func connectionType(id servicegraph.EdgeID) string {
	switch {
	case id.Kind == servicegraph.EdgeMessage:
		return connectionMessaging
	case id.To.Type == servicegraph.TypeDatabase:
		return connectionDatabase
	case id.From.Type != servicegraph.TypeService || id.To.Type != servicegraph.TypeService:
		return connectionVirtual
	}
	return ""
}

// name returns the name of a node without the values that servicegraph.Config.SplitBy added to it,
// as far as they are the values of dimensions.
func (c *Collector) name(id servicegraph.NodeID) string {
	values := strings.Split(c.dims[id], "\x00")
	name := id.Name
	for stripped := true; stripped; {
		stripped = false
		for i, value := range values {
			if rest, ok := strings.CutSuffix(name, "@"+value); ok && value != "" && rest != "" && c.cfg.Dimensions[i] != "service.namespace" {
				name, stripped = rest, true
			}
		}
	}
	return name
}

// dimensions returns the values of the labels of the dimensions.
func (c *Collector) dimensions(id servicegraph.EdgeID) string {
	if len(c.names) == 0 {
		return ""
	}
	byName := make(map[string]string)
	for side, node := range map[string]servicegraph.NodeID{"client_": id.From, "server_": id.To} {
		values := strings.Split(c.dims[node], "\x00")
		for i, key := range c.cfg.Dimensions {
			value := ""
			if i < len(values) {
				value = values[i]
			}
			if key == "service.namespace" {
				value = c.value(node.Namespace) // known even for nodes that only edges mention
			}
			if value != "" {
				byName[labelName(side+key)] = value
			}
		}
	}
	var joined strings.Builder
	for _, name := range c.names {
		joined.WriteString(byName[name])
		joined.WriteByte(0)
	}
	return joined.String()
}

// addExemplars keeps some of the slowest and of the failed calls. Their durations are durations of
// callers' spans, if the edge has any. In the histogram of the callee, the value of an exemplar is
// therefore reduced to at most the longest duration of the callee.
func (c *Collector) addExemplars(s *Series, e *servicegraph.Edge) {
	at := c.since
	if e.Last > 0 {
		at = time.Unix(0, e.Last)
	}
	for _, x := range slices.Concat(e.Slowest, e.Failed) {
		if x.Duration <= 0 {
			continue
		}
		if e.Caller.Latency.Count() > 0 {
			s.Client.addExemplar(exemplar(x, e.Caller.Latency.Max(), at), c.cfg.Buckets)
		}
		if e.Callee.Latency.Count() > 0 {
			s.Server.addExemplar(exemplar(x, e.Callee.Latency.Max(), at), c.cfg.Buckets)
		}
	}
	if len(e.Slowest) > 0 {
		s.TotalExemplar = exemplar(e.Slowest[0], e.Slowest[0].Duration, at)
	}
	if len(e.Failed) > 0 {
		s.FailedExemplar = exemplar(e.Failed[0], e.Failed[0].Duration, at)
	}
}

func exemplar(x servicegraph.Exemplar, most time.Duration, at time.Time) Exemplar {
	return Exemplar{TraceID: x.TraceID, Seconds: min(x.Duration, most).Seconds(), Time: at}
}
