package tempoclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// Authorize adds the tenant and the credentials to the header of a request to Tempo. It returns
// an error if the file with the token cannot be read.
func (cfg *Config) Authorize(h http.Header) error {
	if cfg.OrgID != "" {
		h.Set("X-Scope-OrgID", cfg.OrgID)
	}
	if cfg.Username != "" {
		(&http.Request{Header: h}).SetBasicAuth(cfg.Username, cfg.Password)
	}
	token := cfg.BearerToken
	if cfg.BearerTokenFile != "" {
		b, err := os.ReadFile(cfg.BearerTokenFile)
		if err != nil {
			return fmt.Errorf("reading the bearer token: %w", err)
		}
		token = strings.TrimSpace(string(b))
	}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for key, values := range cfg.Header {
		h[http.CanonicalHeaderKey(key)] = values
	}
	return nil
}

// validate refuses settings that exclude each other or are out of range.
func (cfg *Config) validate() error {
	ways := 0
	for _, set := range []bool{cfg.Username != "", cfg.BearerToken != "", cfg.BearerTokenFile != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("tempo: a user name, a bearer token and a token file exclude each other: set only one of them")
	}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return errors.New("tempo: a client certificate and its key belong together: set both files")
	}
	if cfg.Transport != nil && cfg.HTTPClient != nil {
		return errors.New("tempo: Transport and HTTPClient exclude each other: set only one of them")
	}
	if (cfg.Transport != nil || cfg.HTTPClient != nil) && (cfg.CAFile != "" || cfg.CertFile != "") {
		return errors.New("tempo: a custom transport has its own TLS settings: set the certificates there")
	}
	if cfg.Timeout < 0 || cfg.MaxBytes < 0 {
		return errors.New("tempo: Timeout and MaxBytes must not be negative: set them to zero for the defaults")
	}
	if strings.ContainsFunc(cfg.OrgID, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("tempo: the tenant %q holds a control character, which no header can carry", cfg.OrgID)
	}
	return nil
}

// TLSConfig returns the settings of CAFile, CertFile and KeyFile, nil for the defaults of the
// system. It returns an error if a file cannot be read.
func (cfg *Config) TLSConfig() (*tls.Config, error) {
	if cfg.CAFile == "" && cfg.CertFile == "" {
		return nil, nil
	}
	t := &tls.Config{}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tempo: reading the CA certificates: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tempo: reading the CA certificates: %s holds no certificate in PEM form", cfg.CAFile)
		}
	}
	if cfg.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tempo: reading the client certificate: %w", err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}
