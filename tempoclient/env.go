package tempoclient

import (
	"cmp"
	"strings"
)

// FromEnv reads the address of Tempo, the tenant and the credentials from the
// environment:
//
//	TEMPO_ADDR               base URL, as for New; http:// is added to a bare host:port
//	TEMPO_URL                the same, used if TEMPO_ADDR is not set
//	TEMPO_ORG_ID             tenant, or several as a|b
//	TEMPO_USERNAME           for basic authentication
//	TEMPO_PASSWORD
//	TEMPO_BEARER_TOKEN       for authentication by token
//	TEMPO_BEARER_TOKEN_FILE  file with the token
//	TEMPO_CA_CERT_PATH       CA certificates to trust in place of the system's
//	TEMPO_CLIENT_CERT_PATH   client certificate
//	TEMPO_CLIENT_KEY_PATH    key of the client certificate
//
// getenv is os.Getenv outside of tests. Fields without a variable stay empty, and so
// does the URL.
func FromEnv(getenv func(key string) string) (baseURL string, cfg Config) {
	baseURL = cmp.Or(getenv("TEMPO_ADDR"), getenv("TEMPO_URL"))
	if baseURL != "" && !strings.Contains(baseURL, "://") {
		baseURL = "http://" + baseURL
	}
	return baseURL, Config{
		OrgID:           getenv("TEMPO_ORG_ID"),
		Username:        getenv("TEMPO_USERNAME"),
		Password:        getenv("TEMPO_PASSWORD"),
		BearerToken:     getenv("TEMPO_BEARER_TOKEN"),
		BearerTokenFile: getenv("TEMPO_BEARER_TOKEN_FILE"),
		CAFile:          getenv("TEMPO_CA_CERT_PATH"),
		CertFile:        getenv("TEMPO_CLIENT_CERT_PATH"),
		KeyFile:         getenv("TEMPO_CLIENT_KEY_PATH"),
	}
}
