package tracefile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// The objects of Zipkin's JSON (version 2), as far as they are read.
type (
	zipkinSpan struct {
		TraceID   string         `json:"traceId"`
		ID        string         `json:"id"`
		ParentID  string         `json:"parentId"`
		Kind      string         `json:"kind"`
		Name      string         `json:"name"`
		Timestamp jsonNumber     `json:"timestamp"`
		Duration  jsonNumber     `json:"duration"`
		Local     zipkinEndpoint `json:"localEndpoint"`
		Remote    zipkinEndpoint `json:"remoteEndpoint"`
		Tags      zipkinTags     `json:"tags"`

		// Only version 1 has annotations. They hold both ends and the kind.
		Annotations       zipkinAnnotations `json:"annotations"`
		BinaryAnnotations isPresent         `json:"binaryAnnotations"`
	}
	// zipkinTags are the tags that a span's reader reads, by their keys.
	zipkinTags struct {
		reads func(key string) bool
		text  map[string]jsonText
	}
	// zipkinAnnotations reports whether the first annotation has an endpoint.
	zipkinAnnotations bool

	// isPresent reports whether an object has a field.
	isPresent bool

	zipkinEndpoint struct {
		Service string     `json:"serviceName"`
		IPv4    string     `json:"ipv4"`
		IPv6    string     `json:"ipv6"`
		Port    jsonNumber `json:"port"`
	}
)

// UnmarshalJSON decodes only the tags that are read: an object of all tags would take many times
// the memory of its text.
func (t *zipkinTags) UnmarshalJSON(b []byte) error {
	if b[0] != '{' && b[0] != 'n' {
		return &json.UnmarshalTypeError{Value: typeOf(b), Type: reflect.TypeFor[map[string]string]()}
	}
	for name, value := range jsontext.Members(b) {
		key := semconv.ValidText(string(name))
		if !t.reads(key) {
			continue
		}
		var text jsonText
		if err := json.Unmarshal(value, &text); err != nil {
			return err
		}
		if t.text == nil {
			t.text = make(map[string]jsonText)
		}
		t.text[key] = text
	}
	return nil
}

// UnmarshalJSON reads the first annotation.
func (a *zipkinAnnotations) UnmarshalJSON(b []byte) error {
	if b[0] != '[' && b[0] != 'n' {
		return &json.UnmarshalTypeError{Value: typeOf(b), Type: reflect.TypeFor[[]string]()}
	}
	for element := range jsontext.Elements(b) {
		for key := range jsontext.Members(element) {
			*a = *a || zipkinAnnotations(isKey(key, "endpoint"))
		}
		break
	}
	return nil
}

func (p *isPresent) UnmarshalJSON([]byte) error {
	*p = true
	return nil
}

// readZipkin reads Zipkin's JSON: spans one after another, in lists, or in lists of lists, as
// its API answers.
func readZipkin(s *sink, in *input) error {
	return readObjects(s, jsontext.NewListStream(in.Reader, in.limit, deepReferences, ""), zipkinDecoder{s}.span)
}

// A zipkinDecoder decodes Zipkin's JSON into a sink.
type zipkinDecoder struct{ sink *sink }

// span decodes one span, or skips it.
func (d zipkinDecoder) span(object []byte) error {
	z := zipkinSpan{Tags: zipkinTags{reads: d.reads}}
	if err := json.Unmarshal(object, &z); err != nil {
		return d.sink.skip(jsonError("span", err))
	}
	if z.TraceID == "" && z.ID == "" {
		return d.sink.skip(errors.New("no span: " + quote.Excerpt(object)))
	}
	s, err := d.decode(&z)
	switch {
	case err == errStopped:
		return err
	case err != nil:
		return d.sink.skip(fmt.Errorf("%s: %w", describe(z.Name, s.Service), err))
	}
	return d.sink.addSpan(s)
}

func (d zipkinDecoder) decode(z *zipkinSpan) (servicegraph.Span, error) {
	s := servicegraph.Span{Service: z.Local.service(), Name: z.Name, Kind: kindNamed(z.Kind)}
	if z.isVersion1() {
		return s, errors.New("version 1 of Zipkin's JSON, which is not read: export the spans in version 2")
	}
	var err error
	if s.TraceID, err = parseTraceID(z.TraceID); err != nil {
		return s, err
	}
	if s.SpanID, err = parseSpanID(z.ID); err != nil {
		return s, err
	}
	if z.ParentID != "" {
		if s.ParentID, err = parseSpanID(z.ParentID); err != nil {
			return s, fmt.Errorf("parentId: %w", err)
		}
	}
	start, err := z.Timestamp.micros()
	if err != nil {
		return s, fmt.Errorf("timestamp: %w", err)
	}
	duration, err := z.Duration.micros()
	if err != nil {
		return s, fmt.Errorf("duration: %w", err)
	}
	s.Start = nanos(start)
	if s.Start != 0 && duration > 0 { // writers round less than a microsecond up to one
		s.End = nanos(start + duration)
	}
	if err := d.tags(&s, z); err != nil {
		return s, err
	}
	d.local(&s, z)
	d.remote(&s, z)
	return s, nil
}

// isVersion1 reports whether a span is of the first version of the format.
func (z *zipkinSpan) isVersion1() bool {
	return bool(z.BinaryAnnotations) || bool(z.Annotations)
}

// reads reports whether a tag with a key is read, either as an attribute or to decide whether
// another tag is read.
func (d zipkinDecoder) reads(key string) bool {
	return key == serviceNamespace || strings.HasPrefix(key, linkTag) || isOfResource(key) && d.sink.keep(key) || slices.Contains(remoteTags, key) || d.sink.readsTag(key)
}

