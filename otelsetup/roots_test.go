//go:debug x509usefallbackroots=1

package otelsetup

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// systemRoot is a self-signed certificate for 127.0.0.1. This process uses it as the only root
// certificate of the system.
var systemRoot = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	x509.SetFallbackRoots(roots)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
})

// TestCAFileReplacesSystemRoots: with OTEL_EXPORTER_OTLP_CERTIFICATE, the authorities in that
// file are trusted and those of the system are not.
func TestCAFileReplacesSystemRoots(t *testing.T) {
	servers := map[string]func(*receiver, *tls.Config) *receiver{
		"http": func(r *receiver, c *tls.Config) *receiver { return r.serveHTTP(t, c) },
		"grpc": func(r *receiver, c *tls.Config) *receiver { return r.serveGRPC(t, c) },
	}
	cleanEnv(t)
	ofSystem, err := systemRoot()
	if err != nil {
		t.Fatal(err)
	}
	ofFile, certFile, _ := testTLS(t)
	for name, serve := range servers {
		t.Run(name, func(t *testing.T) {
			bySystem := serve(new(receiver), &tls.Config{Certificates: []tls.Certificate{ofSystem}}).url
			byFile := serve(new(receiver), ofFile).url
			check := func(url string) error {
				sdk, _ := begin(t, Endpoint(url))
				return sdk.Check(t.Context())
			}
			const refused = "certificate signed by unknown authority"
			if err := check(bySystem); err != nil {
				t.Errorf("without a CA file, an authority of the system: %v", err)
			}
			if err := check(byFile); err == nil || !strings.Contains(err.Error(), refused) {
				t.Errorf("without a CA file, another authority: %v", err)
			}
			t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", certFile)
			if err := check(byFile); err != nil {
				t.Errorf("with a CA file, its authority: %v", err)
			}
			if err := check(bySystem); err == nil || !strings.Contains(err.Error(), refused) {
				t.Errorf("with a CA file, an authority of the system: %v", err)
			}
		})
	}
}
