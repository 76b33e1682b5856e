package tracefile_test

import (
	"fmt"
	"strings"

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
