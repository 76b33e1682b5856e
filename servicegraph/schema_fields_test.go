package servicegraph

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSchemaHasEveryField compares the published schema with the structs that are written
// and read: the names of the fields, their types, and which fields are always written.
func TestSchemaHasEveryField(t *testing.T) {
	data, err := os.ReadFile("graph.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema schemaObject
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	pending := schema.Defs["pending"].Properties
	receive := schema.Defs["pendingReceive"]
	for _, test := range []struct {
		value  any
		schema schemaObject
	}{
		{jsonGraph{}, schema},
		{jsonNode{}, schema.Defs["node"]},
		{jsonAttr{}, schema.Defs["attr"]},
		{jsonEdge{}, schema.Defs["edge"]},
		{jsonStats{}, schema.Defs["stats"]},
		{jsonLatency{}, schema.Defs["latency"]},
		{jsonEvidence{}, schema.Defs["evidence"]},
		{jsonID{}, schema.Defs["nodeID"]},
		{jsonExemplar{}, schema.Defs["exemplar"]},
		{jsonReport{}, schema.Defs["report"]},
		{jsonPending{}, schema.Defs["pending"]},
		{jsonCall{}, schema.Defs["pendingCall"]},
		{jsonMeeting{}, *pending["addresses"].Items},
		{jsonKubernetes{}, *pending["kubernetes"].Items},
		{jsonStatement{}, *pending["statements"].Items},
		{jsonSend{}, schema.Defs["pendingSend"]},
		{jsonReceive{}, receive},
		{jsonLink{}, *receive.Properties["target"]},
	} {
		kind := reflect.TypeOf(test.value)
		t.Run(kind.Name(), func(t *testing.T) {
			want, required := fieldsOf(kind)
			got := map[string]string{}
			for name, p := range test.schema.Properties {
				got[name] = schema.typeOf(p)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("properties (-code +schema):\n%s", diff)
			}
			slices.Sort(test.schema.Required)
			if diff := cmp.Diff(required, test.schema.Required); diff != "" && len(required)+len(test.schema.Required) > 0 {
				t.Errorf("required (-code +schema):\n%s", diff)
			}
		})
	}
}

type schemaObject struct {
	Ref        string `json:"$ref"`
	Type       string
	Const      any
	Properties map[string]*schemaObject
	Required   []string
	Items      *schemaObject
	Defs       map[string]schemaObject `json:"$defs"`
}

func (s *schemaObject) typeOf(p *schemaObject) string {
	if name, found := strings.CutPrefix(p.Ref, "#/$defs/"); found {
		d := s.Defs[name]
		return s.typeOf(&d)
	}
	if p.Const != nil {
		return "integer"
	}
	return p.Type
}

// fieldsOf returns the types of a struct's fields in JSON, and those that are
// always written, sorted.
func fieldsOf(kind reflect.Type) (types map[string]string, required []string) {
	types = map[string]string{}
	for _, f := range reflect.VisibleFields(kind) {
		if f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		t := f.Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.String:
			types[name] = "string"
		case reflect.Bool:
			types[name] = "boolean"
		case reflect.Float64:
			types[name] = "number"
		case reflect.Slice, reflect.Array:
			types[name] = "array"
		case reflect.Struct:
			types[name] = "object"
		default:
			types[name] = "integer"
		}
		if !strings.Contains(options, "omitempty") {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	return types, required
}
