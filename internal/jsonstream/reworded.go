package jsonstream

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Reworded turns a [json.UnmarshalTypeError] into an error that names types of JSON, not of Go. The
// error names the field, or value if the error is about no field, and the type that is wanted
// there. Reworded returns any other error unchanged.
func Reworded(err error, value string) error {
	e, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	want := "an object"
	switch e.Type.Kind() {
	case reflect.String:
		want = "a string"
	case reflect.Bool:
		want = "a boolean"
	case reflect.Float64, reflect.Int64:
		want = "a number"
	case reflect.Int, reflect.Uint64:
		want = "a whole number"
		if e.Type.Kind() == reflect.Uint64 {
			want = "a whole number from 0"
		}
	case reflect.Slice, reflect.Array:
		want = "an array"
	}
	return fmt.Errorf("%s: want %s, got %s", cmp.Or(e.Field, value), want, e.Value)
}

// reworded returns an error of decoding into a value: see [Reworded].
func reworded(err error, into any) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.Field = withoutEmbedded(e.Field, reflect.TypeOf(into))
	}
	return Reworded(err, "a value")
}

// withoutEmbedded returns the path of a field in a type without the names of embedded structs, which
// encoding/json adds and JSON does not have.
func withoutEmbedded(path string, in reflect.Type) string {
	var names []string
	for name := range strings.SplitSeq(path, ".") {
		for in.Kind() == reflect.Pointer || in.Kind() == reflect.Slice || in.Kind() == reflect.Array {
			in = in.Elem()
		}
		if in.Kind() == reflect.Struct {
			if f, ok := in.FieldByName(name); ok && f.Anonymous {
				in = f.Type
				continue
			}
			for i := range in.NumField() {
				if tag, _, _ := strings.Cut(in.Field(i).Tag.Get("json"), ","); tag == name {
					in = in.Field(i).Type
					break
				}
			}
		}
		names = append(names, name)
	}
	return strings.Join(names, ".")
}
