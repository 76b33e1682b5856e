// Package tempogrpc asks Tempo over gRPC, whose service StreamingQuerier sends results
// while Tempo is still searching, and converts between Tempo's messages and spans.
//
// The package uses a client of package tempoclient for the settings and the credentials:
//
//	client, err := tempoclient.New("http://localhost:3200", tempoclient.Config{})
//	...
//	streams, err := tempogrpc.New(client, tempogrpc.Config{})
//	...
//	for progress, err := range streams.Search(ctx, tempoclient.Query{}) {
//
// Each message of Tempo holds the results that are new or have changed. After each message, a
// sequence yields all results so far. At the end, it yields the complete answer once more, with the
// warnings about the answer. If the connection breaks after the first message, the sequence ends
// with an error; it does not start again.
//
// This package is separate from tempoclient because it links gRPC and Tempo's package
// tempopb, which registers metrics with Prometheus's default registry.
package tempogrpc

import (
	"cmp"
	"fmt"
	"math"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/internal/shared"
)

// Config says how to reach Tempo over gRPC.
type Config struct {
	// Addr is the host:port of Tempo's gRPC server. The connection uses TLS if the base
	// URL of the client is https. Empty means the host and port of the base URL, which
	// answers gRPC if Tempo has stream_over_http_enabled.
	Addr string
}

// A Client asks one Tempo over gRPC. It is safe for concurrent use.
type Client struct {
	conn *grpc.ClientConn
	addr string
	http *shared.Client
}

// New returns a client for the server of an HTTP client, with the same tenant, credentials,
// certificates and limits. Config.Timeout of the HTTP client bounds the time between two
// messages of a stream. New sends nothing.
func New(client *tempoclient.Client, cfg Config) (*Client, error) {
	c := &Client{http: client.Shared(), addr: cfg.Addr}
	if c.addr == "" {
		port := map[string]string{"http": "80", "https": "443"}[c.http.Base.Scheme]
		c.addr = net.JoinHostPort(c.http.Base.Hostname(), cmp.Or(c.http.Base.Port(), port))
	}
	creds := insecure.NewCredentials()
	if c.http.Base.Scheme == "https" {
		t, err := c.http.TLS()
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(t)
	}
	conn, err := grpc.NewClient(c.addr,
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodec(codec{}),
			grpc.MaxCallRecvMsgSize(int(min(c.http.MaxBytes, math.MaxInt32))),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("tempo %s: %w", c.addr, err)
	}
	c.conn = conn
	return c, nil
}

// Close closes the connection and ends all streams.
func (c *Client) Close() error { return c.conn.Close() }

// A codec encodes the messages of tempopb, which gRPC's own codec does not know.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	return v.(interface{ Marshal() ([]byte, error) }).Marshal()
}

func (codec) Unmarshal(data []byte, v any) error {
	return v.(interface{ Unmarshal([]byte) error }).Unmarshal(data)
}
