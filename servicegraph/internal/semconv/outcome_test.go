package semconv

import "testing"

// TestOutcomes checks that an outcome has one canonical name, whichever attribute has it.
func TestOutcomes(t *testing.T) {
	for _, test := range []struct {
		name, key, value string
		want             bool
	}{
		{"canceled", "rpc.response.status_code", "CANCELLED", true},
		{"CANCELLED", "rpc.grpc.status_code", "1", true},
		{"1", "rpc.response.status_code", "Canceled", true},
		{"cancelled", "rpc.connect_rpc.error_code", "canceled", true},
		{"canceled", "error.type", "context.Canceled", true},
		{"context.Canceled", "error.type", "context.Canceled", true},
		{"deadline exceeded", "rpc.response.status_code", "DEADLINE_EXCEEDED", true},
		{"404", "http.response.status_code", "404", true},
		{"404", "http.status_code", "404", true},
		{"404", "error.type", "404", true},
		{"404", "http.response.status_code", "500", false},
		{"4xx", "http.response.status_code", "429", true},
		{"4XX", "http.status_code", "404", true},
		{"4xx", "error.type", "404", true},
		{"4xx", "http.response.status_code", "500", false},
		{"4xx", "rpc.grpc.status_code", "4", false},
		{"4xx", "error.type", "4xx", false},
		{"axx", "error.type", "axx", true},
		{"5", "http.response.status_code", "5", false}, // a status code of gRPC
		{"canceled", "rpc.grpc.status_code", "14", false},
		{"canceled", "error.type", "timeout", false},
		{"", "error.type", "_", false},
	} {
		var attrs Attrs
		attrs.Add(test.key, test.value)
		of := Interpret(Client, &attrs, false, Options{NotErrors: NewOutcomes([]string{test.name})})
		if of.Excused != test.want {
			t.Errorf("%q and %s=%s: %v, want %v", test.name, test.key, test.value, of.Excused, test.want)
		}
		if of := Interpret(Client, &attrs, false, Options{}); of.Excused {
			t.Errorf("%s=%s is excused although no outcome is", test.key, test.value)
		}
	}
}
