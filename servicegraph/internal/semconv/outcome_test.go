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
		{"cancelled", "error.type", "context canceled", true},
		{"canceled", "error.type", "*context.canceledError", true},
		{"canceled", "error.type", "System.Threading.Tasks.TaskCanceledException", true},
		{"canceled", "error.type", "OperationCanceledException", true},
		{"canceled", "error.type", "java.util.concurrent.CancellationException", true},
		{"canceled", "error.type", "asyncio.exceptions.CancelledError", true},
		{"canceled", "error.type", "GRPC::Cancelled", true},
		{"canceled", "error.type", `React\Promise\CancellationException`, true},
		{"canceled", "error.type", "net/http: request canceled", true},
		{"canceled", "error.type", "1", true},
		{"cancelled", "rpc.grpc.status_code", "StatusCode.CANCELLED", true},
		{"canceled", "error", "CANCELLED", true},
		{"404", "error", "404", true},
		{"canceled", "error", `Get "http://cart/": context canceled`, true},
		{"canceled", "otel.status_description", "context canceled", true},
		{"canceled", "otel.status_description", `Get "http://cart/": context canceled`, true},
		{"canceled", "otel.status_description", "rpc error: code = Canceled desc = context canceled", true},
		{"deadline exceeded", "otel.status_description", "rpc error: code = DeadlineExceeded desc = canceled", true},
		{"timeout", "otel.status_description", "dial tcp 10.0.0.5:80: i/o timeout", true},
		{"canceled", "otel.status_description", "the customer canceled the order", false},
		{"canceled", "otel.status_description", "canceled: connection refused", false},
		{"canceled", "error", "true", false},
		{"canceled", "error.type", "java.nio.channels.CancelledKeyException", false},
		{"TaskCanceledException", "error.type", "System.Threading.Tasks.TaskCanceledException", true},
		{"TaskCanceledException", "error.type", "OperationCanceledException", false},
		{"deadline", "error.type", "context.deadlineExceededError", true},
		{"deadline", "rpc.grpc.status_code", "4", true},
		{"deadline exceeded", "error.type", "context deadline exceeded", true},
		{"timeout", "error.type", "timeout", true},
		{"timeout", "error.type", "java.net.SocketTimeoutException", true},
		{"timeout", "error.type", "requests.exceptions.ReadTimeout", true},
		{"timeout", "error.type", "ETIMEDOUT", true},
		{"timeout", "error.type", "i/o timeout", true},
		{"timeout", "error.type", "HTTPTimeoutError", true},
		{"timeout", "error.type", "TimeoutStrategy", false},
		{"unavailable", "error.type", "ServiceUnavailableException", true},
		{"unavailable", "error.type", "UNAVAILABLE", true},
		{"not found", "error.type", "HttpClientErrorException$NotFound", true},
		{"unknown", "error.type", "java.net.UnknownHostException", false},
		{"internal", "error.type", "InternalServerError", false},
		{"aborted", "error.type", "ConnectionAbortedError", false},
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
