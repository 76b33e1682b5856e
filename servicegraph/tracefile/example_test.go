package tracefile_test

import (
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

func ExampleRead() {
	file := `{"resourceSpans":[{
		"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
		"scopeSpans":[{"spans":[
			{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"GET /cart","kind":2},
			{"traceId":"5b8efff798038103","spanId":"eee19b7ec3c1b175","name":"GET /pay","kind":2}
		]}]
	}]}`
	for span, err := range tracefile.Read(strings.NewReader(file), "cart.json", tracefile.Config{}) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(span.Service, span.Kind, span.Name)
	}
	// Output:
	// shop server GET /cart
	// cart.json: record 1 at byte 0: span "GET /pay" of "shop": traceId: "5b8efff798038103": want 32 hexadecimal digits, got 16 characters
}

func ExampleReadFile() {
	services := make(map[string]bool)
	for span, err := range tracefile.ReadFile("../../examples/traces/hotrod.jsonl.gz", tracefile.Config{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		services[span.Service] = true
	}
	fmt.Println(len(services), "services")
	// Output: 6 services
}

// LoadFile decodes on all processors, and decodes only what the graph needs.
func ExampleLoadFile() {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := tracefile.LoadFile(b, "../../examples/traces/hotrod.jsonl.gz", tracefile.LoadConfig{}); err != nil {
		fmt.Println(err)
		return
	}
	for e := range b.Graph().Edges() {
		fmt.Printf("%s → %s: %v calls, %v failed\n", e.ID.From.Name, e.ID.To.Name, e.Calls, e.Errors)
	}
	// Output:
	// customer → mysql: 53 calls, 0 failed
	// driver → redis-manual: 702 calls, 130 failed
	// frontend → customer: 53 calls, 1 failed
	// frontend → driver: 52 calls, 0 failed
	// frontend → route: 520 calls, 0 failed
}
