package tempoclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
)

func TestBearerTokenFileIsReadAgain(t *testing.T) {
	var got string
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		got = req.Header.Get("Authorization")
		fmt.Fprint(w, "echo")
	})
	file := filepath.Join(t.TempDir(), "token")
	c := newClient(t, url, Config{BearerTokenFile: file})
	if err := c.Echo(t.Context()); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "tempo "+url+": reading the bearer token: ") {
		t.Errorf("without the file: %v", err)
	}
	for _, token := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Echo(t.Context()); err != nil || got != "Bearer "+token {
			t.Errorf("with token %s: header %q, error %v", token, got, err)
		}
	}
}

func TestContradictingConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"user and token":      {Username: "u", BearerToken: "t"},
		"token and file":      {BearerToken: "t", BearerTokenFile: "f"},
		"certificate, no key": {CertFile: "c"},
		"key alone":           {KeyFile: "k"},
		"transport and CA":    {CAFile: "c", Transport: http.DefaultTransport},
		"no CA file":          {CAFile: filepath.Join(t.TempDir(), "ca.pem")},
		"CA file of no form":  {CAFile: "access_test.go"},
		"no certificate":      {CertFile: "access_test.go", KeyFile: "access_test.go"},
	} {
		if _, err := New("http://localhost", cfg); err == nil || !strings.HasPrefix(err.Error(), "tempo: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "graph"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.TLS.PeerCertificates[0].Subject.CommonName != "graph" {
			t.Error("a client with another certificate")
		}
		fmt.Fprint(w, "echo")
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // discards messages about failed handshakes
	server.StartTLS()
	defer server.Close()
	caFile := write("ca.pem", "CERTIFICATE", server.Certificate().Raw)

	if err := newClient(t, server.URL, Config{CAFile: caFile, CertFile: certFile, KeyFile: keyFile}).Echo(t.Context()); err != nil {
		t.Errorf("with all: %v", err)
	}
	err = newClient(t, server.URL, Config{CertFile: certFile, KeyFile: keyFile}).Echo(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("without the CA: %v", err)
	}
	err = newClient(t, server.URL, Config{CAFile: caFile}).Echo(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a client certificate: %v", err)
	}

	only := x509.NewCertPool()
	only.AddCert(server.Certificate())
	if got, err := (&Config{CAFile: caFile}).TLSConfig(); err != nil || !got.RootCAs.Equal(only) {
		t.Errorf("a CA file does not replace the authorities of the system, error %v", err)
	}
}

func TestFromEnv(t *testing.T) {
	env := map[string]string{
		"TEMPO_URL": "https://example.com/tempo", "TEMPO_ORG_ID": "o", "TEMPO_USERNAME": "u", "TEMPO_PASSWORD": "p",
		"TEMPO_BEARER_TOKEN": "t", "TEMPO_BEARER_TOKEN_FILE": "f",
		"TEMPO_CA_CERT_PATH": "ca", "TEMPO_CLIENT_CERT_PATH": "c", "TEMPO_CLIENT_KEY_PATH": "k",
	}
	getenv := func(key string) string { return env[key] }
	url, cfg := FromEnv(getenv)
	want := Config{OrgID: "o", Username: "u", Password: "p", BearerToken: "t", BearerTokenFile: "f", CAFile: "ca", CertFile: "c", KeyFile: "k"}
	if diff := cmp.Diff(want, cfg, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Keep" }, cmp.Ignore())); diff != "" || url != env["TEMPO_URL"] {
		t.Errorf("URL %s, (-want +got):\n%s", url, diff)
	}
	env["TEMPO_ADDR"] = "localhost:3200"
	if url, _ := FromEnv(getenv); url != "http://localhost:3200" {
		t.Errorf("TEMPO_ADDR=%s gives %s", env["TEMPO_ADDR"], url)
	}
	if url, _ := FromEnv(func(string) string { return "" }); url != "" {
		t.Errorf("nothing set: URL %q", url)
	}
}

// TestOlderTempo has a server that knows only the path of Tempo 2.5 and older versions.
func TestOlderTempo(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/api/traces/" + id(1).String():
			body, err := proto.Marshal(oneSpan(id(1)).trace)
			if err != nil {
				t.Error(err)
			}
			writeProtobuf(w, body)
		case "/api/traces/" + id(2).String():
			w.WriteHeader(http.StatusNotFound)
		case "/api/traces/" + id(3).String():
			http.Error(w, "trace exceeds max size (max bytes: 5000000)", http.StatusUnprocessableEntity)
		default:
			http.NotFound(w, req)
		}
	})
	c := newClient(t, url, Config{})
	if trace, err := c.Trace(t.Context(), id(1)); err != nil || len(trace.Spans) != 1 || trace.Spans[0].Service != "api" {
		t.Errorf("a trace: %v, %v", trace, err)
	}
	if _, err := c.Trace(t.Context(), id(2)); !errors.Is(err, ErrNotFound) {
		t.Errorf("no trace: %v", err)
	}
	if _, err := c.Trace(t.Context(), id(3)); err == nil || !strings.Contains(err.Error(), "422 Unprocessable Entity: trace exceeds max size") {
		t.Errorf("a trace that is too large: %v", err)
	}
}