// remoteTags are the tags that take precedence over the remote endpoint of a span. Each has the
// name of the remote endpoint or its messaging system.
var remoteTags = []string{
	"server.address", "net.peer.name", "network.peer.address", "net.sock.peer.addr", "net.peer.ip", "db.namespace", "db.name",
	"network.peer.port", "peer.service", "messaging.system", "messaging.destination.name",
}

// nameTags are those of remoteTags that can have the name of the remote endpoint.
var nameTags = remoteTags[:7]

// hostIP is the key of the resource attribute for the IP address of a host.
const hostIP = "host.ip"

// isOfResource reports whether a key is the key of a resource attribute. Zipkin has no resources,
// so translators from OTLP turn resource attributes into tags.
func isOfResource(key string) bool {
	first, _, _ := strings.Cut(key, ".")
	switch first {
	case "k8s", "host", "container", "cloud", "deployment":
		return true
	}
	return key == "service.version" || key == "service.instance.id"
}

// local makes a resource attribute from the address of the local endpoint.
func (d zipkinDecoder) local(s *servicegraph.Span, z *zipkinSpan) {
	if ip := cmp.Or(z.Local.IPv4, z.Local.IPv6); ip != "" && !z.Tags.text[hostIP].ok && d.sink.keep(hostIP) {
		s.Resource = append(s.Resource, servicegraph.Attr{Key: hostIP, Value: ip})
	}
}

// linkTag is the beginning of the keys of span links. Zipkin has no links, so translators from OTLP,
// such as that of the Collector, turn each link into a tag.
const linkTag = "otlp.link."

// link adds the link in a tag: trace id, span id, tracestate, attributes and a number, with a | before
// each but the first.
func (d zipkinDecoder) link(s *servicegraph.Span, text string) error {
	trace, rest, _ := strings.Cut(text, "|")
	span, _, _ := strings.Cut(rest, "|")
	var l servicegraph.Link
	var err error
	if l.TraceID, err = parseTraceID(trace); err == nil {
		l.SpanID, err = parseSpanID(span)
	}
	if err != nil {
		return d.sink.skipFor(func() error { return fmt.Errorf("a link of %s: %w", describe(s.Name, s.Service), err) })
	}
	s.Links = append(s.Links, l)
	return nil
}

// tags adds the tags in the order of their keys. A tag "error" is an error unless its value
// is false. An error of tags ends the reading.
func (d zipkinDecoder) tags(s *servicegraph.Span, z *zipkinSpan) error {
	for _, key := range slices.Sorted(maps.Keys(z.Tags.text)) {
		value := z.Tags.text[key]
		switch {
		case !value.ok:
		case key == serviceNamespace:
			s.Namespace = value.text
		case strings.HasPrefix(key, linkTag):
			if err := d.link(s, value.text); err != nil {
				return err
			}
		case isOfResource(key):
			if d.sink.keep(key) {
				s.Resource = append(s.Resource, servicegraph.Attr{Key: key, Value: value.text})
			}
		case key == "span.kind" && s.Kind == servicegraph.KindUnset:
			s.Kind = kindNamed(value.text)
		case key == "peer.service", key == "service.peer.name", key == "faas.invoked_name":
			d.sink.addTag(s, key, strings.ToLower(value.text)) // in lower case, like the names of services
		default:
			d.sink.addTag(s, key, value.text)
		}
	}
	if value := z.Tags.text["error"]; value.ok && value.text != "false" {
		s.Status = servicegraph.StatusError
	}
	return nil
}

// remote makes attributes of the remote endpoint. Its name is that of the peer, or, for a producer
// or consumer, that of the broker. As in Zipkin, a span without a kind that names both ends is a
// client.
func (d zipkinDecoder) remote(s *servicegraph.Span, z *zipkinSpan) {
	name := z.Remote.service()
	if s.Kind == servicegraph.KindUnset && s.Service != "" && name != "" {
		s.Kind = servicegraph.KindClient
	}
	address := z.Remote.IPv4
	if address == "" {
		address = z.Remote.IPv6
	}
	d.attribute(s, z, "network.peer.address", address)
	if port, err := z.Remote.Port.int(); err == nil && port > 0 {
		d.attribute(s, z, "network.peer.port", strconv.FormatInt(port, 10))
	}
	switch {
	case z.tagged(name, nameTags...):
		// A translator from OTLP took the name from a tag, and the tag is more precise.
	case s.Kind != servicegraph.KindProducer && s.Kind != servicegraph.KindConsumer:
		d.attribute(s, z, "peer.service", name)
	case !z.Tags.text["messaging.system"].ok && !z.Tags.text["messaging.destination.name"].ok:
		d.attribute(s, z, "messaging.system", name)
	}
}

// attribute adds an attribute unless its value is empty or a tag has its key.
func (d zipkinDecoder) attribute(s *servicegraph.Span, z *zipkinSpan, key, value string) {
	if value != "" && !z.Tags.text[key].ok && d.sink.keep(key) {
		s.Attrs = append(s.Attrs, servicegraph.Attr{Key: key, Value: value})
	}
}

// tagged reports whether one of the tags has the given value, in upper or lower case.
func (z *zipkinSpan) tagged(value string, keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		return z.Tags.text[key].ok && strings.EqualFold(z.Tags.text[key].text, value)
	})
}

// service returns the name of the service at an endpoint, in lower case, as Zipkin makes all
// names.
func (e *zipkinEndpoint) service() string { return strings.ToLower(serviceNamed(e.Service)) }
