package promgraph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/temposeries"
)

// setSeries replaces the values by the values of a processor, which never fall.
func (c *Collector) setSeries(series []temposeries.Series) {
	series = slices.Clone(series)
	slices.SortStableFunc(series, func(a, b temposeries.Series) int { return cmp.Compare(b.Total, a.Total) })
	fresh := make(map[*Series]bool) // the series whose values were reset in this reading
	c.folded = 0
	for i := range series {
		from := &series[i]
		s, folded := c.edge(labelSet{
			client:         c.value(from.Client),
			server:         c.value(from.Server),
			connectionType: from.ConnectionType,
			dimensions:     c.tempoDimensions(from.Labels),
		})
		if folded {
			c.folded += from.Total
		}
		if !fresh[s] {
			fresh[s] = true
			*s = Series{
				Labels: s.Labels, Since: s.Since, FailedSince: s.FailedSince,
				Server: Histogram{Since: s.Server.Since}, Client: Histogram{Since: s.Client.Since}, Messaging: Histogram{Since: s.Messaging.Since},
			}
		}
		s.Total += from.Total
		s.fail(from.Failed, c.since)
		c.addTempo(&s.Client, from.ClientSeconds)
		c.addTempo(&s.Server, from.ServerSeconds)
		c.addTempo(&s.Messaging, from.MessagingSeconds)
		for _, x := range s.Client.Exemplars {
			if x != (Exemplar{}) {
				s.TotalExemplar = x
			}
		}
	}
}

// addTempo adds the samples of a histogram.
func (c *Collector) addTempo(to *Histogram, from temposeries.Histogram) {
	if from.Count == 0 {
		return
	}
	to.begin(c.since)
	to.Count += from.Count
	to.Sum += from.Sum
	if c.cfg.Histograms != Native {
		if to.Buckets == nil {
			to.Bounds, to.Buckets = c.cfg.Buckets, make([]float64, len(c.cfg.Buckets))
		}
		for i, b := range from.Buckets {
			to.Buckets[i] += b.Count
		}
	}
	if c.cfg.Histograms != Classic {
		to.addNative(from.Native)
	}
	for _, x := range from.Exemplars {
		if !x.TraceID.IsZero() {
			to.addExemplar(Exemplar{TraceID: x.TraceID, Seconds: x.Seconds, Time: x.Time}, c.cfg.Buckets)
		}
	}
}

// tempoDimensions returns the values of the labels in the order of their names.
func (c *Collector) tempoDimensions(labels []temposeries.Label) string {
	var joined strings.Builder
	for _, name := range c.names {
		for _, l := range labels {
			if l.Name == name {
				joined.WriteString(c.value(l.Value))
				break
			}
		}
		joined.WriteByte(0)
	}
	return joined.String()
}
