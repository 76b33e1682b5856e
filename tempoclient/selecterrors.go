package tempoclient

import (
	"context"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// A search that shows the status of each span takes Tempo a tenth longer. Usually few spans fail,
// and Tempo counts the failed spans for each service of a trace. A second search therefore finds
// the failed spans, and Tempo's count shows whether the search found all of them.

// maxErrors is the highest number of failed spans that one search shows, with an answer of some MB.
const maxErrors = 20_000

// hasManyErrors reports whether a search for the failed spans of traces would cost more than a
// search that shows the status of each span. It returns true also for a server that does not count
// failed spans.
func hasManyErrors(traces []*foundTrace) bool {
	known, failed := 0, 0
	for _, f := range traces {
		known, failed = known+f.known, failed+f.failed
	}
	return known == 0 || failed > known/8 || failed > maxErrors
}

// findErrors searches for the spans with the status error, and gives the shown spans this status, and its
// message if Config.Keep keeps messages. It returns false if the search failed or is incomplete.
func (r *reading) findErrors(ctx context.Context) bool {
	r.s.cost.Requests++
	query := "{status = error} | by(span:id)"
	if r.s.client.cfg.Keep(messageKey) {
		query += " | select(" + messageIntrinsic + ")"
	}
	n, jobs, err := r.s.client.searchTraces(ctx, r.params(query), func(f *foundTrace) error {
		if p := r.shown[f.ID]; p != nil {
			p.fail(f)
		}
		return nil
	})
	return err == nil && n < r.limit && jobs.warning() == nil
}

// fail gives the status error, and the message if f shows one, to the spans of p that f shows: f is a
// description of the same trace with only the failed spans.
func (p *shownTrace) fail(f *foundTrace) {
	if f.shown == nil {
		p.broken = true
		return
	}
	at := make(map[servicegraph.SpanID][]int, len(p.spans))
	for i := range p.spans {
		at[p.spans[i].SpanID] = append(at[p.spans[i].SpanID], i)
	}
	for _, set := range f.shown.SpanSets {
		for _, s := range set.Spans {
			id, err := servicegraph.ParseSpanID(s.SpanID)
			same := at[id]
			if err != nil || len(same) > 1 {
				p.broken = true // two spans of different kinds can have the same id
			} else if len(same) == 1 {
				failed := &p.spans[same[0]]
				failed.Status = servicegraph.StatusError
				for _, kv := range s.Attributes {
					if message, _ := kv.text(); kv.Key == messageIntrinsic {
						addMessage(failed, message)
					}
				}
			}
		}
	}
}

// addMessage adds the message of the status to the attributes of a span from a search, unless it is empty or
// the span has an attribute with the message.
func addMessage(s *servicegraph.Span, message string) {
	if message == "" || slices.ContainsFunc(s.Attrs, func(a servicegraph.Attr) bool { return a.Key == messageKey }) {
		return
	}
	s.Attrs = inOrder(append(s.Attrs, servicegraph.Attr{Key: messageKey, Value: message}))
}
