package tempoclient

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxQuery is the longest query that Tempo 2.9 reads correctly: its scanner loses
	// text at the end of a buffer of 1,024 bytes.
	maxQuery = 1000

	// maxFilter is the length of the longest filter of a share, and of the hint for the newest traces.
	maxFilter = 70

	// maxSpansPerSet is the highest number of spans that Tempo shows of one set of spans,
	// unless configured to show fewer.
	maxSpansPerSet = 100

	// maxNames is the size in bytes from which a list of attribute names may be incomplete: Tempo
	// cuts lists at 1 MB without reporting it.
	maxNames = 900_000
)

// attributes asks Tempo which attributes the traces have, and makes a query that shows those that
// Config.Keep keeps. Each attribute in the query makes a search slower, even an attribute that no
// span has. ok is false if no query can show all these attributes.
func (s *selection) attributes(ctx context.Context) (ok bool, err error) {
	tags, err := s.client.Tags(ctx, s.tags)
	s.cost.Requests++
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(tags.Warnings, func(w *Warning) bool { return w.Kind == WarnPartial }) {
		return false, nil
	}
	s.keys = make(map[string]bool)
	size, lists := 0, false
	hasNamespace := !s.listsAll()
	query := "%s | by(span:id) | select(span:parentID, name, kind, resource.service.name"
	for _, scope := range tags.Scopes {
		if scope.Name != "span" && scope.Name != "resource" {
			continue
		}
		lists = true // an empty list would lack service.name, which every trace has
		hasNamespace = hasNamespace || scope.Name == "resource" && slices.Contains(scope.Tags, "service.namespace")
		for _, key := range scope.Tags {
			size += len(key)
		}
		names, ok := s.listed(scope.Name, scope.Tags)
		if !ok {
			return false, nil
		}
		query += names
	}
	for _, at := range dedicated {
		if _, known := s.keys[at.key]; !known && s.client.cfg.Keep(at.key) && !s.listsAll() {
			s.keys[at.key] = at.scope == "resource"
			query += ", " + at.scope + "." + at.key
		}
	}
	if hasNamespace {
		query += ", resource.service.namespace"
	}
	// Tempo shows an empty name of the scope for each span without one.
	if s.client.cfg.Keep(scopeKey) && s.hasSpans(ctx, "{"+scopeIntrinsic+` != ""}`) {
		query += ", " + scopeIntrinsic
	}
	if s.showsStatus = s.manyErrors || s.hasSpans(ctx, "{status = ok}"); s.showsStatus {
		query += ", status"
		if s.client.cfg.Keep(messageKey) {
			query += ", " + messageIntrinsic
		}
	}
	s.query = query + ")"
	return lists && len(s.query) <= maxQuery-maxFilter && size < maxNames, nil
}

// listed returns the part of the query that selects the wanted ones among the attributes of a
// scope. It returns false if there is one whose name does not tell its scope.
func (s *selection) listed(scope string, keys []string) (query string, ok bool) {
	for _, key := range keys {
		isName := key == "service.name" || key == "service.namespace"
		if isName && scope == "resource" || !s.client.cfg.Keep(key) {
			continue
		}
		// Search answers name attributes without their scopes: the name must tell the scope.
		if _, twice := s.keys[key]; twice || isName || isIntrinsic(key) || !isPlain(key) {
			return "", false
		}
		s.keys[key] = scope == "resource"
		query += ", " + scope + "." + key
	}
	return query, true
}

// hasSpans reports whether the query may match spans. It returns true if the search fails.
func (s *selection) hasSpans(ctx context.Context, query string) bool {
	s.cost.Requests++
	n, jobs, err := s.client.searchTraces(ctx, url.Values{
		"q": {query}, "spss": {"1"}, "limit": {"1"},
		"start": {strconv.FormatInt(s.tags.Start.Unix(), 10)},
		"end":   {strconv.FormatInt(s.tags.End.Unix(), 10)},
	}, func(*foundTrace) error { return nil })
	return err != nil || n > 0 || jobs.warning() != nil
}

// dedicated are the attributes that Tempo 3 stores in columns of their own, unless configured
// otherwise, and does not list among the tags of recent traces (tempodb/backend/block_meta.go of
// v3.0.3).
var dedicated = []struct{ scope, key string }{
	{"resource", "k8s.cluster.name"}, {"resource", "k8s.namespace.name"}, {"resource", "k8s.pod.name"}, {"resource", "k8s.container.name"},
	{"span", "http.request.method"}, {"span", "http.response.status_code"}, {"span", "url.path"}, {"span", "url.route"},
	{"span", "server.address"}, {"span", "server.port"},
	{"span", "http.method"}, {"span", "http.url"}, {"span", "http.route"}, {"span", "http.status_code"},
}

// listsAll reports whether the server has a version that lists all attributes among the tags. For
// such a version, the query does not name the dedicated attributes that are not listed: they would
// make a search in Tempo 2.9 up to a fifth slower, even if no span has them.
func (s *selection) listsAll() bool { return s.build.Major() == 1 || s.build.Major() == 2 }

// absent is the text that Tempo 3 shows for a dedicated attribute that a span does not have. A real
// value with this text is therefore dropped, which loses nothing: the text names nothing in a
// graph.
const absent = "nil"

func isDedicated(key string) bool {
	for _, at := range dedicated {
		if at.key == key {
			return true
		}
	}
	return false
}

// A fetch by id gives the name of the instrumentation scope as the attribute scopeKey of each span.
// A search gives the name as the intrinsic scopeIntrinsic.
const (
	scopeKey       = "otel.scope.name"
	scopeIntrinsic = "instrumentation:name"
)

// A fetch by id gives the message of the status as the attribute messageKey of the span, and a search gives
// it as the intrinsic messageIntrinsic: an empty text for a span without a message.
const (
	messageKey       = "otel.status_description"
	messageIntrinsic = "statusMessage"
)

// isIntrinsic reports whether a key looks like the name of an intrinsic in an answer.
func isIntrinsic(key string) bool {
	return strings.Contains(key, ":") || key == "kind" || key == "status" || key == messageIntrinsic || key == "name" || key == "parentID"
}

// isPlain reports whether a key needs no quotes in TraceQL.
func isPlain(key string) bool {
	return key != "" && strings.IndexFunc(key, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
	}) < 0 && !strings.HasPrefix(key, ".") && !strings.HasSuffix(key, ".")
}
