// Package remotewrite sends the series of package promgraph to Prometheus, or to anything else that
// receives Prometheus's remote write, 1.0 or 2.0.
//
//	collector := promgraph.NewCollector(recorder.Delta, promgraph.Config{})
//	writer, err := remotewrite.New(collector.Series, remotewrite.Config{URL: "http://prometheus:9090/api/v1/write"})
//	…
//	go writer.Run(ctx)
//
// # Counters
//
// The first sample of a series is preceded, one millisecond earlier, by a sample of 0, so that rate
// and increase count the first calls. The same sample makes the restart of a process visible if its
// series have the same labels as before: the counters fall to 0 and rise again, whatever their
// values were.
//
// An edge without calls for [Config].Idle ends: its series get a stale marker, so that queries no
// longer show them. If calls come again, the series continue from their last values. When Run ends,
// all series get a stale marker.
//
// # Faults
//
// A request that fails with a network error, with a status of 5xx, or with 429 is sent again, after
// a delay that doubles up to [Config].MaxDelay and that Retry-After extends. A request with another
// status, such as 400 for samples out of order, is dropped. Meanwhile requests wait in a queue of
// at most [Config].MaxQueue samples; beyond that, the oldest samples are dropped. Because counters
// are sums, dropping samples only lowers the resolution. [Writer.Stats] counts what was sent and
// dropped.
//
// Sample times never go back. If the clock goes back, each sample is a few milliseconds later than
// the one before, until the clock has caught up.
package remotewrite
