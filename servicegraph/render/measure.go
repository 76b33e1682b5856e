package render

import (
	"math"
	"strconv"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// measures are the numbers of a node or an edge for programs to read. A number that was not
// measured is NaN.
type measures struct {
	errorRate          float64 // ratio from 0 to 1
	perSecond          float64 // calls
	p50, p95, p99, max float64 // milliseconds
}

func nodeMeasures(g *servicegraph.Graph, n servicegraph.Node) measures {
	return measure(g, n.Requests.Calls, n.Requests.ErrorRate(), n.Requests.Latency)
}

func edgeMeasures(g *servicegraph.Graph, e servicegraph.Edge) measures {
	latency, _, _ := e.Latency()
	return measure(g, e.Calls, e.ErrorRate(), latency)
}

func measure(g *servicegraph.Graph, calls, errorRate float64, l servicegraph.Latency) measures {
	m := measures{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if calls > 0 {
		m.errorRate = errorRate
	}
	if perSecond, known := g.Rate(calls); known {
		m.perSecond = perSecond
	}
	if l.Count() > 0 {
		m.p50, m.p95, m.p99, m.max = millis(l.Quantile(0.50)), millis(l.Quantile(0.95)), millis(l.Quantile(0.99)), millis(l.Max())
	}
	return m
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// plain formats a number for programs, so that parsing the text gives the same number.
// The text of NaN is empty.
func plain(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
