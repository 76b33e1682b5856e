// Quickstart shows everything in one command. It starts a Tempo server and six small
// instrumented services that send their spans to Tempo, makes 300 requests to the
// services, fetches the traces from Tempo, builds the service graph, prints its edges
// and draws servicegraph.svg.
//
//	go run ./examples/quickstart
//
// The first run builds Tempo, which takes some minutes. Later runs take seconds. To use
// a running Tempo server:
//
//	go run ./examples/quickstart -tempo http://localhost:3200 -otlp http://localhost:4318
//
// To use only graphviz-export serve, which receives spans without Tempo:
//
//	go run ./cmd/graphviz-export serve --otlp
//	go run ./examples/quickstart -otlp http://localhost:4318
//
// The services are a shop (shop.go): a gateway, a catalog with a database, a checkout
// that calls payments and sends orders to a queue, and a shipping service that receives
// the orders and calls the mailer. Payments fails for one order in ten.
package main
