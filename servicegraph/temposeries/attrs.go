package temposeries

import (
	"slices"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph"
)

// Reads reports whether a [Processor] with this configuration reads the attribute with this key, of
// a span or of a resource. A source may leave out all other attributes.
func (cfg Config) Reads(key string) bool {
	switch key {
	case "db.name", "db.namespace", "db.system", "peer.service", "server.address", "network.peer.address", "network.peer.port":
		return true
	}
	return key != "" && (key == cfg.SpanMultiplierKey || slices.Contains(cfg.PeerAttributes, key) || slices.Contains(cfg.Dimensions, key))
}

// find returns the first value that the attributes have for a key.
func find(attrs []servicegraph.Attr, key string) (value string, ok bool) {
	for _, a := range attrs {
		if a.Key == key {
			return a.Value, true
		}
	}
	return "", false
}

// findInBoth returns the value of an attribute of the resource. If the resource lacks the
// attribute, findInBoth returns the value of the span's attribute.
func findInBoth(s *servicegraph.Span, key string) (value string, ok bool) {
	switch {
	case key == "service.name":
		return s.Service, true
	case key == "service.namespace" && s.Namespace != "":
		return s.Namespace, true
	}
	if value, ok = find(s.Resource, key); ok {
		return value, true
	}
	return find(s.Attrs, key)
}

// peer returns the other side of a call as the span names it. The name can be empty.
func (cfg *Config) peer(s *servicegraph.Span) (name string, ok bool) {
	for _, key := range cfg.PeerAttributes {
		if name, ok = find(s.Attrs, key); ok {
			return name, true
		}
	}
	return "", false
}

// setDatabase marks a call as a database call if the client span has an attribute of a
// database. If the attributes also name the database, the call is complete and does not wait
// for a server span.
//
// In v2.9.0, db.system alone marks a call as a database call without a name: the call waits,
// and becomes a call to a virtual node. All attributes except db.namespace are also read from
// the resource. A service whose resource has db.name therefore seems to call only that
// database.
func (c *pendingCall) setDatabase(s *servicegraph.Span, seconds float64) {
	database, ok := find(s.Attrs, "db.namespace")
	if !ok {
		database, ok = findInBoth(s, "db.name")
	}
	if !ok {
		_, ok = findInBoth(s, "db.system")
	}
	if !ok {
		return
	}
	c.connectionType = connectionDatabase
	c.serverSeconds = seconds
	if name, ok := findInBoth(s, "peer.service"); ok {
		c.server = name // even if the name is empty
	} else if name, ok := findInBoth(s, "server.address"); ok {
		c.server = name
	} else if host, ok := findInBoth(s, "network.peer.address"); ok {
		if port, ok := findInBoth(s, "network.peer.port"); ok {
			host += ":" + port
		}
		c.server = host
	} else if database != "" {
		c.server = database
	}
}

// multiplier returns how many calls a span stands for: the reciprocal of the sampling probability
// in the span or its resource, if the probability is a positive floating point number; otherwise 1.
// Tempo ignores integers. A Span has only the text of an attribute; a text of digits stands for an
// integer or for the number 1.0, and both give 1.
func (cfg *Config) multiplier(s *servicegraph.Span) float64 {
	if cfg.SpanMultiplierKey == "" {
		return 1
	}
	for _, attrs := range [...][]servicegraph.Attr{s.Attrs, s.Resource} {
		for _, a := range attrs {
			if a.Key != cfg.SpanMultiplierKey || isInteger(a.Value) {
				continue
			}
			if v, err := strconv.ParseFloat(a.Value, 64); err == nil && v > 0 {
				return 1 / v
			}
		}
	}
	return 1
}

// isInteger reports whether a text consists of digits.
func isInteger(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
