package tempoclient

import (
	"cmp"
	"strings"
)

// FromEnv reads from the environment which Tempo to ask, and as whom:
//
//	TEMPO_ADDR               base URL, as for New; http:// is added to a bare host:port
//	TEMPO_URL                the same, where TEMPO_ADDR is not set
//	TEMPO_ORG_ID             tenant, or several as a|b
//	TEMPO_USERNAME           for basic authentication
//	TEMPO_PASSWORD
//	TEMPO_BEARER_TOKEN       for authentication by token
//	TEMPO_BEARER_TOKEN_FILE  file that holds the token
//	TEMPO_CA_CERT_PATH       CA certificates to trust in place of the system's
//	TEMPO_CLIENT_CERT_PATH   client certificate
//	TEMPO_CLIENT_KEY_PATH    its key
//
// getenv is os.Getenv outside of tests. What is not set stays empty, the URL too.
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
