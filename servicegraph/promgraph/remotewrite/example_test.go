package remotewrite_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph/remotewrite"
)

// A writer sends the calls of a service to one tenant of a receiver that asks for a password. While
// the receiver is down, the writer keeps at most 50,000 samples and tries again after at most ten
// seconds. A server in this process takes the place of Mimir.
func ExampleWriter_Run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var first sync.Once
	mimir := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "shop" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		first.Do(func() {
			fmt.Println("samples for the tenant", r.Header.Get("X-Scope-OrgID"))
			cancel() // in place of the signal that ends a program
		})
	}))
	defer mimir.Close()

	series := func() []promgraph.Series {
		return []promgraph.Series{{
			Labels: []promgraph.Label{{Name: "client", Value: "shop"}, {Name: "server", Value: "stock"}},
			Total:  3,
		}}
	}
	writer, err := remotewrite.New(series, remotewrite.Config{
		URL:      mimir.URL + "/api/v1/push",
		Labels:   map[string]string{"cluster": "eu"},
		Tenant:   "team-a",
		Username: "shop", Password: "secret",
		Interval: time.Minute,
		MaxDelay: 10 * time.Second,
		MaxBatch: 500, MaxQueue: 50_000,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(writer.Run(ctx))
	stats := writer.Stats()
	fmt.Println(stats.Refused, "refused,", stats.Dropped, "dropped,", stats.Queued, "in the queue")
	// Output:
	// samples for the tenant team-a
	// context canceled
	// 0 refused, 0 dropped, 0 in the queue
}
