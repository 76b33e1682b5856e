// Quickstart is the whole way in one command: it starts a real Tempo, runs six
// small instrumented services that send their spans to it, drives some hundred
// requests through them, fetches the traces back, builds the service graph,
// prints its edges and draws servicegraph.svg.
//
//	go run ./examples/quickstart
//
// The first run builds Tempo, which takes some minutes; later ones take seconds.
// With a Tempo that is already there:
//
//	go run ./examples/quickstart -tempo http://localhost:3200 -otlp http://localhost:4318
//
// And with nothing but the viewer of graphviz-export, which takes the spans itself:
//
//	go run ./cmd/graphviz-export serve --otlp
//	go run ./examples/quickstart -otlp http://localhost:4318
//
// The services are a shop (shop.go): a gateway, a catalog with a database, a
// checkout that calls payments and puts orders on a queue, and a shipping service
// that takes them off and tells the mailer. Payments fails now and then.
package main
