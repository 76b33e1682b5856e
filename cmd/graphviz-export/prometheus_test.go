package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// fakePrometheus starts a server and returns its URL. The server answers queries for the calls and
// for some of the latencies of two edges. It requires the user "me" with the password "secret", or
// the bearer token "token".
func fakePrometheus(t *testing.T) string {
	const cart, db = `"client":"web","server":"cart"`, `"client":"cart","server":"orders","connection_type":"database"`
	answers := map[string]string{
		"last_over_time(traces_service_graph_request_total":                 `{"metric":{` + cart + `},"value":[1,"60"]},{"metric":{` + db + `},"value":[1,"30"]}`,
		"last_over_time(traces_service_graph_request_failed_total":          `{"metric":{` + cart + `},"value":[1,"6"]}`,
		"last_over_time(traces_service_graph_request_client_seconds_bucket": `{"metric":{` + cart + `,"le":"0.1"},"value":[1,"60"]},{"metric":{` + cart + `,"le":"+Inf"},"value":[1,"60"]}`,
		"last_over_time(traces_service_graph_request_client_seconds_sum":    `{"metric":{` + cart + `},"value":[1,"3"]}`,
	}
	var mu sync.Mutex
	asked := make(map[string]int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		user, password, _ := r.BasicAuth()
		if (user != "me" || password != "secret") && r.Header.Get("Authorization") != "Bearer token" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		query := r.FormValue("query")
		if strings.Contains(query, "cluster=prod") {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected identifier \"prod\""}`)
			return
		}
		result := ""
		for start, answer := range answers {
			if strings.HasPrefix(query, start) && !strings.Contains(query, "nowhere") && !strings.Contains(query, `failed="false"`) {
				if asked[start]++; asked[start]%2 == 1 { // the second query is for the values before the range
					result = answer
				}
			}
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
