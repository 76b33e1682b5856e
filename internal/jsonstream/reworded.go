package jsonstream

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
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
