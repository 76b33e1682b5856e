package servicegraph

import (
	"slices"
	"strconv"
)

// ReadsAttr reports whether a [TempoProcessor] with this configuration reads the
// attribute with this key, of a span or of a resource. A source can leave out all
// others.
func (cfg TempoConfig) ReadsAttr(key string) bool {
	switch key {
	case "db.name", "db.namespace", "db.system", "peer.service", "server.address", "network.peer.address", "network.peer.port":
		return true
	}
	return key != "" && (key == cfg.SpanMultiplierKey || slices.Contains(cfg.PeerAttributes, key) || slices.Contains(cfg.Dimensions, key))
}

// findAttr returns the first value that the attributes have for a key.
func findAttr(attrs []Attr, key string) (value string, ok bool) {
	for _, a := range attrs {
		if a.Key == key {
			return a.Value, true
		}
	}
	return "", false
}

// tempoAttr returns an attribute of the resource or, failing that, of the span.
func tempoAttr(s *Span, key string) (value string, ok bool) {
	switch {
	case key == "service.name":
		return s.Service, true
	case key == "service.namespace" && s.Namespace != "":
		return s.Namespace, true
	}
	if value, ok = findAttr(s.Resource, key); ok {
		return value, true
	}
	return findAttr(s.Attrs, key)
}

// peer returns the other side of a call as the span names it, perhaps with an empty
// name.
func (cfg *TempoConfig) peer(s *Span) (name string, ok bool) {
	for _, key := range cfg.PeerAttributes {
		if name, ok = findAttr(s.Attrs, key); ok {
			return name, true
		}
	}
	return "", false
}

// enterDatabase makes a call one to a database if its client span says so. With the
// name of the database the call is complete: it does not wait for a server span.
//
// In v2.9.0 db.system makes a call one to a database without naming it: the call
// waits, and becomes one to a virtual node. The resource is read as well, db.namespace
// excepted, so that db.name among the attributes of a service turns all that it calls
// into that database.
func (c *tempoCall) enterDatabase(s *Span, seconds float64) {
	database, ok := findAttr(s.Attrs, "db.namespace")
	if !ok {
		database, ok = tempoAttr(s, "db.name")
	}
	if !ok {
		_, ok = tempoAttr(s, "db.system")
	}
	if !ok {
		return
	}
	c.connectionType = connectionDatabase
	c.serverSeconds = seconds
	if name, ok := tempoAttr(s, "peer.service"); ok {
		c.server = name // even if it is empty
	} else if name, ok := tempoAttr(s, "server.address"); ok {
		c.server = name
	} else if host, ok := tempoAttr(s, "network.peer.address"); ok {
		if port, ok := tempoAttr(s, "network.peer.port"); ok {
			host += ":" + port
		}
		c.server = host
	} else if database != "" {
		c.server = database
	}
}

// multiplier returns how many calls a span stands for: the reciprocal of the sampling
// probability it or its resource gives, if that is a positive floating point number.
// Attributes have lost their types: what reads as an integer was one, or is 1.
func (cfg *TempoConfig) multiplier(s *Span) float64 {
	if cfg.SpanMultiplierKey == "" {
		return 1
	}
	for _, attrs := range [...][]Attr{s.Attrs, s.Resource} {
		for _, a := range attrs {
			if a.Key != cfg.SpanMultiplierKey || isNumber(a.Value) {
				continue
			}
			if v, err := strconv.ParseFloat(a.Value, 64); err == nil && v > 0 {
				return 1 / v
			}
		}
	}
	return 1
}
