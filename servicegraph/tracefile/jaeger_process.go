package tracefile

import (
	"encoding/json"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// jaegerProcesses are the processes of a trace by their id. A process is decoded only when a span
// needs it, because an empty process takes only seven bytes of text, but much more memory.
type jaegerProcesses struct {
	text []byte // an object; nil or null if there are no processes

	places map[string]place // by id; nil before the first use
	known  map[string]*resource
}

// A place is where a process begins and ends in the text.
type place struct{ start, end uint32 }

// maxKnownProcesses is how many decoded processes of a trace are remembered.
const maxKnownProcesses = 1 << 10

// find returns the text of a process, nil if there is none.
func (p *jaegerProcesses) find(id string) []byte {
	if p.places == nil {
		p.places, p.known = make(map[string]place), make(map[string]*resource)
		for key, value := range jsontext.Members(p.text) {
			end := cap(p.text) - cap(value) + len(value) // works because value is a part of the text
			p.places[semconv.ValidText(string(key))] = place{uint32(end - len(value)), uint32(end)}
		}
	}
	at, ok := p.places[id]
	if !ok {
		return nil
	}
	return presentObject(p.text[at.start:at.end])
}

// presentObject returns a value, nil if it is null.
func presentObject(value []byte) []byte {
	if value[0] == 'n' {
		return nil
	}
	return value
}

// resourceOf returns the resource of the process of a span.
func (d jaegerDecoder) resourceOf(j *jaegerSpan, processes *jaegerProcesses) (*resource, error) {
	if res := processes.known[j.ProcessID]; res != nil {
		return res, nil
	}
	text := processes.find(j.ProcessID)
	if text == nil {
		return d.resource(j.process)
	}
	res, err := d.resource(text)
	if err == nil {
		if len(processes.known) == maxKnownProcesses {
			clear(processes.known)
		}
		processes.known[j.ProcessID] = res
	}
	return res, err
}

// resource returns the resource of a process. Without a process, the service has no name.
func (d jaegerDecoder) resource(process []byte) (*resource, error) {
	res := new(resource)
	if process == nil {
		return res, nil
	}
	if err := wantObject("process", process); err != nil {
		return res, err
	}
	var p struct {
		Service string `json:"serviceName"`
	}
	if err := json.Unmarshal(process, &p); err != nil {
		return res, jsonErrorIn("process", err)
	}
	res.service = serviceNamed(p.Service)
	wanted := func(key string) bool { return res.needs(key, d.sink.keep(key)) }
	for key, value := range jsontext.Members(process) {
		if !isKey(key, "tags") {
			continue
		}
		var tags jsonList
		if err := tags.set("process.tags", value); err != nil {
			return res, err
		}
		for element := range tags.elements() {
			key, text, ok, err := readTag(element, wanted)
			if err != nil {
				return res, jsonErrorIn("process.tags", err)
			}
			if ok {
				res.add(key, text)
			}
		}
	}
	return res, nil
}

// readTag reads a tag whose key is wanted. It returns its value, and false if the value is
// missing or bytes, or the key is not wanted.
func readTag(element []byte, wanted func(key string) bool) (key, text string, ok bool, err error) {
	c := jsontext.Cursor{Text: element}
	var rawKey, typ, value []byte
	var seen jsontext.Fields
	for c.Expect('{'); c.Next('}'); {
		switch name := c.Key(); string(name) {
		case "key":
			c.FailIfRepeated(&seen, 0)
			rawKey = c.PlainString()
		case "type":
			c.FailIfRepeated(&seen, 1)
			typ = c.PlainString()
		case "value":
			c.FailIfRepeated(&seen, 2)
			c.Peek()
			start := c.Pos
			c.Skip()
			value = c.Text[start:c.Pos]
		default:
			c.SkipUnknown(name, "key", "type", "value")
		}
	}
	t := jaegerTag{Key: semconv.ValidText(string(rawKey)), Type: string(typ)}
	switch {
	case c.Failed: // unusual or invalid
		t = jaegerTag{}
		if err := json.Unmarshal(element, &t); err != nil {
			return "", "", false, err
		}
		if !wanted(t.Key) {
			return t.Key, "", false, nil
		}
	case len(value) == 0 || !wanted(t.Key):
		return t.Key, "", false, nil
	default:
		if err := json.Unmarshal(value, &t.Value); err != nil {
			return "", "", false, err
		}
	}
	text, ok = t.text()
	return t.Key, text, ok, nil
}

// text returns the value of a tag, and false if it is missing or bytes.
func (t *jaegerTag) text() (string, bool) {
	if f, err := strconv.ParseFloat(t.Value.text, 64); t.Type == "float64" && err == nil {
		return floatText(f), t.Value.ok
	}
	return t.Value.text, t.Value.ok && t.Type != "binary"
}
