package tempogrpc

import (
	"crypto/tls"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/tempo/pkg/tempopb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/tempograph/tempograph/tempoclient"
)

// TestTLS uses the certificates and the token of the HTTP client for streams.
func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(nil) // only its certificate is used
	defer server.Close()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var token string
	addr := serveStreams(t, &fakeStreams{
		tags: func(_ *tempopb.SearchTagsRequest, s tempopb.StreamingQuerier_SearchTagsV2Server) error {
			md, _ := metadata.FromIncomingContext(s.Context())
			token = strings.Join(md.Get("authorization"), ",")
			return s.Send(&tempopb.SearchTagsV2Response{})
		},
	}, grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: server.TLS.Certificates})))
	ask := func(cfg tempoclient.Config) error {
		cfg.BearerToken = "tok"
		return firstError(newStreams(t, server.URL, addr, cfg).Tags(t.Context(), tempoclient.TagQuery{}))
	}
	if err := ask(tempoclient.Config{CAFile: caFile}); err != nil || token != "Bearer tok" {
		t.Errorf("with the CA: %v, token %q", err, token)
	}
	if err := ask(tempoclient.Config{}); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("without the CA: %v", err)
	}
}
